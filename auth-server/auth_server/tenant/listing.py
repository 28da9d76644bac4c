"""The tenant as an operator sees it: what each client may request at each API, as the database has it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, select

from auth_server.database import apis, clients, grants, lifetime_of_tokens

COLUMNS = {
    "CLIENT": "client_id",
    "ENABLED": "enabled",
    "AUDIENCE": "audience",
    "SCOPES": "scopes",
    "LIFETIME": "token_lifetime",
    "ALG": "signing_alg",
}


@dataclass(frozen=True, slots=True)
class ListedGrant:
    """One grant; `token_lifetime` in seconds, as it applies."""

    client_id: str
    enabled: bool
    audience: str
    scopes: list[str]
    token_lifetime: int
    signing_alg: str


def list_grants(engine: Engine, token_lifetime: int) -> Iterator[ListedGrant]:
    """Yield every grant, by client and audience; the lifetime applies where neither grant nor API has one."""
    lifetime = lifetime_of_tokens(token_lifetime).label("token_lifetime")
    columns = (clients.c.client_id, clients.c.enabled, grants.c.audience, grants.c.scopes, apis.c.signing_alg)
    query = select(*columns, lifetime).select_from(grants.join(clients).join(apis))
    with engine.connect() as connection:
        for row in connection.execute(query.order_by(clients.c.client_id, grants.c.audience)).mappings():
            yield ListedGrant(**row)
