"""Put the service together as a Flask app."""

from flask import Flask

from auth_server.actions.folder import Actions
from auth_server.cli import client_commands, key_commands, tenant_commands
from auth_server.clients.registry import Clients
from auth_server.clients.secret_uses import SecretUses
from auth_server.clients.seen_assertions import SeenAssertions
from auth_server.endpoints.failures import answer_failures
from auth_server.endpoints.health import health_endpoints
from auth_server.endpoints.metadata import metadata_endpoints
from auth_server.endpoints.oauth import oauth_endpoints
from auth_server.logs import RequestLog
from auth_server.protocol.client_authentication import assertion_method, read_basic, read_post, secret_method
from auth_server.protocol.failed_authentications import FailedLogins
from auth_server.protocol.server import AuthorizationServer
from auth_server.server_timing import explain_answers
from auth_server.startup import Service
from auth_server.tokens.access_token import AccessTokens
from auth_server.tokens.issued_tokens import IssuedTokens


def create_app(service: Service) -> Flask:
    """Make the app; nothing is opened or started."""
    settings = service.settings
    clients = Clients(service.engine, settings.secrets_dir, settings.cache_ttl)
    failed_logins = FailedLogins(settings.failed_logins_per_minute, settings.failed_logins_storage)
    uses = SecretUses(service.engine)
    server = AuthorizationServer(
        settings.issuer,
        clients=clients,
        methods={
            "client_secret_basic": secret_method(clients, uses, read_basic),
            "client_secret_post": secret_method(clients, uses, read_post),
            "private_key_jwt": assertion_method(clients, SeenAssertions(service.engine), settings.issuer),
        },
        failed_logins=failed_logins,
        access_tokens=AccessTokens(settings.issuer, service.keys, settings.token_lifetime),
        issued_tokens=IssuedTokens(settings.issuer, service.keys, service.engine),
        actions=Actions(settings.actions_dir),
    )
    app = Flask("auth_server", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would name the host that the caller names
    answer_failures(app, realm=settings.issuer)
    if settings.explain:
        explain_answers(app)
    app.register_blueprint(oauth_endpoints(server, settings.trusted_proxies))
    app.register_blueprint(metadata_endpoints(settings.issuer, service.keys, settings.jwks_ttl))
    app.register_blueprint(health_endpoints(service.keys))
    app.cli.add_command(tenant_commands(service))
    app.cli.add_command(client_commands(service))
    app.cli.add_command(key_commands(service))
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]
    return app
