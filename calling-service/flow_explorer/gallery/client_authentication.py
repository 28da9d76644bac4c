"""How a client of the gallery proves to the authorization server who it is, in good ways and in bad ones.

Not here: how the job does, which is token_source.py and private_key_jwt.py.
"""

import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from calling_service.oauth_client.private_key_jwt import client_assertion
from requests.auth import HTTPBasicAuth


class Prover:
    """Holds the last assertion; secrets and keys stay in their files, named after their clients."""

    def __init__(self, folder: Path, issuer: str) -> None:
        self._folder, self._issuer = folder, issuer
        self.assertion: dict[str, str] = {}

    def prove(self, client: str, how: str) -> dict[str, Any]:
        """Return the proof as arguments of requests; raise OSError for its file, ValueError for its key."""
        sent: dict[str, Any]
        match how:
            case "with its secret":
                sent = _basic(client, self._read(client))
            case "with its next secret":
                sent = _basic(client, self._read(f"{client}.next"))
            case "with a made-up secret":
                sent = _basic(client, secrets.token_urlsafe(32))
            case "with its secret in the query string":
                sent = {"params": _pair(client, self._read(client))}
            case "with its secret in the header and in the body":
                sent = _basic(client, self._read(client)) | {"data": _pair(client, self._read(client))}
            case "with an assertion signed by its key":
                key = self._read(f"{client}.pem")
                self.assertion = client_assertion(client, self._issuer, key, time.time())
                sent = {"data": self.assertion}
            case "with the same assertion again":
                sent = {"data": self.assertion}
            case _:
                raise LookupError(how)
        return sent

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8").strip("\r\n")


def _basic(client: str, secret: str) -> dict[str, Any]:
    return {"auth": HTTPBasicAuth(quote_plus(client), quote_plus(secret))}  # RFC 6749 2.3.1


def _pair(client: str, secret: str) -> dict[str, str]:
    return {"client_id": client, "client_secret": secret}
