"""Proofs of possession for the gallery: good ones, and each kind that an API must refuse (RFC 9449 4.3).

Not here: how the job makes its proofs (calling_service.oauth_client.dpop).
"""

import time
from collections.abc import Callable

from calling_service.oauth_client.dpop import DpopKey

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
        if how == "with the token and the same proof again":
            return {"Authorization": f"DPoP {token}", "DPoP": self._last}
        proof = ""
        match how:
            case "with the token and no proof":
                return {"Authorization": f"DPoP {token}"}
            case "with the token and a proof":
                proof = self._key.proof(method, url, token)
            case "with the token and a proof by another key":
                proof = self._thief.proof(method, url, token)
            case "with the token and a proof for another method":
                proof = self._key.proof("DELETE", url, token)
            case "with the token and a proof for another URL":
                proof = self._key.proof(method, f"{url}/1", token)
            case "with the token and a proof for another token":
                proof = self._key.proof(method, url, "another token")
            case "with the token and an old proof":
                self._late = OLD
                proof = self._key.proof(method, url, token)
                self._late = 0
            case _:
                raise LookupError(how)
        self._last = proof
        return {"Authorization": f"DPoP {token}", "DPoP": proof}
