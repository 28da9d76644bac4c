"""Make access tokens: JWTs of RFC 9068, signed with the current key of the API's algorithm.

Authlib's generator imports its key at each token, signs with a random one of several, sets no kid and
takes the client for the audience.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from auth_server.clients.registry import ClientGrant
from auth_server.errors import InvalidScopeError
from auth_server.keys.signing_keys import SigningKeys, TokenKey

MAX_TOKEN = 4096

_NONE: Mapping[str, Any] = {}


def _new_jti() -> str:
    return secrets.token_urlsafe(16)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and what may be told of it; `expires_in` in seconds."""

    value: str = field(repr=False)
    jti: str
    kid: str
    alg: str
    expires_in: int


class AccessTokens:
    """Issues tokens; `now` in seconds since 1970."""

    def __init__(
        self,
        issuer: str,
        keys: SigningKeys,
        lifetime: int,
        now: Callable[[], float] = time.time,
        new_jti: Callable[[], str] = _new_jti,
    ) -> None:
        self._issuer = issuer
        self._keys = keys
        self._lifetime = lifetime
        self._now = now
        self._new_jti = new_jti

    def issue(
        self, client_id: str, grant: ClientGrant, scope: str, custom_claims: Mapping[str, Any] = _NONE
    ) -> AccessToken:
        """Make a token (RFC 9068 2.2), with Actions' claims; raise InvalidScopeError for one too large."""
        key = self._keys.current(grant.signing_alg)
        issued_at = int(self._now())
        expires_in = grant.token_lifetime or self._lifetime
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "exp": issued_at + expires_in,
            "aud": grant.audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": issued_at,
            "jti": self._new_jti(),
            "scope": scope,
        }
        value = _sign({**claims, **custom_claims, **claims}, key)  # an Action's come last, and overwrite none
        if len(value) > MAX_TOKEN:
            raise InvalidScopeError(
                f"The token would be larger than {MAX_TOKEN} bytes; ask for fewer scopes."
            )
        return AccessToken(value, str(claims["jti"]), key.kid, key.alg, expires_in)


def _sign(claims: dict[str, str | int], key: TokenKey) -> str:
    """Serialise and sign (RFC 7515 7.1); key and header were checked once, when the key was imported."""
    payload = json.dumps(claims, separators=(",", ":")).encode()
    signing_input = key.protected_header + b"." + urlsafe_b64encode(payload)
    signature = JWSRegistry.algorithms[key.alg].sign(signing_input, key.key)
    return (signing_input + b"." + urlsafe_b64encode(signature)).decode()
