"""A platform's token as client assertion: federated workload identity (RFC 7521 4.2, RFC 7523 2.2).

Two things differ from RFC 7523 3, because a platform does not know our clients: `sub` is its own name of the
workload, and a token may come again until it expires. Not here: the token (platform_token.py), the issuers'
keys (federation).
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from auth_server.clients.federated_subjects import DeclaredSubject, FederatedSubjects, Issuer
from auth_server.clients.registry import Client, Clients
from auth_server.errors import InvalidClientError, TemporarilyUnavailableError
from auth_server.federation.issuer_keys import Keys, KeysUnavailableError
from auth_server.federation.key_places import KeyPlaces
from auth_server.protocol.client_assertion import require
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.protocol.platform_token import PlatformToken, check_times, read_platform_token
from auth_server.settings import Settings


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


def _is_for(aud: Any, audience: str) -> bool:
    return audience in aud if isinstance(aud, list) else aud == audience


def _shown(issuer: Issuer) -> str:
    """Return the issuer for the log, where it may be a secret in the wrong place until it is declared."""
    is_loggable = re.fullmatch(r"(?:https?://)?[a-z0-9.:/_-]{1,200}", issuer.name)
    return f"the issuer {issuer}" if is_loggable else "the issuer"
