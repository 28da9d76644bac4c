"""The tenant as an operator sees it: what each client may ask for at each API, as the database has it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from auth_server.database import apis, clients, grants


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
    """List every grant, by client and audience; the lifetime is that of grants and APIs without their own."""
    lifetime = func.coalesce(grants.c.token_lifetime, apis.c.token_lifetime, token_lifetime)
    query = (
        select(
            clients.c.client_id,
            clients.c.enabled,
            grants.c.audience,
            grants.c.scopes,
            lifetime.label("token_lifetime"),
            apis.c.signing_alg,
        )
        .select_from(grants.join(clients).join(apis))
        .order_by(clients.c.client_id, grants.c.audience)
    )
    with engine.connect() as connection:
        for row in connection.execute(query).mappings():
            yield ListedGrant(**row)


def grant_rows(grants: Iterable[ListedGrant]) -> Iterator[tuple[str, ...]]:
    """Give the rows of a table."""
    yield ("CLIENT", "ENABLED", "AUDIENCE", "SCOPES", "LIFETIME", "ALG")
    for one in grants:
        enabled = "yes" if one.enabled else "no"
        yield (
            one.client_id,
            enabled,
            one.audience,
            " ".join(one.scopes),
            str(one.token_lifetime),
            one.signing_alg,
        )
