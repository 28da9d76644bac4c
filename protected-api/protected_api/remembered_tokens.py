"""Remember tokens that passed every check, and spare them all but two: their key and their times.

It saves the decoding and the signature, a quarter of a request. Not here: the checks (access_token.py).
"""

import hashlib
from threading import Lock

from .access_token import AccessToken, Policy, times, verify


class RememberedTokens:
    """`verify` for one policy, with the last `limit` good tokens remembered by the digest of each."""

    def __init__(self, policy: Policy, limit: int = 1024) -> None:
        self._policy, self._limit = policy, limit
        self._tokens: dict[bytes, AccessToken] = {}
        self._lock = Lock()

    def verify(self, compact: str) -> AccessToken:
        """Return the token if it is good now; raise as `access_token.verify` does."""
        digest = hashlib.sha256(compact.encode()).digest()
        token = self._tokens.get(digest)
        if token and self._still_good(token):
            return token
        token = verify(compact, self._policy)
        token.compact = ""  # what is kept cannot be presented
        with self._lock:
            self._tokens.pop(digest, None)
            self._tokens[digest] = token
            if len(self._tokens) > self._limit:
                del self._tokens[next(iter(self._tokens))]  # the oldest
        return token

    def _still_good(self, token: AccessToken) -> bool:
        # A key keeps its object as long as its material is the same (jwk_set.py).
        return self._policy.keys.find(token.header["kid"]) is token.key and not times(token, self._policy)
