"""Remember tokens that passed: their next request is cheaper. Not here: the checks (access_token.py)."""

import hashlib
from threading import Lock

from .access_token import CHECKS, CHECKS_EACH_TIME, AccessToken, Check, Policy, verify
from .refusals import UnavailableError


class RememberedTokens:
    """The last `limit` good tokens of a policy, by digest; their key is looked up again each time."""

    def __init__(self, policy: Policy, limit: int = 1024, checks: tuple[Check, ...] = CHECKS) -> None:
        self._policy = policy
        self._checks = checks
        self._limit = limit
        self._tokens: dict[bytes, AccessToken] = {}
        self._lock = Lock()

    def verify(self, compact: str) -> AccessToken:
        """Return the token if it is good now; raise as `access_token.verify` does."""
        digest = hashlib.sha256(compact.encode()).digest()
        token = self._tokens.get(digest)
        if token and self._still_has_its_key(token):
            self._policy.on_check("remembered", None)
            return verify(token, self._policy, CHECKS_EACH_TIME)
        token = verify(AccessToken(compact), self._policy, self._checks)
        if not self._limit:
            return token
        token.compact = ""  # what is remembered cannot be presented
        with self._lock:
            self._tokens.pop(digest, None)
            self._tokens[digest] = token
            if len(self._tokens) > self._limit:
                oldest = next(iter(self._tokens))
                del self._tokens[oldest]
        return token

    def _still_has_its_key(self, token: AccessToken) -> bool:
        try:
            key = self._policy.find_key(token.header["kid"])
        except UnavailableError:  # the check `kid-known` will raise it again
            return False
        return key is token.key  # the same object as long as its material is the same (jwk_set.py)
