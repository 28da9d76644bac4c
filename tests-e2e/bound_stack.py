"""A stack whose tokens are bound to a key (OVERLAY=dpop); in Docker it is one behind https."""

from live_stack import Stack
from tls_stack import TlsStack

NONCES = '      DPOP: "1"\n      DPOP_NONCE_KEY_FILE: /run/secrets/nonce-key\n'


def start_bound_stack(stack: Stack, *, nonces: bool) -> Stack:
    """Start it, and return what knows its addresses."""
    if stack.environment["RUNTIME"] == "docker":
        stack = TlsStack(stack.folder)
    stack.environment["OVERLAY"] = "dpop"
    if nonces:
        _demand_nonces(stack)
    stack.first_output = stack.make("up")
    return stack


def _demand_nonces(stack: Stack) -> None:
    """Let both servers demand nonces; in the overlay's file, their settings stand before the job's."""
    overlay = stack.folder / "deploy/dpop/compose.yml"
    servers, job = overlay.read_text().split("  calling-service:")
    overlay.write_text(servers.replace('      DPOP: "1"\n', NONCES) + "  calling-service:" + job)
    for service in ("auth-server", "protected-api"):
        folder = stack.folder / ".secrets" / service
        folder.mkdir(parents=True)
        (folder / "nonce-key").write_text("n" * 43)
