"""Client authentication: a secret by HTTP Basic or in the body (RFC 6749 2.3.1), or a signed assertion.

Not Authlib's registry of methods: its answer shows whether the client or the secret is wrong, it does not
form-decode Basic credentials, and it fails on a header that is empty or not UTF-8. Not here either: the
certificates of clients (client_certificate.py).
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
from auth_server.protocol.client_assertion import ClientAssertion, check_claims, read_assertion
from auth_server.protocol.failed_authentications import FailedAuthentications
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.server_timing import checking

METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt")
SPIFFE_METHOD = "spiffe_jwt"  # draft-ietf-oauth-spiffe-client-auth; the other platforms' have no name

CA_METHOD = "tls_client_auth"  # RFC 8705 2.1
SELF_SIGNED_METHOD = "self_signed_tls_client_auth"  # RFC 8705 2.2
BY_CERTIFICATE = "certificate"  # which of the two, the client's registration says

AuthenticatesClient = Callable[[OAuthRequest], Client | None]


class Credential(Protocol):
    """What a request presents: a client id, and what shows that it is that client's."""

    @property
    def client_id(self) -> str: ...  # noqa: D102
    def authenticates(self, client: Client | None) -> bool: ...  # noqa: D102
    def failure_reason(self, client: Client) -> str: ...  # noqa: D102


ReadCredential = Callable[[OAuthRequest], Credential]


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client id and the digest of the secret that was presented with it; for Basic also as it was sent."""

    client_id: str
    digest: bytes = field(repr=False)
    undecoded_digest: bytes = field(repr=False, default=b"")

    def authenticates(self, client: Client | None) -> bool:
        """Return whether this is a live secret of the client, at the same cost if there is no client."""
        digests = client.secret_digests if client else (bytes(32),)
        return matches(self.digest, digests)

    def failure_reason(self, client: Client) -> str:
        """Return why the secret is not one of the client's."""
        if client.has_key:
            return "a secret, but the client is registered with a key"
        if not client.has_secret:
            return "a secret, but the client is registered without one"
        if not client.secret_digests:
            return "no readable secret digest"
        if matches(self.undecoded_digest, client.secret_digests):
            return "the right secret, but not form-encoded before Basic (RFC 6749 2.3.1)"
        return "wrong secret"


@dataclass(frozen=True, slots=True)
class ClientAuthentication:
    """Finds out which client sends a request; `now` in Unix time."""

    issuer: str
    token_endpoint: str
    clients: Clients
    secret_uses: SecretUses
    seen_assertions: SeenAssertions
    failures: FailedAuthentications
    federated: AuthenticatesClient = lambda _request: None  # for tokens that other issuers have signed
    read_certificate: ReadCredential | None = None
    now: Callable[[], float] = time.time

    def authenticate(self, request: OAuthRequest) -> Client:
        """Return the client; raise InvalidClientError, or InvalidRequestError if the body names another."""
        checking("credentials")
        try:
            client = self._by_presented_method(request)
        except InvalidClientError as error:
            raise self.failures.count(error, request.presented_client_id, request.address) from None
        if request.form.get("client_id", client.client_id) != client.client_id:
            raise InvalidRequestError("The client_id is not that of the authenticated client.")
        return client

    def _by_presented_method(self, request: OAuthRequest) -> Client:
        method = presented_method(request)
        if method == "client_secret_basic":
            return self._by_secret(request, read_basic(request))
        if method == "client_secret_post":
            return self._by_secret(request, read_post(request))
        if method == BY_CERTIFICATE and self.read_certificate:
            return self._owner(request, self.read_certificate(request))
        return self.federated(request) or self._by_assertion(request, read_assertion(request))

    def _by_secret(self, request: OAuthRequest, secret: ClientSecret) -> Client:
        client = self._owner(request, secret)
        self.secret_uses.record(client.client_id, secret.digest)
        return client

    def _by_assertion(self, request: OAuthRequest, assertion: ClientAssertion) -> Client:
        client = self._owner(request, assertion)
        try:
            jti, expires_at = check_claims(assertion, self._audiences(client), self.now())
        except InvalidClientError:
            client = self.clients.read(client.client_id) or client  # whose flag may have changed
            jti, expires_at = check_claims(assertion, self._audiences(client), self.now())
        if not self.seen_assertions.record(client.client_id, jti, expires_at):
            raise InvalidClientError(reason="client_assertion: replayed")
        return client

    def _audiences(self, client: Client) -> list[str]:
        # rfc7523bis: the issuer alone. Some libraries name the token endpoint; their clients are flagged.
        if client.token_endpoint_audience:
            return [self.issuer, self.token_endpoint]
        return [self.issuer]

    def _owner(self, request: OAuthRequest, credential: Credential) -> Client:
        """Return the client with this credential; raise InvalidClientError, always at the same cost."""
        if not CLIENT_ID.fullmatch(credential.client_id):
            raise InvalidClientError(reason="a client_id that cannot exist")
        request.presented_client_id = credential.client_id  # not earlier: it is logged
        recalled = self.clients.recall(credential.client_id)
        if recalled and credential.authenticates(recalled):
            return recalled
        client = self.clients.read(credential.client_id)  # a refusal never comes from what is remembered
        authenticated = credential.authenticates(client)
        if client is None:
            raise InvalidClientError(reason="unknown client")
        if not authenticated:
            raise InvalidClientError(reason=credential.failure_reason(client))
        if not client.enabled:
            raise InvalidClientError(reason="disabled client")
        self.clients.remember(client)
        return client


def presented_method(request: OAuthRequest) -> str:
    """Return the method by which the client authenticates, or its kind; raise InvalidClientError."""
    if request.authorization.partition(" ")[0].lower() == "basic":
        return "client_secret_basic"
    if request.authorization:
        raise InvalidClientError(reason="the Authorization scheme is not Basic")
    if "client_secret" in request.form:
        return "client_secret_post"
    if "client_assertion" in request.form or "client_assertion_type" in request.form:
        return "private_key_jwt"
    if request.certificate and "client_id" in request.form:  # RFC 8705 2: it must be there
        return BY_CERTIFICATE
    raise InvalidClientError(reason="no credential")


def read_basic(request: OAuthRequest) -> ClientSecret:
    """Return HTTP Basic credentials, form-decoded (RFC 6749 2.3.1, RFC 7617 2); raise InvalidClientError."""
    token = request.authorization.partition(" ")[2].strip()
    try:
        user_pass = binascii.a2b_base64(token, strict_mode=True).decode()
        client_id, colon, encoded_secret = user_pass.partition(":")
        client_id = unquote_plus(client_id, errors="strict")
        secret = unquote_plus(encoded_secret, errors="strict")
    except ValueError:
        raise InvalidClientError(reason="malformed Basic credentials") from None
    if not (colon and client_id and secret):
        raise InvalidClientError(reason="Basic credentials without an id or a secret")
    return ClientSecret(client_id, digest_of(secret), digest_of(encoded_secret))


def read_post(request: OAuthRequest) -> ClientSecret:
    """Return the credentials in the body (RFC 6749 2.3.1); raise InvalidClientError."""
    if "client_id" not in request.form:
        raise InvalidClientError(reason="a client_secret without a client_id")
    return ClientSecret(request.form["client_id"], digest_of(request.form["client_secret"]))
