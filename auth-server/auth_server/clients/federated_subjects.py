"""The clients that another issuer vouches for, by the issuer and the subject of its tokens."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, select

from auth_server.database import federated_subjects as table


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs a token: an issuer by its `iss`, or a SPIFFE trust domain, whose tokens may have none."""

    name: str
    is_trust_domain: bool = False

    def __str__(self) -> str:
        """Return the name as it is logged."""
        return f"the trust domain {self.name}" if self.is_trust_domain else self.name

    def in_rows(self) -> ColumnElement[bool]:
        """Return the condition for the rows of this issuer."""
        return (table.c.trust_domain if self.is_trust_domain else table.c.issuer) == self.name


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where an issuer's public keys are: an address, with what a call to it needs, or a file."""

    jwks_uri: str | None
    jwks_file: str | None
    ca_file: str | None
    bearer_file: str | None


@dataclass(frozen=True, slots=True)
class FederatedSubject:
    """The client of a subject, and the audience of the tokens; None stands for our issuer."""

    client_id: str
    audience: str | None


@dataclass(frozen=True, slots=True)
class FederatedSubjects:
    """Reads the database at each call."""

    engine: Engine

    def key_place(self, issuer: Issuer) -> KeyPlace | None:
        """Return where the keys of an issuer are; None if the tenant does not declare it."""
        columns = (table.c.jwks_uri, table.c.jwks_file, table.c.ca_file, table.c.bearer_file)
        with self.engine.connect() as connection:
            row = connection.execute(select(*columns).where(issuer.in_rows()).limit(1)).one_or_none()
        return KeyPlace(*row) if row else None

    def find(self, issuer: Issuer, subject: str) -> FederatedSubject | None:
        """Return whom this is the subject of."""
        query = select(table.c.client_id, table.c.audience)
        with self.engine.connect() as connection:
            row = connection.execute(query.where(issuer.in_rows(), table.c.subject == subject)).one_or_none()
        return FederatedSubject(*row) if row else None
