"""Build the Timesheets API from its settings."""

import sqlite3
from functools import partial

from flask import Flask

from .access_token import Policy
from .authorization import Authorization
from .endpoints.health import health
from .endpoints.metadata import metadata
from .endpoints.timesheets import timesheets
from .issuer_documents import fetch_key_set
from .issuer_keys import IssuerKeys
from .logs import RequestLog
from .problems import register_problems
from .settings import Settings, SettingsError
from .timesheets import Timesheets

NAME = "Timesheets API"
MAX_BODY = 1024 * 1024


def create_app(settings: Settings) -> Flask:
    """Return the app; raise SettingsError if its database cannot be used. `extensions["keys"]` wants a start."""
    store = Timesheets(settings.database_file)
    try:
        store.prepare()
    except sqlite3.Error as error:
        reason = f"DATABASE_FILE: cannot be used ({error}); name a file in a folder that this user may write to"
        raise SettingsError((reason,)) from error
    keys = IssuerKeys(
        partial(fetch_key_set, settings.issuer, settings.jwks_uri),
        soft_ttl=settings.jwks_ttl,
        hard_ttl=settings.jwks_hard_ttl,
        cooldown=settings.jwks_cooldown,
    )
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["keys"] = keys
    policy = Policy(settings.issuer, settings.audience, keys, settings.clock_skew)
    Authorization(app, policy=policy, realm=NAME)
    register_problems(app)
    for routes in (timesheets(store), metadata(settings.issuer, settings.audience, NAME), health(store, keys)):
        app.register_blueprint(routes)
    app.wsgi_app = RequestLog(app.wsgi_app)  # type: ignore[method-assign]
    return app
