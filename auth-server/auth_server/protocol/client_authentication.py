"""Client authentication: a secret, by HTTP Basic or in the body (RFC 6749 2.3.1), or a signed assertion.

These are methods for Authlib's registry. Its own tell an unknown client from a wrong secret, do not
form-decode, and fail on a header that is empty or not UTF-8.
"""

import binascii
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote_plus

from auth_server.clients.registry import Client, Clients
from auth_server.clients.secret_digests import digest_of, matches
from auth_server.clients.secret_uses import SecretUses
from auth_server.clients.seen_assertions import SeenAssertions
from auth_server.errors import InvalidClientError, InvalidRequestError
from auth_server.grammar import CLIENT_ID
from auth_server.protocol.client_assertion import check_claims, read_assertion
from auth_server.protocol.oauth_request import TokenRequest

_NO_DIGEST = bytes(32)

AuthenticationMethod = Callable[[object, TokenRequest], Client]


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client id and the digest of a secret, as presented."""

    client_id: str
    digest: bytes = field(repr=False)

    def proves(self, client: Client | None) -> bool:
        """Tell whether this is a live secret of the client, at the same cost where there is none."""
        return matches(self.digest, client.secret_digests if client else (_NO_DIGEST,))

    def failure(self, client: Client) -> str:
        """Say why the client's digests have not proved it."""
        return "wrong secret" if client.secret_digests else "no readable secret digest"


class Credential(Protocol):
    """What a client presents."""

    @property
    def client_id(self) -> str: ...  # noqa: D102

    def proves(self, client: Client | None) -> bool: ...  # noqa: D102

    def failure(self, client: Client) -> str: ...  # noqa: D102


def presented_method(request: TokenRequest) -> str:
    """Name the one method by which the client authenticates; raise InvalidClientError where there is none."""
    authorization = request.headers["Authorization"]
    if authorization.partition(" ")[0].lower() == "basic":
        return "client_secret_basic"
    if authorization:
        raise InvalidClientError(reason="the Authorization scheme is not Basic")
    if "client_secret" in request.form:
        return "client_secret_post"
    if "client_assertion" in request.form or "client_assertion_type" in request.form:
        return "private_key_jwt"
    raise InvalidClientError(reason="no credential")


def read_basic(request: TokenRequest) -> ClientSecret:
    """Read HTTP Basic credentials, form-decoded (RFC 6749 2.3.1, RFC 7617 2)."""
    try:
        token = request.headers["Authorization"].partition(" ")[2].strip()
        user_pass = binascii.a2b_base64(token, strict_mode=True).decode()
        client_id, colon, secret = user_pass.partition(":")
        client_id, secret = (unquote_plus(part, errors="strict") for part in (client_id, secret))
    except ValueError:
        raise InvalidClientError(reason="malformed Basic credentials") from None
    if not (colon and client_id and secret):
        raise InvalidClientError(reason="Basic credentials without an id or a secret")
    return ClientSecret(client_id, digest_of(secret))


def read_post(request: TokenRequest) -> ClientSecret:
    """Read the credentials in the body (RFC 6749 2.3.1)."""
    if "client_id" not in request.form:
        raise InvalidClientError(reason="a client_secret without a client_id")
    return ClientSecret(request.form["client_id"], digest_of(request.form["client_secret"]))


def secret_method(
    clients: Clients, uses: SecretUses, read: Callable[[TokenRequest], ClientSecret]
) -> AuthenticationMethod:
    """Make a method of Authlib's registry from a reader of credentials."""

    def authenticate(_query_client: object, request: TokenRequest) -> Client:
        presented = read(request)
        client = _authenticate(clients, request, presented)
        uses.record(client.client_id, presented.digest)
        return client

    return authenticate


def assertion_method(
    clients: Clients, seen: SeenAssertions, issuer: str, now: Callable[[], float] = time.time
) -> AuthenticationMethod:
    """Make `private_key_jwt`; `now` in seconds since 1970."""
    token_endpoint = f"{issuer.removesuffix('/')}/oauth/token"

    def audiences(client: Client) -> tuple[str, ...]:
        return (issuer, token_endpoint) if client.token_endpoint_audience else (issuer,)

    def authenticate(_query_client: object, request: TokenRequest) -> Client:
        presented = read_assertion(request)
        client = _authenticate(clients, request, presented)
        try:
            jti, expires_at = check_claims(presented, audiences(client), now())
        except InvalidClientError:
            client = clients.read(client.client_id) or client  # which may be flagged by now
            jti, expires_at = check_claims(presented, audiences(client), now())
        if not seen.record(client.client_id, jti, expires_at):
            raise InvalidClientError(reason="client_assertion: replayed")
        return client

    return authenticate


def _authenticate(clients: Clients, request: TokenRequest, presented: Credential) -> Client:
    """Give the client whose credential this is; raise InvalidClientError, one answer at one cost."""
    if not CLIENT_ID.fullmatch(presented.client_id):
        raise InvalidClientError(reason="a client_id that cannot exist")
    request.presented_client_id = presented.client_id  # not before: it would be kept, however long
    recalled = clients.recall(presented.client_id)
    if recalled and presented.proves(recalled):
        return recalled
    client = clients.read(presented.client_id)  # a refusal never comes from what is remembered
    right = presented.proves(client)
    if client is None:
        raise InvalidClientError(reason="unknown client")
    if not right:
        raise InvalidClientError(reason=presented.failure(client))
    if not client.enabled:
        raise InvalidClientError(reason="disabled client")
    clients.remember(client)
    return client


def refuse_another_client_id(request: TokenRequest, client: Client) -> None:
    """Refuse a client_id in the body that is not the authenticated client's."""
    if request.form.get("client_id", client.client_id) != client.client_id:
        raise InvalidRequestError("The client_id is not that of the authenticated client.")
