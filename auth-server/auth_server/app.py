"""Put the service together as a Flask app."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, Flask
from sqlalchemy import Engine

from auth_server import cli
from auth_server.actions.folder import Actions
from auth_server.clients.registry import Clients
from auth_server.clients.secret_uses import SecretUses
from auth_server.clients.seen_assertions import SeenAssertions
from auth_server.database.tables import revoked_tokens, seen_assertions, seen_proofs
from auth_server.endpoints.authorize import authorization_endpoint
from auth_server.endpoints.failures import answer_failures
from auth_server.endpoints.health import health_endpoints
from auth_server.endpoints.introspect import introspection_endpoint
from auth_server.endpoints.metadata import (
    certificate_metadata,
    certificate_methods,
    metadata_endpoints,
    server_metadata,
)
from auth_server.endpoints.oauth_http import receive
from auth_server.endpoints.revoke import revocation_endpoint
from auth_server.endpoints.token import token_endpoint
from auth_server.expiring_rows import ExpiringRows
from auth_server.lean_flask import LeanFlask
from auth_server.protocol.authorization_server import AuthorizationServer
from auth_server.protocol.client_authentication import (
    METHODS,
    SPIFFE_METHOD,
    AuthenticatesClient,
    ClientAuthentication,
    ReadCredential,
)
from auth_server.protocol.dpop_proof import PROOF_ALGS, DpopProofs
from auth_server.protocol.failed_authentications import FailedAuthentications
from auth_server.request_log import RequestLog
from auth_server.server_timing import explain_answers
from auth_server.settings import Settings
from auth_server.startup import Service
from auth_server.tokens.access_token import AccessTokens
from auth_server.tokens.issued_tokens import IssuedTokens

Federation = Callable[[Engine, Settings, Clients], AuthenticatesClient]
Certificates = Callable[[Settings], ReadCredential]


def create_app(
    service: Service, federation: Federation | None = None, certificates: Certificates | None = None
) -> Flask:
    """Return the app; nothing is opened or started.

    `federation` is for the tenant's federated clients, `certificates` for those with a TLS certificate.
    """
    settings = service.settings
    issuer = settings.issuer
    path = settings.issuer_path
    server = authorization_server(service, federation, certificates)
    app = LeanFlask("auth_server", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would name the host that the caller names
    answer_failures(app, issuer, path)
    if settings.explain:
        explain_answers(app)
    receive_request = partial(
        receive, settings.trusted_proxies, settings.refuse_misspelt_parameters, settings.mtls
    )
    for endpoint in (token_endpoint, introspection_endpoint, revocation_endpoint):
        app.register_blueprint(endpoint(server, issuer, receive_request), url_prefix=path)
    app.register_blueprint(authorization_endpoint(issuer), url_prefix=path)
    app.register_blueprint(_metadata(service, has_federation=federation is not None))
    app.register_blueprint(health_endpoints(service.keys))
    app.extensions[cli.EXTENSION] = service
    for commands in (cli.tenant, cli.clients, cli.keys):
        app.cli.add_command(commands)
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _metadata(service: Service, *, has_federation: bool) -> Blueprint:
    """Return the endpoints of metadata and key set, with what the settings switch on."""
    settings = service.settings
    methods = [*METHODS]
    more: dict[str, Any] = {}
    if has_federation:
        methods.append(SPIFFE_METHOD)
    if settings.dpop:
        more["dpop_signing_alg_values_supported"] = list(PROOF_ALGS)
    if settings.mtls:
        methods += certificate_methods(ca=settings.mtls_ca_file is not None)
        more |= certificate_metadata(settings.issuer, settings.mtls_url)
    return metadata_endpoints(
        settings.issuer, settings.issuer_path, service.keys, settings.jwks_ttl, methods=methods, more=more
    )


def authorization_server(
    service: Service, federation: Federation | None = None, certificates: Certificates | None = None
) -> AuthorizationServer:
    """Return what the OAuth endpoints work with."""
    settings = service.settings
    engine = service.engine
    clients = Clients(engine, settings.secrets_dir, settings.cache_ttl, settings.token_lifetime)
    revoked = ExpiringRows(engine, revoked_tokens)
    token_url = server_metadata(settings.issuer)["token_endpoint"]
    client_authentication = ClientAuthentication(
        issuer=settings.issuer,
        token_endpoint=token_url,
        clients=clients,
        secret_uses=SecretUses(engine),
        seen_assertions=SeenAssertions(ExpiringRows(engine, seen_assertions)),
        failures=FailedAuthentications(
            settings.failures_per_minute, settings.failures_storage, settings.failures_password_file
        ),
    )
    if federation:
        by_platform = federation(engine, settings, clients)
        client_authentication = replace(client_authentication, federated=by_platform)
    if certificates:
        client_authentication = replace(client_authentication, read_certificate=certificates(settings))
    return AuthorizationServer(
        client_authentication,
        clients=clients,
        actions=Actions(settings.actions_dir),
        access_tokens=AccessTokens(settings.issuer, service.keys, settings.max_token_length),
        issued_tokens=IssuedTokens(settings.issuer, service.keys, engine, revoked),
        dpop=dpop_proofs(service, token_url),
    )


def dpop_proofs(service: Service, token_url: str) -> DpopProofs | None:
    """Return what checks the proofs of token requests; None: DPoP is not switched on."""
    if not service.settings.dpop:
        return None
    return DpopProofs(token_url, ExpiringRows(service.engine, seen_proofs), service.nonces)
