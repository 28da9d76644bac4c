"""The clients that another issuer vouches for, by the issuer and the subject of its tokens."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, bindparam, select

from auth_server.database.tables import federated_subjects as table

_PLACE = (table.c.jwks_uri, table.c.jwks_file, table.c.ca_file, table.c.bearer_file)


def _query(name: str) -> Select[Any]:
    """Return the query by a column that names the issuer: its keys, and the client of the subject if any.

    It takes as long for a subject that nobody has.
    """
    of_issuer = select(*_PLACE).where(table.c[name] == bindparam("issuer")).limit(1).subquery()
    subject = table.alias()
    this = (subject.c[name] == bindparam("issuer")) & (subject.c.subject == bindparam("subject"))
    query = select(*of_issuer.c, subject.c.client_id, subject.c.audience)
    return query.select_from(of_issuer.outerjoin(subject, this))


_BY_ISSUER = _query("issuer")
_BY_TRUST_DOMAIN = _query("trust_domain")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs a token: an issuer by its `iss`, or a SPIFFE trust domain, whose tokens may have none."""

    name: str
    is_trust_domain: bool = False

    def __str__(self) -> str:
        """Return the name as it is logged."""
        return f"the trust domain {self.name}" if self.is_trust_domain else self.name


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where an issuer's public keys are: an address, with what a call to it needs, or a file."""

    jwks_uri: str | None
    jwks_file: str | None
    ca_file: str | None
    bearer_file: str | None


@dataclass(frozen=True, slots=True)
class DeclaredSubject:
    """What the tenant says of a subject of an issuer; `client_id` is None if it belongs to no client.

    An `audience` of None stands for our own issuer.
    """

    key_place: KeyPlace
    client_id: str | None
    audience: str | None


@dataclass(frozen=True, slots=True)
class FederatedSubjects:
    """Reads the database at each call."""

    engine: Engine

    def find(self, issuer: Issuer, subject: str) -> DeclaredSubject | None:
        """Return what is declared; None if the issuer is not."""
        query = _BY_TRUST_DOMAIN if issuer.is_trust_domain else _BY_ISSUER
        with self.engine.connect() as connection:
            row = connection.execute(query, {"issuer": issuer.name, "subject": subject}).one_or_none()
        if row is None:
            return None
        *place, client_id, audience = row
        return DeclaredSubject(KeyPlace(*place), client_id, audience)
