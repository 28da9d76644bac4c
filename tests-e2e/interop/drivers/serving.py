"""The settings of a program, and a server for checks that come without a web framework."""

import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ISSUER = os.environ["ISSUER"]
JWKS_URI = os.environ["JWKS_URI"]
AUDIENCE = os.environ["AUDIENCE"]
SCOPE = os.environ["SCOPE"]
ALGORITHM = os.environ["ALGORITHM"]  # the one that the API's tokens are signed with
PORT = int(os.environ["PORT"])
DEFAULTS = os.environ["CHECKS"] == "defaults"  # the fewest settings that take a token of ours, not the recipe


def serve(authorize: Callable[[str, str], tuple[int, str]]) -> None:
    """Serve GET /timesheets. `authorize` takes the Authorization header and a scope, returns the answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            header = self.headers.get("Authorization")
            try:
                status, challenge = authorize(header, SCOPE) if header else (401, "Bearer")
            except Exception:  # noqa: BLE001 as a web framework does
                status = 500
                challenge = ""
            self.send_response(status)
            if challenge:
                self.send_header("WWW-Authenticate", challenge)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
