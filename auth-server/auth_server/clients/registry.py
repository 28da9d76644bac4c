"""The registered clients and their grants, read by one query and remembered for a moment."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from sqlalchemy import Engine, RowMapping, bindparam, select

from auth_server.clients.public_keys import ClientKey, KeyFileError, read_client_keys
from auth_server.clients.registered_certificates import read_certificates
from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.database.tables import algorithm_changes, apis, clients, grants, lifetime_of_tokens

log = logging.getLogger(__name__)

_MOST_REMEMBERED = 1000
_LIFETIME = lifetime_of_tokens(bindparam("token_lifetime")).label("token_lifetime")
_QUERY = (
    select(clients, grants.c.audience, grants.c.scopes, _LIFETIME, apis.c.signing_alg)
    .add_columns(algorithm_changes.c.former_alg, algorithm_changes.c.signs_until)
    .select_from(clients.outerjoin(grants).outerjoin(apis).outerjoin(algorithm_changes))
    .where(clients.c.client_id == bindparam("client_id"))
    .order_by(grants.c.audience)
)


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What a client may request at one API; `token_lifetime` in seconds.

    An algorithm that was declared lately signs once verifiers know its key; the former one signs until then.
    """

    audience: str
    scopes: tuple[str, ...]
    token_lifetime: int
    declared_alg: str
    former_alg: str | None = None
    former_signs_until: int = 0

    def signing_alg(self, now: float) -> str:
        """Return the algorithm that signs at a moment, in Unix time."""
        if self.former_alg and now < self.former_signs_until:
            return self.former_alg
        return self.declared_alg


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client, with its grants by audience.

    `has_key`, `has_secret` and `has_certificate` say that it is registered with these, even if none can be
    read.
    """

    client_id: str
    enabled: bool
    secret_digests: tuple[bytes, ...]
    grants: Mapping[str, ClientGrant]
    keys: tuple[ClientKey, ...] = ()
    has_key: bool = False
    has_secret: bool = False
    token_endpoint_audience: bool = False
    dpop_bound_access_tokens: bool = False
    certificate_name: str = ""  # that a CA must vouch for, as in DNS:job.example
    certificates: tuple[bytes, ...] = ()  # the digests of those that it has signed itself
    has_certificate: bool = False
    certificate_bound_access_tokens: bool = False
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(slots=True)
class Clients:
    """Looks clients up; durations in seconds. A remembered client may be accepted, but never refused."""

    engine: Engine
    secrets_dir: Path
    ttl: float
    token_lifetime: int
    now: Callable[[], float] = time.monotonic
    _remembered: dict[str, tuple[float, Client]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def recall(self, client_id: str) -> Client | None:
        """Return a client that authenticated within the last `ttl` seconds, without reading the database."""
        until, client = self._remembered.get(client_id, (0.0, None))
        return client if self.now() < until else None

    def remember(self, client: Client) -> None:
        """Keep a client that has authenticated for the next requests."""
        with self._lock:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[client.client_id] = (self.now() + self.ttl, client)

    def read(self, client_id: str) -> Client | None:
        """Return a client from the database, with its digests or keys from their files."""
        parameters = {"client_id": client_id, "token_lifetime": self.token_lifetime}
        with self.engine.connect() as connection:
            rows = connection.execute(_QUERY, parameters).mappings().all()
        if not rows:
            with suppress(DigestFileError):  # an unknown client takes as long as a known one
                read_digest(Path(os.devnull))
            return None
        client = rows[0]
        has_certificate = bool(client["tls_client_auth"] or client["self_signed_tls_client_auth"])
        return Client(
            client_id=client_id,
            enabled=client["enabled"],
            secret_digests=tuple(self._digests(client["secret_digest_files"])),
            grants={row["audience"]: _client_grant(row) for row in rows if row["audience"]},
            keys=self._keys(client["jwks_file"]),
            has_key=client["jwks_file"] is not None,
            has_secret=bool(client["secret_digest_files"]),
            token_endpoint_audience=bool(client["token_endpoint_audience"]),
            dpop_bound_access_tokens=bool(client["dpop_bound_access_tokens"]),
            certificate_name=client["tls_client_auth"] or "",
            certificates=self._certificates(client["self_signed_tls_client_auth"]),
            has_certificate=has_certificate,
            certificate_bound_access_tokens=bool(
                has_certificate or client["tls_client_certificate_bound_access_tokens"]
            ),
            name=client["name"],
            metadata=MappingProxyType(client["metadata"] or {}),
        )

    def _digests(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            try:
                yield read_digest(self.secrets_dir / name)
            except DigestFileError as error:
                log.warning("a secret digest file cannot be used", extra={"file": name, "reason": error})

    def _keys(self, name: str | None) -> tuple[ClientKey, ...]:
        try:
            return read_client_keys(self.secrets_dir / name) if name else ()
        except KeyFileError as error:
            log.warning("a client key file cannot be used", extra={"file": name, "reason": error})
            return ()

    def _certificates(self, name: str | None) -> tuple[bytes, ...]:
        try:
            return read_certificates(self.secrets_dir / name) if name else ()
        except KeyFileError as error:
            log.warning("a client certificate file cannot be used", extra={"file": name, "reason": error})
            return ()


def _client_grant(row: RowMapping) -> ClientGrant:
    return ClientGrant(
        audience=row["audience"],
        scopes=tuple(row["scopes"]),
        token_lifetime=row["token_lifetime"],
        declared_alg=row["signing_alg"],
        former_alg=row["former_alg"],
        former_signs_until=row["signs_until"] or 0,
    )
