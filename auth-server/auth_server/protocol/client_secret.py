"""A client's secret, by HTTP Basic or in the body (RFC 6749 2.3.1)."""

import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from auth_server.clients.registry import Client
from auth_server.clients.secret_digests import digest_of, matches
from auth_server.errors import InvalidClientError
from auth_server.protocol.oauth_request import OAuthRequest

_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A client id and the digest of the secret that was presented with it."""

    client_id: str
    digest: bytes = field(repr=False)

    def authenticates(self, client: Client | None) -> bool:
        """Return whether this is a live secret of the client, at the same cost if there is no client."""
        return matches(self.digest, client.secret_digests if client else (_NO_DIGEST,))

    def failure_reason(self, client: Client) -> str:
        """Return why the secret is not one of the client's."""
        return "wrong secret" if client.secret_digests else "no readable secret digest"


def read_basic(request: OAuthRequest) -> ClientSecret:
    """Return HTTP Basic credentials, form-decoded (RFC 6749 2.3.1, RFC 7617 2); raise InvalidClientError."""
    token = request.authorization.partition(" ")[2].strip()
    try:
        user_pass = binascii.a2b_base64(token, strict_mode=True).decode()
        client_id, colon, secret = user_pass.partition(":")
        client_id = unquote_plus(client_id, errors="strict")
        secret = unquote_plus(secret, errors="strict")
    except ValueError:
        raise InvalidClientError(reason="malformed Basic credentials") from None
    if not (colon and client_id and secret):
        raise InvalidClientError(reason="Basic credentials without an id or a secret")
    return ClientSecret(client_id, digest_of(secret))


def read_post(request: OAuthRequest) -> ClientSecret:
    """Return the credentials in the body (RFC 6749 2.3.1); raise InvalidClientError."""
    if "client_id" not in request.form:
        raise InvalidClientError(reason="a client_secret without a client_id")
    return ClientSecret(request.form["client_id"], digest_of(request.form["client_secret"]))
