"""Proofs of possession for the gallery: good ones, and each kind that an API must refuse (RFC 9449 4.3).

Not here: how the job makes its proofs (calling_service.oauth_client.dpop).
"""

import time
from collections.abc import Callable

from calling_service.oauth_client.dpop import DpopKey

PREFIX = "with the token and "  # of each way to call
OLD = 3600  # seconds
Headers = dict[str, str]


class Proofs:
    """The proofs of one case: of the client's key and, for what a thief tries, of another one."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._late = 0  # seconds by which the client's clock is behind
        self._key = DpopKey(lambda: clock() - self._late)
        self._thief = DpopKey(clock)
        self._last = ""

    def of_token_request(self, url: str) -> Headers:
        """Return the header that binds the token to the client's key."""
        return {"DPoP": self._key.proof("POST", url)}

    def headers(self, how: str, method: str, url: str, token: str) -> Headers:
        """Return the headers of a call; raise LookupError if `how` is not one of its ways."""
        proof = self._key.proof
        ways: dict[str, Callable[[], str]] = {
            "no proof": lambda: "",
            "a proof": lambda: proof(method, url, token),
            "the same proof again": lambda: self._last,
            "a proof by another key": lambda: self._thief.proof(method, url, token),
            "a proof for another method": lambda: proof("DELETE", url, token),
            "a proof for another URL": lambda: proof(method, f"{url}/1", token),
            "a proof for another token": lambda: proof(method, url, "another token"),
            "an old proof": lambda: self._old_proof(method, url, token),
        }
        self._last = ways[how.removeprefix(PREFIX)]()
        headers = {"Authorization": f"DPoP {token}"}
        if self._last:
            headers["DPoP"] = self._last
        return headers

    def _old_proof(self, method: str, url: str, token: str) -> str:
        self._late = OLD
        try:
            return self._key.proof(method, url, token)
        finally:
            self._late = 0
