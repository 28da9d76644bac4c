"""`/healthz`: the process is alive. `/readyz`: it can serve, with its database and a usable key set."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from protected_api.endpoints.openapi import operation
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.refusals import UnavailableError
from protected_api.timesheets.answers import Health
from protected_api.timesheets.database import Database


def health_routes(database: Database, keys: IssuerKeys) -> Blueprint:
    """Return the health routes of a service with this database and these keys."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    @operation({200: Health})
    def alive() -> ResponseReturnValue:
        """Say that the process is alive."""
        return {"status": "ok"}

    @routes.get("/readyz")
    @operation({200: Health, 503: Health})
    def ready() -> ResponseReturnValue:
        """Say whether the service can serve requests, and what is missing if it cannot."""
        try:
            database.check()
            keys.usable()
        except database.error:
            return {"status": "not ready", "reason": "the database cannot be used"}, 503
        except UnavailableError:
            return {"status": "not ready", "reason": "there is no usable key set of the issuer"}, 503
        return {"status": "ready"}

    return routes
