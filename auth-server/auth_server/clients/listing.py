"""The clients as an operator sees them: their credentials, and when each secret was last used."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, select

from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.clients.secret_uses import SecretUses
from auth_server.command_output import Row, as_time
from auth_server.database import clients

COLUMNS = {"CLIENT": "client_id", "ENABLED": "enabled", "CREDENTIAL": "file", "LAST USED": "last_used"}


def list_credentials(engine: Engine, secrets_dir: Path) -> Iterator[Row]:
    """Yield every credential of every client; `last_used` is None for never and for keys."""
    uses = SecretUses(engine).read()
    with engine.connect() as connection:
        rows = connection.execute(select(clients).order_by(clients.c.client_id)).all()
    for row in rows:
        client: Row = {"client_id": row.client_id, "enabled": row.enabled}
        nothing: Row = {"last_used": None, "problem": None}
        if row.jwks_file:
            yield {**client, "kind": "keys", "file": row.jwks_file, **nothing}
        for name in row.secret_digest_files:
            secret = {**client, "kind": "secret", "file": name, **nothing}
            try:
                secret["last_used"] = as_time(uses.get((row.client_id, read_digest(secrets_dir / name))))
            except DigestFileError as error:
                secret["problem"] = str(error)
            yield secret


def as_shown(credential: Row) -> Row:
    """Return a credential for the table, which shows a problem in the place of the last use."""
    if credential["kind"] == "keys":
        return credential
    return {**credential, "last_used": credential["problem"] or credential["last_used"] or "never"}
