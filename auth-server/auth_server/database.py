"""The tables, and the engine that opens them: SQLite in WAL mode. The only migration adds missing columns."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table
from sqlalchemy.schema import CreateColumn

metadata = sa.MetaData()


class ClientIds(sa.TypeDecorator[list[str]]):
    """Client ids as a JSON list; the one that an earlier version stored as it is reads as a list too."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        """Return what is stored."""
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> list[str] | None:  # noqa: ARG002
        """Return the list."""
        if value is None:
            return None
        with suppress(ValueError):
            stored = json.loads(value)
            if isinstance(stored, list):
                return stored
        return [value]


apis = Table(
    "apis",
    metadata,
    Column("identifier", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("token_lifetime", Integer),
    Column("signing_alg", String, nullable=False),
    Column("introspected_by", ClientIds),
)

# An API whose algorithm has changed, while its tokens are still signed with the one before.
algorithm_changes = Table(
    "algorithm_changes",
    metadata,
    Column("audience", ForeignKey("apis.identifier", ondelete="CASCADE"), primary_key=True),
    Column("former_alg", String, nullable=False),
    Column("signs_until", Integer, nullable=False),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("secret_digest_files", JSON, nullable=False),
    Column("jwks_file", String),
    Column("token_endpoint_audience", Boolean),
    Column("dpop_bound_access_tokens", Boolean),
    Column("tls_client_auth", String),  # DNS:name or URI:name
    Column("self_signed_tls_client_auth", String),  # a file
    Column("tls_client_certificate_bound_access_tokens", Boolean),
    Column("metadata", JSON(none_as_null=True)),
)

# Whom another issuer vouches for. The subject is the key, so that two clients can change theirs in one go.
federated_subjects = Table(
    "federated_subjects",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False),
    Column("audience", String),
    Column("jwks_uri", String),
    Column("jwks_file", String),
    Column("ca_file", String),
    Column("bearer_file", String),
    Column("trust_domain", String, index=True),
)

grants = Table(
    "grants",
    metadata,
    Column("client", ForeignKey("clients.client_id"), primary_key=True),
    Column("audience", ForeignKey("apis.identifier"), primary_key=True),
    Column("scopes", JSON, nullable=False),
    Column("token_lifetime", Integer),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String, primary_key=True),
    Column("alg", String, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("announced_at", Integer, nullable=False),
    Column("signs_from", Integer, nullable=False),
    Column("longest_lifetime", Integer, nullable=False),
    Column("revoked_at", Integer),
    Column("unused_from", Integer),  # when no API needs the algorithm any more
    Column("public_jwk", JSON, nullable=False),
    Column("encrypted_private_jwk", LargeBinary, nullable=False),
    sa.UniqueConstraint("alg", "generation"),  # whatever else goes wrong, a key has one successor
)

secret_uses = Table(
    "secret_uses",
    metadata,
    Column("client_id", String, primary_key=True),
    Column("secret_digest", LargeBinary, primary_key=True),
    Column("first_used", Integer),  # an earlier version did not record it
    Column("last_used", Integer, nullable=False),
)

seen_assertions = Table(
    "seen_assertions",
    metadata,
    # No foreign key: an assertion stays seen when its client is removed and declared again.
    Column("client_id", String, primary_key=True),
    Column("jti_digest", LargeBinary, primary_key=True),
    Column("expires_at", Integer, nullable=False, index=True),
)

seen_proofs = Table(
    "seen_proofs",
    metadata,
    Column("proof_digest", LargeBinary, primary_key=True),  # of the key and the jti of a DPoP proof
    Column("expires_at", Integer, nullable=False, index=True),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", String, primary_key=True),
    Column("expires_at", Integer, nullable=False, index=True),
)


def lifetime_of_tokens(default: Any) -> Any:
    """Return the expression for a grant's token lifetime: its own, its API's or the default, in seconds."""
    return sa.func.coalesce(grants.c.token_lifetime, apis.c.token_lifetime, default)


def alg_of_tokens(now: Any) -> Any:
    """Return the expression for the algorithm that signs an API's tokens at a moment, in Unix time."""
    former_signs = algorithm_changes.c.signs_until > now
    return sa.case((former_signs, algorithm_changes.c.former_alg), else_=apis.c.signing_alg)


def create_database_engine(url: str) -> sa.Engine:
    """Return the engine, which opens nothing before its first use.

    `hide_parameters`, because an exception goes to the log and parameters do not.
    """
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": 5})
    sa.event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    with suppress(sqlite3.OperationalError):  # SQLite lets only one connection switch a new file
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open the only transaction that may write, so that what it reads stays true until it commits."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def create_tables(engine: sa.Engine) -> None:
    """Create missing tables and missing nullable columns; several processes may do so at once."""
    with writing(engine) as connection:
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
            for column in table.columns:
                if column.nullable and column.name not in present:
                    definition = CreateColumn(column).compile(connection)
                    connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {definition}")
