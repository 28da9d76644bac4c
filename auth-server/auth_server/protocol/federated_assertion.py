"""A platform's token as client assertion: federated workload identity (RFC 7521 4.2, RFC 7523 2.2).

Kubernetes, GitHub Actions and SPIFFE give each workload a token that names it and expires soon. Two things
differ from RFC 7523 3, because such a platform does not know our clients: `sub` is its name of the workload,
and a token may come again until it expires. Not here: the issuers' keys (federation).
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from auth_server.algorithms import CLIENT_ALGS
from auth_server.clients.federated_subjects import DeclaredSubject, FederatedSubjects, Issuer
from auth_server.clients.public_keys import ClientKey
from auth_server.clients.registry import Client, Clients
from auth_server.errors import InvalidClientError, TemporarilyUnavailableError
from auth_server.federation.issuer_keys import Keys, KeysUnavailableError
from auth_server.federation.key_places import KeyPlaces
from auth_server.protocol.client_assertion import (
    ASSERTION_TYPE,
    CLOCK_SKEW,
    DECOYS,
    check_header,
    numeric_date,
    require,
)
from auth_server.protocol.compact_jws import CompactJws, read_jws
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.settings import Settings
from auth_server.signatures import is_signed

SPIFFE_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"

# Kubernetes sends none, GitHub JWT, SPIFFE none, JWT or JOSE (JWT-SVID 2.3). at+jwt is for an API.
_TYPES = (None, "jwt", "jose", "client-authentication+jwt")
_SPIFFE_ID = re.compile(r"spiffe://([a-z0-9._-]{1,255})/.+")
_LONGEST_NAME = 500  # characters, as in the tenant file


@dataclass(frozen=True, slots=True)
class PlatformToken:
    """A token as presented, its signature not yet verified."""

    issuer: Issuer
    subject: str
    jws: CompactJws

    @property
    def alg(self) -> str:
        """Return our name of the algorithm."""
        return CLIENT_ALGS[self.jws.header["alg"]]

    def fits(self, key: ClientKey) -> bool:
        """Return whether this key may have signed the token."""
        kid = self.jws.header.get("kid")
        return key.alg == self.alg and (kid is None or key.kid in (None, kid))

    def is_signed_by(self, keys: Keys) -> bool:
        """Return whether one of these keys has signed the token, at the same cost if there is none."""
        public_keys = [key.public for key in keys] or [DECOYS[self.alg]]
        signed = any(is_signed(self.jws.signing_input, self.jws.signature, key) for key in public_keys)
        return signed and bool(keys)


@dataclass(frozen=True, slots=True)
class FederatedClients:
    """Finds out for which client a platform vouches; `lifetime` of a token in seconds, `now` in Unix time."""

    our_issuer: str
    clients: Clients
    subjects: FederatedSubjects
    key_places: KeyPlaces
    lifetime: int
    now: Callable[[], float] = time.time

    def authenticate(self, request: OAuthRequest) -> Client | None:
        """Return the client; None if the request has no platform's token. Raise InvalidClientError.

        Raise TemporarilyUnavailableError if the keys of a declared issuer cannot be had now.
        """
        token = read_platform_token(request)
        if token is None:
            return None
        declared = self._verified(token)
        if declared.client_id is None:
            raise InvalidClientError(reason=f"no client has the subject {token.subject} of {token.issuer}")
        request.presented_client_id = declared.client_id
        client = self._enabled_client(declared.client_id)
        check_times(token.jws.claims, self.lifetime, self.now())
        audience = declared.audience or self.our_issuer
        require(_is_for(token.jws.claims.get("aud"), audience), "another audience")
        return client

    def _verified(self, token: PlatformToken) -> DeclaredSubject:
        """Check the signature before anything is said about the subject, which a stranger could make up."""
        declared = self.subjects.find(token.issuer, token.subject)
        keys: Keys = ()
        try:
            if declared:
                keys = self.key_places.find(declared.key_place, token.fits)
        except KeysUnavailableError as error:
            raise TemporarilyUnavailableError(reason=str(error), headers={"Retry-After": "1"}) from None
        signed = token.is_signed_by(keys)
        if declared is None:
            raise InvalidClientError(reason=f"client_assertion: {_shown(token.issuer)} is not declared")
        require(bool(keys), f"no {token.alg} key of {token.issuer} has this kid")
        require(signed, "wrong signature")
        return declared

    def _enabled_client(self, client_id: str) -> Client:
        recalled = self.clients.recall(client_id)
        if recalled:
            return recalled
        client = self.clients.read(client_id)
        if client is None or not client.enabled:
            raise InvalidClientError(reason="disabled client" if client else "unknown client")
        self.clients.remember(client)
        return client


def federated_clients(
    engine: Engine, settings: Settings, clients: Clients
) -> Callable[[OAuthRequest], Client | None]:
    """Return what authenticates the federated clients of the tenant."""
    return FederatedClients(
        settings.issuer,
        clients,
        FederatedSubjects(engine),
        KeyPlaces(settings.secrets_dir),
        settings.federated_lifetime,
    ).authenticate


def read_platform_token(request: OAuthRequest) -> PlatformToken | None:
    """Return the token in the body, None if it is no platform's; raise InvalidClientError."""
    assertion_type = request.form.get("client_assertion_type")
    if assertion_type not in (ASSERTION_TYPE, SPIFFE_ASSERTION_TYPE):
        return None
    try:
        jws = read_jws(request.form.get("client_assertion", ""))
    except ValueError:
        raise InvalidClientError(reason="client_assertion: malformed") from None
    if assertion_type == ASSERTION_TYPE and jws.claims.get("iss") == jws.claims.get("sub"):
        return None  # a client signs its own assertion as iss and sub (RFC 7523 3)
    check_header(jws.header, _TYPES)
    subject = _name(jws.claims, "sub")
    if assertion_type == ASSERTION_TYPE:
        return PlatformToken(Issuer(_name(jws.claims, "iss")), subject, jws)
    return PlatformToken(_spiffe_issuer(jws.claims, subject), subject, jws)


def _spiffe_issuer(claims: dict[str, Any], subject: str) -> Issuer:
    """Return the issuer of a JWT-SVID; without an iss, its trust domain (JWT-SVID 3)."""
    spiffe_id = _SPIFFE_ID.fullmatch(subject)
    if not spiffe_id:
        raise InvalidClientError(reason="client_assertion: the sub is not a SPIFFE ID")
    if claims.get("iss") is None:
        return Issuer(spiffe_id[1], is_trust_domain=True)
    return Issuer(_name(claims, "iss"))


def check_times(claims: dict[str, Any], lifetime: int, now: float) -> None:
    """Check when the token was issued and expires; raise InvalidClientError."""
    exp = numeric_date(claims.get("exp"))
    iat = numeric_date(claims.get("iat", now))  # SPIFFE demands none
    require(now - CLOCK_SKEW < exp, "the exp is missing or past")
    require(exp <= iat + lifetime, f"it lives longer than {lifetime} s")
    require(iat <= now + CLOCK_SKEW, "the iat is wrong")
    require(numeric_date(claims.get("nbf", now)) <= now + CLOCK_SKEW, "the nbf is wrong")


def _is_for(aud: Any, audience: str) -> bool:
    return audience in aud if isinstance(aud, list) else aud == audience


def _name(claims: dict[str, Any], claim: str) -> str:
    name = claims.get(claim)
    if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
        return name
    raise InvalidClientError(reason=f"client_assertion: the {claim} is missing or not a name")


def _shown(issuer: Issuer) -> str:
    """Return the issuer for the log, where it may be a secret in the wrong place until it is declared."""
    is_loggable = re.fullmatch(r"(?:https?://)?[a-z0-9.:/_-]{1,200}", issuer.name)
    return f"the issuer {issuer}" if is_loggable else "the issuer"
