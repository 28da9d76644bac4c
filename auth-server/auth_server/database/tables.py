"""The tables, the same in SQLite and PostgreSQL. A change here needs a migration (migrations.py)."""

import json
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table

metadata = sa.MetaData()

# An INTEGER of PostgreSQL ends in 2038. SQLite's has 64 bits.
UNIX_TIME = BigInteger().with_variant(Integer(), "sqlite")
# Compared byte by byte, as SQLite does: the order of a language changes with the C library.
TEXT = String().with_variant(String(collation="C"), "postgresql")


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
    Column("identifier", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("token_lifetime", Integer),
    Column("signing_alg", TEXT, nullable=False),
    Column("introspected_by", ClientIds),
)

# An API whose algorithm has changed, while its tokens are still signed with the one before.
algorithm_changes = Table(
    "algorithm_changes",
    metadata,
    Column("audience", ForeignKey("apis.identifier", ondelete="CASCADE"), primary_key=True),
    Column("former_alg", TEXT, nullable=False),
    Column("signs_until", UNIX_TIME, nullable=False),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("secret_digest_files", JSON, nullable=False),
    Column("jwks_file", TEXT),
    Column("token_endpoint_audience", Boolean),
    Column("dpop_bound_access_tokens", Boolean),
    Column("tls_client_auth", TEXT),  # DNS:name or URI:name
    Column("self_signed_tls_client_auth", TEXT),  # a file
    Column("tls_client_certificate_bound_access_tokens", Boolean),
    Column("metadata", JSON(none_as_null=True)),
)

# Whom another issuer vouches for. The subject is the key, so that two clients can change theirs in one go.
federated_subjects = Table(
    "federated_subjects",
    metadata,
    Column("issuer", TEXT, primary_key=True),
    Column("subject", TEXT, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False),
    Column("audience", TEXT),
    Column("jwks_uri", TEXT),
    Column("jwks_file", TEXT),
    Column("ca_file", TEXT),
    Column("bearer_file", TEXT),
    Column("trust_domain", TEXT, index=True),
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
    Column("kid", TEXT, primary_key=True),
    Column("alg", TEXT, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("announced_at", UNIX_TIME, nullable=False),
    Column("signs_from", UNIX_TIME, nullable=False),
    Column("longest_lifetime", Integer, nullable=False),
    Column("revoked_at", UNIX_TIME),
    Column("unused_from", UNIX_TIME),  # when no API needs the algorithm any more
    Column("public_jwk", JSON, nullable=False),
    Column("encrypted_private_jwk", LargeBinary, nullable=False),
    sa.UniqueConstraint("alg", "generation"),  # whatever else goes wrong, a key has one successor
)

secret_uses = Table(
    "secret_uses",
    metadata,
    Column("client_id", TEXT, primary_key=True),
    Column("secret_digest", LargeBinary, primary_key=True),
    Column("first_used", UNIX_TIME),  # an earlier version did not record it
    Column("last_used", UNIX_TIME, nullable=False),
)

seen_assertions = Table(
    "seen_assertions",
    metadata,
    # No foreign key: an assertion stays seen when its client is removed and declared again.
    Column("client_id", TEXT, primary_key=True),
    Column("jti_digest", LargeBinary, primary_key=True),
    Column("expires_at", UNIX_TIME, nullable=False, index=True),
)

seen_proofs = Table(
    "seen_proofs",
    metadata,
    Column("proof_digest", LargeBinary, primary_key=True),  # of the key and the jti of a DPoP proof
    Column("expires_at", UNIX_TIME, nullable=False, index=True),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", TEXT, primary_key=True),
    Column("expires_at", UNIX_TIME, nullable=False, index=True),
)


def lifetime_of_tokens(default: Any) -> Any:
    """Return the expression for a grant's token lifetime: its own, its API's or the default, in seconds."""
    return sa.func.coalesce(grants.c.token_lifetime, apis.c.token_lifetime, default)


def alg_of_tokens(now: float) -> Any:
    """Return the expression for the algorithm that signs an API's tokens at a moment, in Unix time."""
    former_signs = algorithm_changes.c.signs_until > int(now)  # PostgreSQL would round it
    return sa.case((former_signs, algorithm_changes.c.former_alg), else_=apis.c.signing_alg)
