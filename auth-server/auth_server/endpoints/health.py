"""`/healthz`: the process is alive. `/readyz`: it can issue tokens."""

import logging

from flask import Blueprint
from sqlalchemy.exc import SQLAlchemyError

from auth_server.keys.encryption import KeyEncryptionError
from auth_server.keys.signing_keys import SigningKeys

log = logging.getLogger(__name__)


def health_endpoints(keys: SigningKeys) -> Blueprint:
    """Serve the two checks."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz", provide_automatic_options=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @blueprint.get("/readyz", provide_automatic_options=False)
    def readyz() -> tuple[dict[str, str], int]:
        if reason := _why_not_ready(keys):
            return {"status": "not ready", "reason": reason}, 503
        return {"status": "ready"}, 200

    return blueprint


def _why_not_ready(keys: SigningKeys) -> str | None:
    try:
        return None if keys.check() else "no signing key"
    except SQLAlchemyError:
        log.exception("database unusable")
        return "database unusable"
    except KeyEncryptionError:
        log.exception("signing keys unusable")
        return "signing keys unusable"
