"""The clients as an operator sees them: their credentials, and when each secret was last used."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.clients.secret_uses import SecretUses
from auth_server.command_output import as_time
from auth_server.database import clients


@dataclass(frozen=True, slots=True)
class ListedCredential:
    """One credential of a client; `last_used` in RFC 3339, None for never and for keys, which keep none."""

    client_id: str
    enabled: bool
    kind: str
    file: str
    last_used: str | None
    problem: str | None = None


def list_credentials(engine: Engine, secrets_dir: Path) -> Iterator[ListedCredential]:
    """List every credential of every client, by client id."""
    uses = SecretUses(engine).read()
    with engine.connect() as connection:
        rows = connection.execute(select(clients).order_by(clients.c.client_id)).all()
    for row in rows:
        if row.jwks_file:
            yield ListedCredential(row.client_id, row.enabled, "keys", row.jwks_file, None)
        for name in row.secret_digest_files:
            last_used = problem = None
            try:
                last_used = uses.get((row.client_id, read_digest(secrets_dir / name)))
            except DigestFileError as error:
                problem = str(error)
            yield ListedCredential(row.client_id, row.enabled, "secret", name, as_time(last_used), problem)


def credential_rows(credentials: Iterable[ListedCredential]) -> Iterator[tuple[str, ...]]:
    """Give the rows of a table."""
    yield ("CLIENT", "ENABLED", "CREDENTIAL", "LAST USED")
    for one in credentials:
        last_used = "-" if one.kind == "keys" else one.problem or one.last_used or "never"
        yield (one.client_id, "yes" if one.enabled else "no", one.file, last_used)
