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
from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.database import apis, clients, grants, lifetime_of_tokens

log = logging.getLogger(__name__)

_MOST_REMEMBERED = 1000

_QUERY = (
    select(
        clients,
        grants.c.audience,
        grants.c.scopes,
        lifetime_of_tokens(bindparam("token_lifetime")).label("token_lifetime"),
        apis.c.signing_alg,
    )
    .select_from(clients.outerjoin(grants).outerjoin(apis))
    .where(clients.c.client_id == bindparam("client_id"))
    .order_by(grants.c.audience)
)


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What a client may request at one API; `token_lifetime` in seconds."""

    audience: str
    scopes: tuple[str, ...]
    token_lifetime: int
    signing_alg: str


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client, with its grants by audience."""

    client_id: str
    enabled: bool
    secret_digests: tuple[bytes, ...]
    grants: Mapping[str, ClientGrant]
    keys: tuple[ClientKey, ...] = ()
    token_endpoint_audience: bool = False
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


class Clients:
    """Looks clients up; durations in seconds. A remembered client may be accepted, but never refused."""

    def __init__(
        self,
        engine: Engine,
        secrets_dir: Path,
        *,
        ttl: float,
        token_lifetime: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._secrets_dir = secrets_dir
        self._ttl = ttl
        self._token_lifetime = token_lifetime
        self._now = now
        self._remembered: dict[str, tuple[float, Client]] = {}
        self._lock = threading.Lock()

    def recall(self, client_id: str) -> Client | None:
        """Return a client that authenticated within the last `ttl` seconds, without reading the database."""
        until, client = self._remembered.get(client_id, (0.0, None))
        return client if self._now() < until else None

    def remember(self, client: Client) -> None:
        """Keep a client that has authenticated for the next requests."""
        with self._lock:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[client.client_id] = (self._now() + self._ttl, client)

    def read(self, client_id: str) -> Client | None:
        """Return a client from the database, with its digests or keys from their files."""
        parameters = {"client_id": client_id, "token_lifetime": self._token_lifetime}
        with self._engine.connect() as connection:
            rows = connection.execute(_QUERY, parameters).mappings().all()
        if not rows:
            with suppress(DigestFileError):  # an unknown client takes as long as a known one
                read_digest(Path(os.devnull))
            return None
        row = rows[0]
        return Client(
            client_id=client_id,
            enabled=row["enabled"],
            secret_digests=tuple(self._digests(row["secret_digest_files"])),
            grants={row["audience"]: _client_grant(row) for row in rows if row["audience"]},
            keys=self._keys(row["jwks_file"]),
            token_endpoint_audience=bool(row["token_endpoint_audience"]),
            name=row["name"],
            metadata=MappingProxyType(row["metadata"] or {}),
        )

    def _digests(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            try:
                yield read_digest(self._secrets_dir / name)
            except DigestFileError as error:
                log.warning("a secret digest file cannot be used", extra={"file": name, "reason": str(error)})

    def _keys(self, name: str | None) -> tuple[ClientKey, ...]:
        if not name:
            return ()
        try:
            return read_client_keys(self._secrets_dir / name)
        except KeyFileError as error:
            log.warning("a client key file cannot be used", extra={"file": name, "reason": str(error)})
            return ()


def _client_grant(row: RowMapping) -> ClientGrant:
    return ClientGrant(row["audience"], tuple(row["scopes"]), row["token_lifetime"], row["signing_alg"])
