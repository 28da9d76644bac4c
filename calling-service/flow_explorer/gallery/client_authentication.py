"""How a client of the gallery authenticates to the authorization server, in valid and in invalid ways.

Not here: how the job does it (calling_service.oauth_client).
"""

import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from calling_service.oauth_client.private_key_jwt import client_assertion
from requests.auth import HTTPBasicAuth

from flow_explorer.gallery.platform_tokens import PLATFORM_TOKENS, platform_token


class Authenticator:
    """Makes credentials of the files in a folder, which are named after their clients."""

    def __init__(self, folder: Path, issuer: str) -> None:
        self._folder = folder
        self._issuer = issuer
        self.assertion: dict[str, str] = {}  # the last one

    def arguments(self, client: str, how: str) -> dict[str, Any]:
        """Return the credentials as arguments of requests; raise OSError or ValueError for a bad file."""
        arguments: dict[str, Any]
        match how:
            case "with its secret":
                arguments = _basic(client, self._read(client))
            case "with its next secret":
                arguments = _basic(client, self._read(f"{client}.next"))
            case "with a made-up secret":
                arguments = _basic(client, secrets.token_urlsafe(32))
            case "with its secret in the query string":
                arguments = {"params": _parameters(client, self._read(client))}
            case "with its secret in the header and in the body":
                secret = self._read(client)
                arguments = _basic(client, secret) | {"data": _parameters(client, secret)}
            case "with an assertion signed by its key":
                key = self._read(f"{client}.pem")
                self.assertion = client_assertion(client, self._issuer, key, time.time())
                arguments = {"data": self.assertion}
            case "with the same assertion again":
                arguments = {"data": self.assertion}
            case platform if platform in PLATFORM_TOKENS:
                key = self._read("gallery-platform.pem")
                changes = PLATFORM_TOKENS[platform]
                arguments = {"data": platform_token(key, self._issuer, time.time(), changes)}
            case _:
                raise LookupError(how)
        return arguments

    def _read(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8").strip("\r\n")


def _basic(client: str, secret: str) -> dict[str, Any]:
    return {"auth": HTTPBasicAuth(quote_plus(client), quote_plus(secret))}  # RFC 6749 2.3.1


def _parameters(client: str, secret: str) -> dict[str, str]:
    return {"client_id": client, "client_secret": secret}
