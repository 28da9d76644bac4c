"""The tenant as an operator sees it: what each client may request at each API, as the database has it."""

from collections.abc import Iterator

from sqlalchemy import Engine, select

from auth_server.command_output import Row
from auth_server.database.tables import (
    alg_of_tokens,
    algorithm_changes,
    apis,
    clients,
    grants,
    lifetime_of_tokens,
)

COLUMNS = {
    "CLIENT": "client_id",
    "ENABLED": "enabled",
    "AUDIENCE": "audience",
    "SCOPES": "scopes",
    "LIFETIME": "token_lifetime",
    "ALG": "signing_alg",
    "INTROSPECTED BY": "introspected_by",
}


def list_grants(engine: Engine, token_lifetime: int, now: float) -> Iterator[Row]:
    """Yield every grant, by client and audience; the lifetime, in seconds, is for those without their own.

    The algorithm is the one that signs now.
    """
    lifetime = lifetime_of_tokens(token_lifetime).label("token_lifetime")
    of_client = (clients.c.client_id, clients.c.enabled)
    of_api = (alg_of_tokens(now).label("signing_alg"), apis.c.introspected_by)
    query = select(*of_client, grants.c.audience, grants.c.scopes, lifetime, *of_api)
    joined = query.select_from(grants.join(clients).join(apis).outerjoin(algorithm_changes))
    with engine.connect() as connection:
        for row in connection.execute(joined.order_by(clients.c.client_id, grants.c.audience)).mappings():
            yield dict(row)
