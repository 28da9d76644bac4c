"""Build the Timesheets API from its settings."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from functools import cache
from typing import ClassVar

from flask import Flask
from werkzeug.routing import IntegerConverter

from protected_api.endpoints.approvals import approvals
from protected_api.endpoints.health import health
from protected_api.endpoints.metadata import metadata
from protected_api.endpoints.openapi import describe
from protected_api.endpoints.timesheets import timesheets
from protected_api.logs import RequestLog, traceparent
from protected_api.problems import register_problems
from protected_api.resource_server.access_token import untold
from protected_api.resource_server.introspection import Introspection
from protected_api.resource_server.json_over_http import Call, call
from protected_api.resource_server.protect import protect
from protected_api.server_timing import ServerTiming
from protected_api.settings import Settings, SettingsError
from protected_api.timesheets.database import Database
from protected_api.timesheets.store import Timesheets

NAME = "Timesheets API"
MAX_BODY = 1024 * 1024
CLOSED = "approvals answer 503: CLIENT_ID and CLIENT_SECRET_FILE for introspection are not set"


class TimesheetId(IntegerConverter):
    """An id as SQLite has them: other numbers are no route, and cost no look-up."""

    regex = "[1-9][0-9]{0,17}"
    schema: ClassVar = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Return the settings, their database prepared; raise SettingsError with every problem of both."""
    problems: list[str] = []
    try:
        settings = Settings.from_environ(environ)
    except SettingsError as error:
        problems += error.problems
    try:
        if file := environ.get("DATABASE_FILE"):
            Database(file).prepare()
    except sqlite3.Error as error:
        reason = f"DATABASE_FILE: cannot be used ({error}); name a file in a folder that may be written to"
        problems.append(reason)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def create_app(settings: Settings) -> Flask:
    """Return the app: start its `extensions["keys"]` in each worker, log its `extensions["warnings"]`."""
    store = Timesheets(Database(settings.database_file))
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would name the host that the caller names
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    timing = ServerTiming(app) if settings.explain else None
    calls = timing.call if timing else call
    keys = app.extensions["keys"] = protect(
        app,
        issuer=settings.issuer,
        audience=settings.audience,
        realm=NAME,
        jwks_uri=settings.jwks_uri,
        soft_ttl=settings.jwks_ttl,
        hard_ttl=settings.jwks_hard_ttl,
        cooldown=settings.jwks_cooldown,
        clock_skew=settings.clock_skew,
        active=_fresh_check(settings, calls),
        call=calls,
        tell=timing.tell if timing else untold,
    )
    app.extensions["warnings"] = [] if settings.client_id else [CLOSED]
    register_problems(app)
    app.url_map.converters["timesheet"] = TimesheetId
    app.register_blueprint(timesheets(store))
    app.register_blueprint(approvals(store))
    app.register_blueprint(metadata(settings.issuer, settings.audience, NAME))
    app.register_blueprint(health(store, keys))
    app.extensions["openapi"] = cache(  # made for who asks first: it takes its time
        lambda: json.dumps(describe(app, title=NAME, issuer=settings.issuer, audience=settings.audience))
    )
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _fresh_check(settings: Settings, call: Call) -> Callable[[str], bool] | None:
    if not settings.client_id or not settings.client_secret_file:
        return None
    url, secret_file = settings.introspection_url, settings.client_secret_file
    return Introspection(
        settings.issuer, url, settings.client_id, secret_file, call=call, traceparent=traceparent
    ).active
