"""Our grant and endpoints keep Authlib's contract: its own server serves them from its registries."""

import base64
from typing import Any

import pytest
from auth_server.app import authorization_server
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.grant import ClientCredentialsGrant
from auth_server.protocol.introspection import IntrospectionEndpoint
from auth_server.protocol.oauth_request import OAuthRequest
from auth_server.protocol.revocation import RevocationEndpoint
from auth_server.startup import Service
from authlib import oauth2
from authlib.oauth2 import rfc6749, rfc7009, rfc7662

Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


class AuthlibServer(oauth2.AuthorizationServer):  # type: ignore[misc]
    """A server as Authlib's documentation has it, with the attributes that our grant and endpoints need."""

    def __init__(self, ours: AuthorizationServer) -> None:
        super().__init__()
        self.client_authentication = ours.client_authentication
        self.clients = ours.clients
        self.actions = ours.actions
        self.access_tokens = ours.access_tokens
        self.issued_tokens = ours.issued_tokens
        self.dpop = ours.dpop

    def create_oauth2_request(self, request: OAuthRequest) -> OAuthRequest:
        """Return the request as it is."""
        return request

    def authenticate_client(self, request: OAuthRequest, *_: object) -> Any:
        """Return the client."""
        return self.client_authentication.authenticate(request)

    def handle_response(self, status: int, body: dict[str, Any], _headers: object) -> Answer:
        """Return what a framework would send."""
        return status, body

    def send_signal(self, *_: object, **__: object) -> None:
        """Send no signal."""


@pytest.fixture
def server(service: Service) -> AuthlibServer:
    server = AuthlibServer(authorization_server(service))
    server.register_grant(ClientCredentialsGrant)
    server.register_endpoint(IntrospectionEndpoint)
    server.register_endpoint(RevocationEndpoint)
    return server


def request_of_job(secret: str = "job-secret", **parameters: str) -> OAuthRequest:
    credentials = base64.b64encode(f"job:{secret}".encode()).decode()
    return OAuthRequest(list(parameters.items()), authorization=f"Basic {credentials}")


def test_our_classes_are_authlibs() -> None:
    assert issubclass(ClientCredentialsGrant, rfc6749.ClientCredentialsGrant)
    assert issubclass(IntrospectionEndpoint, rfc7662.IntrospectionEndpoint)
    assert issubclass(RevocationEndpoint, rfc7009.RevocationEndpoint)


def test_authlibs_server_issues_introspects_and_revokes_a_token(server: AuthlibServer) -> None:
    request = request_of_job(grant_type="client_credentials", scope="read")
    status, issued = server.create_token_response(request)
    assert (status, issued["token_type"], issued["scope"]) == (200, "Bearer", "read")
    asked = request_of_job(token=issued["access_token"])
    status, introspected = server.create_endpoint_response("introspection", asked)
    assert (status, introspected["active"], introspected["client_id"]) == (200, True, "job")
    assert server.create_endpoint_response("revocation", asked) == (200, {})
    assert server.create_endpoint_response("introspection", asked) == (200, {"active": False})


@pytest.mark.parametrize(
    ("secret", "scope", "status", "error"),
    [("wrong", "read", 401, "invalid_client"), ("job-secret", "admin", 400, "invalid_scope")],
)
def test_authlibs_server_refuses_as_our_endpoint_does(
    server: AuthlibServer, secret: str, scope: str, status: int, error: str
) -> None:
    request = request_of_job(secret, grant_type="client_credentials", scope=scope)
    answered, body = server.create_token_response(request)
    assert (answered, body["error"]) == (status, error)
