"""The clients as an operator sees them: their credentials, and when each secret was last used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, Row, select

from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.clients.secret_uses import Secret, SecretUses
from auth_server.command_output import as_time
from auth_server.database import clients

COLUMNS = {"CLIENT": "client_id", "ENABLED": "enabled", "CREDENTIAL": "file", "LAST USED": "use_or_problem"}


@dataclass(frozen=True, slots=True)
class ListedCredential:
    """One credential of a client; `last_used` in RFC 3339, None for never and for keys, which have none."""

    client_id: str
    enabled: bool
    kind: str
    file: str
    last_used: str | None = None
    problem: str | None = None

    @property
    def use_or_problem(self) -> str | None:
        """Return the last use of a secret, or why its file cannot be read."""
        return None if self.kind == "keys" else self.problem or self.last_used or "never"


def list_credentials(engine: Engine, secrets_dir: Path) -> Iterator[ListedCredential]:
    """Yield every credential of every client, by client id."""
    uses = SecretUses(engine).read()
    with engine.connect() as connection:
        rows = connection.execute(select(clients).order_by(clients.c.client_id)).all()
    for row in rows:
        if row.jwks_file:
            yield ListedCredential(row.client_id, row.enabled, "keys", row.jwks_file)
        for name in row.secret_digest_files:
            yield _listed_secret(row, secrets_dir / name, uses)


def _listed_secret(row: Row[tuple[object, ...]], file: Path, uses: Mapping[Secret, int]) -> ListedCredential:
    try:
        last_used = as_time(uses.get((row.client_id, read_digest(file))))
    except DigestFileError as error:
        return ListedCredential(row.client_id, row.enabled, "secret", file.name, problem=str(error))
    return ListedCredential(row.client_id, row.enabled, "secret", file.name, last_used)
