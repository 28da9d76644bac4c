"""The clients as an operator sees them: their credentials, and when each secret was used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.clients.secret_uses import INTERVAL, Secret, SecretUse, SecretUses
from auth_server.command_output import Row, as_time
from auth_server.database.tables import clients, federated_subjects

COLUMNS = {
    "CLIENT": "client_id",
    "ENABLED": "enabled",
    "CREDENTIAL": "file",
    "LAST USED": "last_used",
    "ONLY ONE USED SINCE": "only_one_used_since",
}


@dataclass(frozen=True, slots=True)
class _Credential:
    """A key file, or a digest file with the uses of its secret; `problem` says why it cannot be read."""

    file: str
    use: SecretUse | None = None
    problem: str | None = None


def list_credentials(engine: Engine, secrets_dir: Path) -> Iterator[Row]:
    """Yield every credential of every client; times are None for never, for unknown and for keys."""
    uses = SecretUses(engine).read()
    with engine.connect() as connection:
        rows = connection.execute(select(clients).order_by(clients.c.client_id)).all()
        federated = connection.execute(select(federated_subjects)).all()
    subjects = {row.client_id: f"{row.subject} of {row.issuer}" for row in federated}
    for row in rows:
        client: Row = {"client_id": row.client_id, "enabled": row.enabled}
        if row.client_id in subjects:
            yield {**client, "kind": "federated", **_listed(_Credential(subjects[row.client_id]), [])}
        for kind, name in _without_uses(row):
            yield {**client, "kind": kind, **_listed(_Credential(name), [])}
        secrets = [_secret(row.client_id, secrets_dir / name, uses) for name in row.secret_digest_files]
        for secret in secrets:
            others = [other for other in secrets if other is not secret]
            yield {**client, "kind": "secret", **_listed(secret, others)}


def _without_uses(row: Any) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of each credential of a client whose uses are not recorded."""
    named = {"keys": row.jwks_file, "certificate": row.tls_client_auth}
    for kind, name in (*named.items(), ("certificate", row.self_signed_tls_client_auth)):
        if name:
            yield kind, name


def _secret(client_id: str, file: Path, uses: Mapping[Secret, SecretUse]) -> _Credential:
    try:
        return _Credential(file.name, uses.get((client_id, read_digest(file))))
    except DigestFileError as error:
        return _Credential(file.name, problem=str(error))


def _listed(credential: _Credential, others: list[_Credential]) -> Row:
    use = credential.use
    listed: Row = {"file": credential.file, "first_used": None, "last_used": None}
    if use:
        listed |= {"first_used": as_time(use.first), "last_used": as_time(use.last)}
    listed["only_one_used_since"] = as_time(_only_one_used_since(use, others))
    return {**listed, "problem": credential.problem}


def _only_one_used_since(use: SecretUse | None, others: list[_Credential]) -> int | None:
    """Return since when the client uses this secret and not its other one; None while it uses both."""
    if use is None or not others or others[0].problem:
        return None
    other = others[0].use
    if other is None:
        return use.first
    if use.last <= other.last:
        return None
    # Within the interval after a recorded use, further ones are not recorded.
    return max(use.first or 0, other.last + INTERVAL)


def as_shown(credential: Row) -> Row:
    """Return a credential for the table, which shows a problem in the place of the last use."""
    if credential["kind"] != "secret":
        return credential
    return {**credential, "last_used": credential["problem"] or credential["last_used"] or "never"}
