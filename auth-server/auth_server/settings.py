"""The settings of the service, read once from the environment; files that they name are not opened here."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from auth_server.database_url import database_url_problem
from auth_server.settings_reader import SettingsReader, is_http_url

MAX_TOKEN_LIFETIME = 30 * 86400  # a token that lives longer is a password
LONGEST_TOKEN = 60000  # characters; the body of an introspection request with one stays under 64 KiB
IN_MEMORY = "memory://"
AT_START = "start"  # when the tenant file is applied
BY_COMMAND = "command"

# RFC 3986 3.3, without escapes: a proxy may rewrite these, so that a route would no longer match.
_PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9\-._~!$&'()*+,;=:@]+)*/?")
# For limits.storage. No password, which has a file of its own, and no options but the CA.
_STORE = re.compile(
    r"(?P<client>redis|valkey)s?://([^/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?(/[0-9]+)?"
    r"(\?ssl_ca_certs=[^&#]+)?"
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose; durations in seconds, the length of a token in characters."""

    issuer: str
    database_url: str
    database_password_file: Path | None
    tenant_files: tuple[Path, ...]
    tenant_apply: str
    actions_dir: Path
    secrets_dir: Path
    key_encryption_key_file: Path
    token_lifetime: int
    max_token_length: int
    jwks_ttl: int
    key_rotation: int
    key_announcement: int
    cache_ttl: int
    federated_lifetime: int
    failures_per_minute: int
    failures_storage: str
    failures_password_file: Path | None
    refuse_misspelt_parameters: bool
    dpop: bool
    dpop_nonce_key_file: Path | None
    mtls: bool
    mtls_ca_file: Path | None
    mtls_url: str  # what stands for the issuer where a client certificate is asked for; empty: nothing
    trusted_proxies: Networks
    log_level: str
    explain: bool

    @property
    def issuer_path(self) -> str:
        """Return the path of the issuer without a trailing slash; the endpoints are below it."""
        return urlsplit(self.issuer).path.removesuffix("/")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], problems: list[str]) -> Self:
        """Return the settings and add what is wrong to `problems`, so that the files can still be checked."""
        read = _Reader(environ)
        secrets_dir = Path(read.text("SECRETS_DIR", "/run/secrets"))
        key_file = read.text("KEY_ENCRYPTION_KEY_FILE", str(secrets_dir / "key-encryption-key"))
        settings = cls(
            issuer=read.issuer(),
            database_url=read.database_url(),
            database_password_file=read.optional_file("DATABASE_PASSWORD_FILE"),
            tenant_files=tuple(read.files("TENANT_FILE", "tenant.yaml")),
            tenant_apply=read.choice("TENANT_APPLY", (AT_START, BY_COMMAND), AT_START),
            actions_dir=read.folder("ACTIONS_DIR", "actions"),
            secrets_dir=secrets_dir,
            key_encryption_key_file=Path(key_file),
            token_lifetime=read.seconds("TOKEN_LIFETIME", 3600, 1, MAX_TOKEN_LIFETIME),
            max_token_length=read.number("MAX_TOKEN_LENGTH", 4096, 1024, LONGEST_TOKEN, " of characters"),
            jwks_ttl=read.seconds("JWKS_TTL", 300, 0, 86400),
            key_rotation=read.seconds("KEY_ROTATION", 30 * 86400, 1, 3650 * 86400),
            key_announcement=read.seconds("KEY_ANNOUNCEMENT", 3600, 1, 86400 * 30),
            cache_ttl=read.seconds("CACHE_TTL", 2, 0, 60),
            federated_lifetime=read.seconds("FEDERATED_LIFETIME", 86400, 60, 366 * 86400),
            failures_per_minute=read.number("FAILED_LOGINS_PER_MINUTE", 100, 0, 1_000_000),
            failures_storage=read.storage_url("FAILED_LOGINS_STORAGE"),
            failures_password_file=read.optional_file("FAILED_LOGINS_PASSWORD_FILE"),
            refuse_misspelt_parameters=read.switch("REFUSE_MISSPELT_PARAMETERS"),
            dpop=read.switch("DPOP"),
            dpop_nonce_key_file=read.optional_file("DPOP_NONCE_KEY_FILE"),
            mtls=read.switch("MTLS"),
            mtls_ca_file=read.optional_file("MTLS_CA_FILE"),
            mtls_url=read.mtls_url("MTLS_URL"),
            trusted_proxies=tuple(read.networks("TRUSTED_PROXIES")),
            log_level=read.log_level(),
            explain=read.explain(),
        )
        read.check_key_times(settings)
        if settings.mtls and not read.text("TRUSTED_PROXIES"):
            read.problem("TRUSTED_PROXIES", "is not set, but MTLS is; set it to the proxy that ends TLS")
        problems += read.problems
        return settings


class _Reader(SettingsReader):
    """Reads the settings that only this service has."""

    def issuer(self) -> str:
        """Return ISSUER, whose path this service must be able to serve."""
        issuer = super().issuer()
        if is_http_url(issuer, query=False) and not _PATH.fullmatch(urlsplit(issuer).path):
            self.problem(
                "ISSUER",
                "has a path that cannot be served; remove empty segments, dot segments, brackets and percent "
                "signs",
            )
        return issuer

    def mtls_url(self, name: str) -> str:
        url = self.text(name).removesuffix("/")
        if url and not (url.startswith("https:") and is_http_url(url, query=False)):
            self.problem(name, "is not an https URL without a query; correct it")
        return url

    def seconds(self, name: str, default: int, low: int, high: int) -> int:
        return self.number(name, default, low, high, " of seconds")

    def check_key_times(self, settings: Settings) -> None:
        """Refuse key times with which a key would sign before every API knows it."""
        announcement = settings.key_announcement
        cooldown = self.seconds("JWKS_COOLDOWN", 30, 0, 86400)
        unknown_for = settings.jwks_ttl + cooldown + settings.cache_ttl
        if announcement <= unknown_for:
            self.problem(
                "KEY_ANNOUNCEMENT",
                f"a key would sign {announcement} s after it was announced, and an API may not know it for "
                f"JWKS_TTL + JWKS_COOLDOWN + CACHE_TTL = {unknown_for} s; set it to more",
            )
        if settings.key_rotation < announcement:
            self.problem(
                "KEY_ROTATION", f"is shorter than KEY_ANNOUNCEMENT; set it to {announcement} or more"
            )

    def database_url(self) -> str:
        url = self.text("DATABASE_URL")
        problem = database_url_problem(url)
        if problem:
            self.problem("DATABASE_URL", problem)
            return ""
        return url

    def folder(self, name: str, default: str) -> Path:
        folder = Path(self.text(name, default))
        if not folder.is_dir():
            self.problem(name, f"{folder} is not a folder; create it, even if it stays empty")
        return folder

    def files(self, name: str, default: str) -> Iterator[Path]:
        """Yield the files that the setting names, separated by commas."""
        for text in self.text(name, default).split(","):
            yield Path(text.strip())

    def optional_file(self, name: str) -> Path | None:
        text = self.text(name)
        return Path(text) if text else None

    def storage_url(self, name: str) -> str:
        """Return memory://, or the URL of a Redis or Valkey for the library limits."""
        url = self.text(name, IN_MEMORY)
        if url == IN_MEMORY:  # opening it would start a thread
            return url
        store = _STORE.fullmatch(url)
        if not store:
            self.problem(name, f"is not {IN_MEMORY} or the URL of a Valkey without a password; correct it")
            return url
        try:
            storage_from_string(url)
        except ConfigurationError:
            client = store["client"]
            self.problem(name, f"needs the package {client}; install it, or set this to {IN_MEMORY}")
        except ValueError:
            self.problem(name, "has a port that cannot be; correct it")
        return url

    def networks(self, name: str) -> Iterator[Network]:
        """Yield addresses and CIDR blocks, which are separated by commas."""
        parts = [part.strip() for part in self.text(name).split(",")]
        for text in filter(None, parts):
            try:
                yield ipaddress.ip_network(text)
            except ValueError:
                self.problem(name, f"{text} is not an address or CIDR block; set it to those of the proxies")
