"""What a start does with the tenant file: apply it or, by TENANT_APPLY, say how the database differs."""

import logging

from auth_server.database.engine import writing
from auth_server.settings import BY_COMMAND
from auth_server.startup import Service, apply, unapplied

log = logging.getLogger(__name__)


def apply_or_compare(service: Service) -> None:
    """Do as TENANT_APPLY says, and log it; raise SettingsError if what is to be applied is wrong."""
    if service.settings.tenant_apply == BY_COMMAND:
        with writing(service.engine) as connection:
            service.keys.store.cover_lifetimes(connection)  # TOKEN_LIFETIME is no part of the tenant
        _compare(service)
    else:
        _apply(service)


def _apply(service: Service) -> None:
    for change in apply(service):
        log.info("tenant applied", extra={"change": str(change)})
    for waiting in service.keys.store.algorithm_changes():
        log.info("an algorithm changes later", extra={"change": str(waiting)})


def _compare(service: Service) -> None:
    """Log whether the database equals the file. A wrong file ends no start: the database is what counts."""
    files = {"tenant_file": ", ".join(map(str, service.settings.tenant_files))}
    if service.tenant_problems:
        log.warning(
            "tenant not applied: the file is wrong", extra=files | {"problems": service.tenant_problems}
        )
        return
    changes = unapplied(service)
    if not changes:
        log.info("tenant not applied: the database equals the file", extra=files)
        return
    log.warning(
        "tenant not applied: the database differs from the file", extra=files | {"changes": len(changes)}
    )
    for change in changes:
        log.info("tenant apply would change", extra={"change": str(change)})
