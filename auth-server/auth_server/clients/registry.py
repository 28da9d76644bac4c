"""The registered clients with what they are granted, read by one query and remembered for a moment."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import Engine, RowMapping, bindparam, select

from auth_server.clients.public_keys import ClientKey, KeyFileError, read_client_keys
from auth_server.clients.secret_digests import DigestFileError, read_digest
from auth_server.database import apis, clients, grants

log = logging.getLogger(__name__)

_REMEMBERED = 1000
SECRET_METHODS = ("client_secret_basic", "client_secret_post")

_QUERY = (
    select(
        clients.c.client_id,
        clients.c.name,
        clients.c.metadata,
        clients.c.enabled,
        clients.c.secret_digest_files,
        clients.c.jwks_file,
        clients.c.token_endpoint_audience,
        grants.c.audience,
        grants.c.scopes,
        grants.c.token_lifetime,
        apis.c.token_lifetime.label("api_token_lifetime"),
        apis.c.signing_alg,
    )
    .select_from(clients.outerjoin(grants).outerjoin(apis))
    .where(clients.c.client_id == bindparam("client_id"))
    .order_by(grants.c.audience)
)


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What a client may ask for at one API; the lifetime in seconds, None for the server's default."""

    audience: str
    scopes: tuple[str, ...]
    token_lifetime: int | None
    signing_alg: str


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]
    """A registered client."""

    client_id: str
    enabled: bool
    secret_digests: tuple[bytes, ...]
    grants: Mapping[str, ClientGrant]
    keys: tuple[ClientKey, ...] = ()
    token_endpoint_audience: bool = False
    name: str = ""
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Tell whether the client authenticates by this method; a secret may be sent either way."""
        return method == "private_key_jwt" if self.keys else method in SECRET_METHODS


class Clients:
    """Looks clients up. What it remembers serves to say yes: whoever would refuse asks `read` first."""

    def __init__(
        self, engine: Engine, secrets_dir: Path, ttl: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._secrets_dir = secrets_dir
        self._ttl = ttl
        self._now = now
        self._remembered: dict[str, tuple[float, Client]] = {}
        self._lock = threading.Lock()

    def recall(self, client_id: str) -> Client | None:
        """Give a client that has authenticated within the last seconds, without looking."""
        until, client = self._remembered.get(client_id, (0.0, None))
        return client if client and self._now() < until else None

    def remember(self, client: Client) -> None:
        """Keep a client that has authenticated for the next requests."""
        with self._lock:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[client.client_id] = (self._now() + self._ttl, client)

    def read(self, client_id: str) -> Client | None:
        """Read a client from the database, and its digests or keys from their files."""
        with self._engine.connect() as connection:
            rows = connection.execute(_QUERY, {"client_id": client_id}).mappings().all()
        if not rows:
            with suppress(DigestFileError):  # an unknown client takes as long as a known one
                read_digest(Path(os.devnull))
            return None
        return Client(
            client_id=client_id,
            enabled=rows[0]["enabled"],
            secret_digests=tuple(self._digests(rows[0]["secret_digest_files"])),
            grants={row["audience"]: _client_grant(row) for row in rows if row["audience"]},
            keys=self._keys(rows[0]["jwks_file"]),
            token_endpoint_audience=bool(rows[0]["token_endpoint_audience"]),
            name=rows[0]["name"],
            metadata=MappingProxyType(rows[0]["metadata"] or {}),
        )

    def _digests(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            try:
                yield read_digest(self._secrets_dir / name)
            except DigestFileError as error:
                event = {"file": name, "reason": str(error)}
                log.warning("secret digest file unusable", extra={"event": event})

    def _keys(self, name: str | None) -> tuple[ClientKey, ...]:
        try:
            return read_client_keys(self._secrets_dir / name) if name else ()
        except KeyFileError as error:
            log.warning("client key file unusable", extra={"event": {"file": name, "reason": str(error)}})
            return ()


def _client_grant(row: RowMapping) -> ClientGrant:
    return ClientGrant(
        audience=row["audience"],
        scopes=tuple(row["scopes"]),
        token_lifetime=row["token_lifetime"] or row["api_token_lifetime"],
        signing_alg=row["signing_alg"],
    )
