"""Recognise the access tokens of this server, and say whether they are still active (RFC 7662 4, RFC 7009 2).

Not here: who may ask (protocol/introspection.py, protocol/revocation.py).
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from sqlalchemy import Engine, bindparam, select

from auth_server.database.tables import apis, clients, grants, revoked_tokens
from auth_server.expiring_rows import ExpiringRows
from auth_server.keys.signing_keys import SigningKeys
from auth_server.signatures import is_signed

_TOKEN_STATUS = (
    select(clients.c.enabled, apis.c.introspected_by, revoked_tokens.c.jti)
    .select_from(grants.join(clients).join(apis))
    .outerjoin(revoked_tokens, revoked_tokens.c.jti == bindparam("jti"))
    .where(grants.c.client == bindparam("client_id"), grants.c.audience == bindparam("audience"))
)


class InactiveTokenError(Exception):
    """A token is not active, or not for the client that asks; the message says why, for the log alone."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that this server has signed and that has not expired."""

    claims: Mapping[str, Any]

    @property
    def client_id(self) -> str:
        """Return the client to which it was issued."""
        return str(self.claims["client_id"])

    @property
    def jti(self) -> str:
        """Return the identifier of the token."""
        return str(self.claims["jti"])

    @property
    def token_type(self) -> str:
        """Return how it is presented (RFC 6750, or RFC 9449 for one that is bound to a key)."""
        return "DPoP" if "jkt" in self.claims.get("cnf", {}) else "Bearer"


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """Reads tokens; `now` in Unix time. What the database says about them is never remembered."""

    issuer: str
    keys: SigningKeys
    engine: Engine
    revoked: ExpiringRows
    now: Callable[[], float] = time.time

    def recognise(self, compact: str) -> IssuedToken:
        """Return the token, trusting nothing in it before its signature; raise InactiveTokenError."""
        claims = json.loads(urlsafe_b64decode(self._verified_payload(compact)))
        if claims["iss"] != self.issuer:
            raise InactiveTokenError("issued by another issuer")
        if claims["exp"] <= self.now():
            raise InactiveTokenError("expired")
        return IssuedToken(claims)

    def _verified_payload(self, compact: str) -> bytes:
        signing_input, _, signature = compact.encode(errors="replace").rpartition(b".")
        header, _, payload = signing_input.partition(b".")
        # Each of our keys writes exactly one header, so a token with any other header is not ours.
        key = self.keys.by_protected_header(header)
        if key is None:
            raise InactiveTokenError("not signed with a key of this server")
        with suppress(ValueError):  # of a signature that is not base64url
            decoded = urlsafe_b64decode(signature)
            is_canonical = urlsafe_b64encode(decoded) == signature  # as the API demands
            if is_canonical and is_signed(signing_input, decoded, key.key):
                return payload
        raise InactiveTokenError("wrong signature")

    def introspectors(self, token: IssuedToken) -> Collection[str]:
        """Return the clients that may introspect the tokens of this one's API; raise InactiveTokenError."""
        of_token = {"jti": token.jti, "client_id": token.client_id, "audience": token.claims["aud"]}
        with self.engine.connect() as connection:
            status = connection.execute(_TOKEN_STATUS, of_token).one_or_none()
        if status is None:
            raise InactiveTokenError("its client has lost the grant")
        if not status.enabled:
            raise InactiveTokenError("its client is disabled")
        if status.jti is not None:
            raise InactiveTokenError("revoked")
        introspected_by: list[str] | None = status.introspected_by
        return introspected_by or ()

    def revoke(self, token: IssuedToken) -> None:
        """Revoke a token for all workers at once."""
        self.revoked.add({"jti": token.jti, "expires_at": token.claims["exp"]})
