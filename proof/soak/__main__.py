"""Run the soak: `make soak MINUTES=60`, with RATE, FAULT_SECONDS, SEED, RUNTIME and SERVER.

It exits with 1 unless every promise of docs/soak.md holds. SLOW_SENDERS=8 measures slow senders alone.
"""

import os
import sys
import tempfile
from pathlib import Path

from live_stack import Stack

from proof.soak import slow_senders
from proof.soak.report import printed
from proof.soak.run import Settings, Soak

SHORT_TIMES = {  # keys that can be rotated within a soak: announced for 20 s, fetched every 5 s
    "TENANT_FILE: tenant.yaml": [
        "TENANT_FILE: /run/secrets/tenant.yaml",
        'JWKS_TTL: "5"',
        'JWKS_COOLDOWN: "1"',
        'KEY_ANNOUNCEMENT: "20"',
    ],
    "JWKS_FILE: /data/jwks.json": ["JWKS_FILE: /data/jwks.json", 'JWKS_TTL: "5"', 'JWKS_COOLDOWN: "1"'],
}


def prepared(folder: Path) -> Stack:
    """Return a stack whose keys can be rotated within a soak, and whose tenant file can be edited."""
    stack = Stack(folder / "checkout")
    for old, lines in SHORT_TIMES.items():
        stack.edit("docker-compose.yml", old, "\n      ".join(lines))
    secrets = stack.folder / ".secrets/auth-server"
    secrets.mkdir(parents=True)
    (secrets / "tenant.yaml").write_text((stack.folder / "auth-server/tenant.yaml").read_text())
    return stack


def main() -> int:
    """Start the stack, run, stop everything, print; return the exit status."""
    os.environ.setdefault("RUNTIME", "local")
    with tempfile.TemporaryDirectory() as folder:
        if os.environ.get("SLOW_SENDERS"):
            return slow_senders.main(Path(folder), int(os.environ["SLOW_SENDERS"]))
        stack = prepared(Path(folder))
        try:
            stack.make("up")
            soak = Soak(stack, Settings.from_environ(os.environ))
            soak.run()
        finally:
            stack.drop()
    return printed(soak)


if __name__ == "__main__":
    sys.exit(main())
