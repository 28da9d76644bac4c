"""The clients as an operator sees them: their credentials, and when each secret was last used."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from auth_server.database import clients
from auth_server.secret_digests import DigestFileError, read_digest
from auth_server.secret_uses import SecretUses


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
            when = last_used and f"{datetime.fromtimestamp(last_used, UTC):%Y-%m-%dT%H:%M:%SZ}"
            yield ListedCredential(row.client_id, row.enabled, "secret", name, when or None, problem)


def as_json(credentials: Iterable[ListedCredential]) -> str:
    """Write the list for a program."""
    return json.dumps([asdict(credential) for credential in credentials], indent=2)


def as_table(credentials: Iterable[ListedCredential]) -> str:
    """Write the list for a person."""
    rows = [("CLIENT", "ENABLED", "CREDENTIAL", "LAST USED")]
    for one in credentials:
        last_used = "-" if one.kind == "keys" else one.problem or one.last_used or "never"
        rows.append((one.client_id, "yes" if one.enabled else "no", one.file, last_used))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
