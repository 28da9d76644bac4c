"""Access tokens as the authorization server issues them, signed here: thousands of them take it too long.

The two APIs and the peer fetch the key of these tokens from a small server in this process.
"""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwk, jwt
from live_stack import Stack

KEY = jwk.generate_key("EC", "P-256", {"kid": "bench-peers", "use": "sig", "alg": "ES256"})
HEADER = {"typ": "at+jwt", "alg": "ES256", "kid": "bench-peers"}


def sign(stack: Stack, scope: str) -> str:
    """Return a new access token for the stack's API."""
    now = int(time.time())
    client = "payroll-report"
    claims: dict[str, str | int] = {"iss": stack.issuer, "aud": stack.timesheets_api, "sub": client}
    claims |= {
        "client_id": client,
        "iat": now,
        "exp": now + 3600,
        "jti": secrets.token_urlsafe(16),
        "scope": scope,
    }
    return jwt.encode(HEADER, claims, KEY)


class _KeySet(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"keys": [KEY.as_dict(private=False)]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/jwk-set+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing: a line for each fetch would stand in the table."""


@contextmanager
def key_set() -> Iterator[str]:
    """Serve the key set during the block; yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _KeySet) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        finally:
            server.shutdown()
