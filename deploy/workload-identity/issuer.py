"""Play the platform: give one workload a token, renew it in a file as a kubelet does, publish the public key.

Usage: `python issuer.py FOLDER`, with ISSUER, SUBJECT and AUDIENCE in the environment. The token is
FOLDER/token. The private key never leaves the memory of this process: after a restart there is another.
"""

import json
import os
import shutil
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

LIFETIME = 600  # seconds, the least that Kubernetes gives
RENEWAL = float(os.environ.get("RENEWAL", "240"))  # seconds between two tokens
PORT = int(os.environ.get("PORT", "9010"))
KEY = ECKey.generate_key("P-256", auto_kid=True)


def token() -> str:
    """Return a token with the claims that matter of a projected service-account token."""
    now = int(time.time())
    claims = {"iss": os.environ["ISSUER"], "sub": os.environ["SUBJECT"], "aud": [os.environ["AUDIENCE"]]}
    times = {"iat": now, "nbf": now, "exp": now + LIFETIME}
    return jwt.encode({"alg": "ES256", "kid": KEY.kid}, {**claims, **times}, KEY)


def write(folder: Path, content: str) -> None:
    """Replace FOLDER/token as a whole: a reader sees the old file or the new one, and never half of one.

    The name is a link into the folder `..data`, which is itself a link, to the folder of one version.
    """
    version = folder / f"..{time.time_ns()}"
    version.mkdir()
    (version / "token").write_text(content)
    new = folder / "..data_tmp"
    new.unlink(missing_ok=True)  # of a process that was killed at this point
    new.symlink_to(version.name)
    new.replace(folder / "..data")
    if not (folder / "token").is_symlink():
        (folder / "token").symlink_to("..data/token")
    for old in folder.glob("..[0-9]*"):
        if old != version:
            shutil.rmtree(old)


class Endpoint(BaseHTTPRequestHandler):
    """The address of the public key, where an API server of Kubernetes has it too."""

    def do_GET(self) -> None:
        """Answer with the key set, whatever the path."""
        document: dict[str, Any] = {"keys": [{**KEY.as_dict(private=False), "use": "sig", "alg": "ES256"}]}
        self.send_response(200)
        self.send_header("Content-Type", "application/jwk-set+json")
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def renew(folder: Path) -> None:
    """Write a new token again and again."""
    while True:
        time.sleep(RENEWAL)
        write(folder, token())


def main(folder: Path) -> None:
    """Write the first token, then serve the key and renew the token."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # as the first process of a container, too
    server = ThreadingHTTPServer(("", PORT), Endpoint)  # if another one has the port, the token stays its own
    write(folder, token())
    Thread(target=renew, args=(folder,), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
