"""Remember tokens that passed every check, and spare them all but two: their key and their times.

It saves the decoding and the signature, a quarter of a request. Not here: the checks (access_token.py).
"""

import hashlib
from threading import Lock

from .access_token import AccessToken, Policy, UnavailableError, times, verify


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
        if token and self._has_still_its_key(token):
            self._policy.tell("remembered", None)
            return verify(token, self._policy, (times,))
        token = verify(AccessToken(compact), self._policy)
        token.compact = ""  # what is kept cannot be presented
        with self._lock:
            self._tokens.pop(digest, None)
            self._tokens[digest] = token
            if len(self._tokens) > self._limit:
                del self._tokens[next(iter(self._tokens))]  # the oldest
        return token

    def _has_still_its_key(self, token: AccessToken) -> bool:
        try:  # a key keeps its object as long as its material is the same (jwk_set.py)
            return self._policy.find_key(token.header["kid"]) is token.key
        except UnavailableError:
            return False  # it is for the check of the kid to say so
