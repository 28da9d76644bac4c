"""Make access tokens: JWTs by RFC 9068, signed with the current key of the API's algorithm.

Authlib's generator imports its key for each token, signs with a random one of several keys, sets no kid and
takes the client for the audience.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from joserfc.util import urlsafe_b64encode

from auth_server.errors import InvalidScopeError
from auth_server.keys.signing_keys import SigningKeys, TokenKey


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token, and what the answer and the log say about it; `expires_in` in seconds."""

    value: str = field(repr=False)
    jti: str
    kid: str
    alg: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Issues tokens up to `max_length` characters; `now` in Unix time, `new_jti` from a number of bytes."""

    issuer: str
    keys: SigningKeys
    max_length: int
    now: Callable[[], float] = time.time
    new_jti: Callable[[int], str] = secrets.token_urlsafe

    def issue(
        self,
        client_id: str,
        audience: str,
        scope: str,
        *,
        signing_alg: str,
        lifetime: int,
        custom_claims: Mapping[str, Any],
    ) -> AccessToken:
        """Return a token (RFC 9068 2.2); raise InvalidScopeError if it is too long, or NoSigningKeyError."""
        key = self.keys.current(signing_alg)
        issued_at = int(self.now())
        claims = {
            "iss": self.issuer,
            "exp": issued_at + lifetime,
            "aud": audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": issued_at,
            "jti": self.new_jti(16),
            "scope": scope,
        }
        value = _signed({**claims, **custom_claims, **claims}, key)  # custom ones come last, and replace none
        length = len(value)
        if length > self.max_length:
            raise InvalidScopeError(
                f"The token would be longer than {self.max_length} characters; ask for fewer scopes.",
                reason=f"the token would have {length} characters, and MAX_TOKEN_LENGTH is {self.max_length}",
            )
        return AccessToken(value, str(claims["jti"]), key.kid, key.alg, lifetime)


def _signed(claims: Mapping[str, Any], key: TokenKey) -> str:
    """Serialize and sign (RFC 7515 7.1); key and header were checked once, when the key was imported."""
    payload = orjson.dumps(claims)
    signing_input = key.protected_header + b"." + urlsafe_b64encode(payload)
    signature = key.sign(signing_input)
    return (signing_input + b"." + urlsafe_b64encode(signature)).decode()
