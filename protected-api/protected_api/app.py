"""Build the Timesheets API from its settings. Not here: who is served (resource_server/protect.py)."""

import secrets
import ssl
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.routing import IntegerConverter

from protected_api.databases import open_database, open_proofs
from protected_api.endpoints.approvals import approval_routes
from protected_api.endpoints.health import health_routes
from protected_api.endpoints.metadata import base_path, metadata_routes
from protected_api.endpoints.timesheets import timesheet_routes
from protected_api.lean_flask import LeanFlask
from protected_api.logs import current_trace_id
from protected_api.problems import http_problem
from protected_api.request_log import RequestLog
from protected_api.resource_server import json_over_http, protect
from protected_api.resource_server.access_token import Check, OnCheck, ignore_check
from protected_api.resource_server.client_certificate import mutual_tls
from protected_api.resource_server.dpop_nonces import Nonces
from protected_api.resource_server.dpop_proof import PROOF_ALGS, dpop
from protected_api.resource_server.introspection import Introspection
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.json_over_http import Call
from protected_api.resource_server.key_set_file import KeySetFile
from protected_api.resource_server.opaque_tokens import COST, opaque_checks
from protected_api.resource_server.proof_of_possession import ProofOfPossession
from protected_api.resource_server.protect import BEARER_TOKENS
from protected_api.resource_server.relaxed_checks import token_checks
from protected_api.resource_server.token_profiles import relaxations
from protected_api.seen_proofs import SeenProofs
from protected_api.server_timing import ServerTiming
from protected_api.settings import OPAQUE, Settings
from protected_api.timesheets.database import Database
from protected_api.timesheets.store import TimesheetStore

NAME = "Timesheets API"
MAX_BODY = 1024 * 1024  # bytes
NO_INTROSPECTION = "approvals answer 503: CLIENT_ID and CLIENT_SECRET_FILE for introspection are not set"


class TimesheetId(IntegerConverter):
    """An id that a timesheet can have. Any other number matches no route, and costs no look-up."""

    regex = "[1-9][0-9]{0,17}"
    schema: ClassVar = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}


def create_app(settings: Settings) -> Flask:
    """Return the app; each worker starts its `extensions["keys"]`, one logs its `extensions["warnings"]`."""
    app = LeanFlask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would repeat the Host header of the caller
    app.url_map.converters["timesheet"] = TimesheetId
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    database = open_database(settings.database_file, settings.database_url, settings.database_password_file)
    keys = _protect(app, settings, database)
    app.extensions["keys"] = keys
    app.extensions["max_token_length"] = settings.max_token_length
    app.extensions["warnings"] = _warnings(settings)
    app.register_error_handler(HTTPException, http_problem)
    store = TimesheetStore(database)
    app.register_error_handler(database.error, partial(_database_unavailable, database))
    routes = (
        timesheet_routes(store),
        approval_routes(store),
    )
    path = base_path(settings.audience)
    for blueprint in routes:
        app.register_blueprint(blueprint, url_prefix=f"{path}{blueprint.url_prefix}")
    app.register_blueprint(
        metadata_routes(settings.issuer, settings.audience, NAME, _binding_metadata(settings))
    )
    health = health_routes(database, keys)
    app.register_blueprint(health)
    if path:  # and health at the root, because a platform's probes know no path
        app.register_blueprint(health, name="health_below_the_path", url_prefix=path)
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _protect(app: Flask, settings: Settings, database: Database) -> IssuerKeys:
    """Let only good access tokens into the app; return the keys, which each worker starts."""
    call = _call(settings)
    on_check: OnCheck = ignore_check
    if settings.explain:
        timing = ServerTiming(app, call)
        call = timing.call
        on_check = timing.on_check
    introspection = _introspection(settings, call)
    return protect(
        app,
        issuer=settings.issuer,
        audience=settings.token_audience,  # `audience` in resource_server/access_token.py refuses others
        resource=settings.audience,
        checks=_checks(settings, introspection),
        remembered=0 if settings.profile == OPAQUE else 1024,
        realm=NAME,
        jwks_uri=settings.jwks_uri,
        soft_ttl=settings.jwks_ttl,
        hard_ttl=settings.jwks_hard_ttl,
        cooldown=settings.jwks_cooldown,
        clock_skew=settings.clock_skew,
        max_token_length=settings.max_token_length,
        active=introspection.active if introspection else None,
        keys_file=_keys_file(settings),
        call=call,
        on_check=on_check,
        possession=_possession(settings, database),
    )


def _warnings(settings: Settings) -> list[str]:
    profile = settings.profile
    costs = [COST] if profile == OPAQUE else relaxations(profile)
    warnings = [f"TOKEN_PROFILE={profile} {cost}" for cost in costs]
    if not settings.client_id:
        warnings.append(NO_INTROSPECTION)
    return warnings


def _possession(settings: Settings, database: Database) -> ProofOfPossession:
    by_proof = _dpop(settings, database)
    if settings.mtls == "0":
        return by_proof
    return mutual_tls(settings.trusted_proxies, required=settings.mtls == "required", beside=by_proof)


def _dpop(settings: Settings, database: Database) -> ProofOfPossession:
    if settings.dpop == "0":
        return BEARER_TOKENS
    nonces = None
    if settings.dpop_nonce_key_file:
        nonces = Nonces(Path(settings.dpop_nonce_key_file))
    seen = SeenProofs(open_proofs(settings.database_file, database)).seen
    return dpop(settings.audience, seen, nonces=nonces, required=settings.dpop == "required")


def _binding_metadata(settings: Settings) -> dict[str, Any]:
    """Return the members of the resource's metadata that concern bound tokens (RFC 9728 2)."""
    members: dict[str, Any] = {}
    if settings.dpop != "0":
        members["dpop_signing_alg_values_supported"] = list(PROOF_ALGS)
        members["dpop_bound_access_tokens_required"] = settings.dpop == "required"
    if settings.mtls != "0":
        members["tls_client_certificate_bound_access_tokens"] = True
    return members


def _call(settings: Settings) -> Call:
    tls = None
    if settings.ca_file:
        tls = ssl.create_default_context(cafile=settings.ca_file)
    return partial(json_over_http.call, proxy=settings.outbound_proxy, tls=tls)


def _keys_file(settings: Settings) -> KeySetFile | None:
    if not settings.jwks_file:
        return None
    return KeySetFile(Path(settings.jwks_file), settings.issuer, settings.jwks_uri)


def _introspection(settings: Settings, call: Call) -> Introspection | None:
    if not settings.client_id or not settings.client_secret_file:
        return None
    url = settings.introspection_url
    secret_file = settings.client_secret_file
    return Introspection(settings.issuer, url, settings.client_id, secret_file, call, _trace)


def _checks(settings: Settings, introspection: Introspection | None) -> tuple[Check, ...]:
    if introspection and settings.profile == OPAQUE:
        return opaque_checks(introspection.answer, settings.allowed_clients)
    return token_checks(settings.profile, settings.allowed_clients)


def _trace() -> dict[str, str]:
    # W3C Trace Context: the call continues the trace of the request.
    return {"traceparent": f"00-{current_trace_id.get()}-{secrets.token_hex(8)}-01"}


def _database_unavailable(database: Database, error: Exception) -> Response:
    # Down, locked for longer than the time-out, damaged, read-only, or its disk is full. The log says which.
    database.disconnect()
    current_app.logger.error("database unavailable", exc_info=error)
    return http_problem(ServiceUnavailable("The database is not available.", retry_after=2))
