"""`/healthz`: the process is alive. `/readyz`: it can issue tokens, and the database takes writes."""

import logging

from flask import Blueprint
from sqlalchemy.exc import SQLAlchemyError

from auth_server.database.engine import check_writable
from auth_server.keys.encryption import KeyEncryptionError
from auth_server.keys.signing_keys import SigningKeys

log = logging.getLogger(__name__)


def health_endpoints(keys: SigningKeys) -> Blueprint:
    """Return the two endpoints, as a blueprint."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz", provide_automatic_options=False)
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @blueprint.get("/readyz", provide_automatic_options=False)
    def readyz() -> tuple[dict[str, str], int]:
        reason = _why_not_ready(keys)
        if reason:
            return {"status": "not ready", "reason": reason}, 503
        return {"status": "ready"}, 200

    return blueprint


def _why_not_ready(keys: SigningKeys) -> str:
    try:
        check_writable(keys.store.engine)
        return "" if keys.check() else "no API is declared, or one has no signing key"
    except SQLAlchemyError:
        log.exception("the database cannot be used")
        return "the database cannot be used"
    except KeyEncryptionError:
        log.exception("the signing keys cannot be used")
        return "the signing keys cannot be used"
