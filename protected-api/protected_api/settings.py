"""The settings of the Timesheets API. Not here: how a variable is read (settings_reader.py)."""

import ipaddress
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from protected_api.databases import WRITABLE, DatabaseReader
from protected_api.resource_server.dpop_nonces import NonceKeyError, Nonces
from protected_api.resource_server.token_profiles import PROFILES, needs_clients
from protected_api.settings_reader import SettingsError, is_http_url, is_loopback_http

LONGEST = 999999999  # seconds
LONGEST_TOKEN = 60000  # characters; the authorization server can be asked about one in a body of 64 KiB
PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?")  # a route can have it, and no proxy rewrites it
OPAQUE = "opaque"  # a profile of tokens that the authorization server is asked about
PRINTABLE = re.compile(r"[\x21-\x7E]+")
PROXY = re.compile(r"http://([^@/?#\s]+@)?(?P<server>[^@/?#\s]+:[0-9]+)/?")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides; times are in seconds."""

    issuer: str
    audience: str
    database_file: str  # empty if there is a URL
    jwks_uri: str | None = None
    jwks_ttl: int = 300
    jwks_hard_ttl: int = 86400
    jwks_cooldown: int = 30
    clock_skew: int = 60
    log_level: str = "INFO"
    introspection_url: str | None = None
    client_id: str | None = None
    client_secret_file: str | None = None
    explain: bool = False
    max_token_length: int = 4096  # characters
    jwks_file: str | None = None
    outbound_proxy: str | None = field(default=None, repr=False)  # it may hold a password
    ca_file: str | None = None
    dpop: str = "0"
    dpop_nonce_key_file: str | None = None
    mtls: str = "0"
    trusted_proxies: tuple[str, ...] = ()  # addresses and CIDR blocks
    profile: str = "rfc9068"  # of the tokens
    allowed_clients: frozenset[str] = frozenset()  # none: any client of the issuer
    aud: str | None = None  # of tokens, if it is not the audience
    database_url: str | None = None  # of PostgreSQL; it has no password
    database_password_file: str | None = None

    @property
    def token_audience(self) -> str:
        """Return what the `aud` of a token must contain."""
        return self.aud or self.audience

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Prepare the database and return the settings; raise SettingsError with every problem."""
        read = _Reader(environ)
        settings = cls(
            issuer=read.issuer(),
            audience=read.audience(),
            database_file=read.database_file(),
            database_password_file=read.secret_file("DATABASE_PASSWORD_FILE"),
            database_url=read.database_url(),
            jwks_uri=read.endpoint("JWKS_URI"),
            jwks_ttl=read.number("JWKS_TTL", 300, 1, LONGEST, " of seconds"),
            jwks_hard_ttl=read.number("JWKS_HARD_TTL", 86400, 1, LONGEST, " of seconds"),
            jwks_cooldown=read.number("JWKS_COOLDOWN", 30, 1, LONGEST, " of seconds"),
            clock_skew=read.number("CLOCK_SKEW", 60, 0, LONGEST, " of seconds"),
            max_token_length=read.number("MAX_TOKEN_LENGTH", 4096, 1024, LONGEST_TOKEN, " of characters"),
            jwks_file=read.jwks_file(),
            outbound_proxy=read.proxy("OUTBOUND_PROXY"),
            ca_file=read.ca_file("CA_FILE"),
            dpop=read.choice("DPOP", ("0", "1", "required"), "0"),
            dpop_nonce_key_file=read.nonce_key_file("DPOP_NONCE_KEY_FILE"),
            mtls=read.choice("MTLS", ("0", "1", "required"), "0"),
            trusted_proxies=tuple(read.networks("TRUSTED_PROXIES")),
            log_level=read.log_level(),
            introspection_url=read.endpoint("INTROSPECTION_URL"),
            client_id=read.text("CLIENT_ID") or None,
            client_secret_file=read.secret_file("CLIENT_SECRET_FILE"),
            explain=read.explain(),
            profile=read.profile("TOKEN_PROFILE"),
            allowed_clients=read.allowed_clients("ALLOWED_CLIENT_IDS"),
            aud=read.token_audience("TOKEN_AUDIENCE"),
        )
        read.needs("CLIENT_ID", "CLIENT_SECRET_FILE")
        read.needs("CLIENT_SECRET_FILE", "CLIENT_ID")
        read.needs("INTROSPECTION_URL", "CLIENT_ID")
        read.needs("DATABASE_PASSWORD_FILE", "DATABASE_URL")
        if settings.mtls != "0" and not read.text("TRUSTED_PROXIES"):
            read.problem("TRUSTED_PROXIES", "is not set, but MTLS is; set it to the proxy that ends TLS")
        if settings.jwks_hard_ttl < settings.jwks_ttl:
            read.problem("JWKS_HARD_TTL", "is shorter than JWKS_TTL; set it to at least as many seconds")
        if read.problems:
            raise SettingsError(read.problems)
        return settings


class _Reader(DatabaseReader):
    def audience(self) -> str:
        required = self.required("AUDIENCE", "the URL of this API")
        audience = self.url("AUDIENCE", required, plain_http=self.switch("INSECURE_HTTP"))
        if is_http_url(audience, query=False) and not PATH.fullmatch(urlsplit(audience).path):
            self.problem(
                "AUDIENCE", "has a path that cannot be served; set it to plain segments, as in /v1/api"
            )
        return audience

    def profile(self, name: str) -> str:
        profile = self.choice(name, (*PROFILES, OPAQUE), "rfc9068")
        if profile == OPAQUE and not self.text("CLIENT_ID"):
            self.problem("CLIENT_ID", f"is not set, but {name} is {OPAQUE}; set it, to ask about tokens")
        return profile

    def token_audience(self, name: str) -> str | None:
        value = self.text(name)
        if value and not PRINTABLE.fullmatch(value):
            self.problem(name, "cannot be used; set it to the aud of the tokens, without spaces")
        return value or None

    def allowed_clients(self, name: str) -> frozenset[str]:
        clients = frozenset(self.text(name).split())
        if not clients and (self.text(name) or needs_clients(self.profile("TOKEN_PROFILE"))):
            self.problem(name, "names no client; set it to the client ids that may call, separated by spaces")
        return clients

    def endpoint(self, name: str) -> str | None:
        # The endpoints of a loopback issuer may have another plain http address, as in Compose.
        plain_http = self.switch("INSECURE_HTTP") or is_loopback_http(self.text("ISSUER"))
        return self.url(name, self.text(name), plain_http=plain_http, query=True) or None

    def jwks_file(self) -> str | None:
        file = self.text("JWKS_FILE")
        if not file:
            return None
        is_something_else = Path(file).exists() and not Path(file).is_file()  # such as /dev/null
        if is_something_else or not os.access(Path(file).parent, os.W_OK | os.X_OK):
            self.problem("JWKS_FILE", f"cannot be written; set it to {WRITABLE}")
        if Path(file).resolve() == Path(self.text("DATABASE_FILE")).resolve():
            self.problem("JWKS_FILE", "is DATABASE_FILE, which it would replace; set it to another file")
        return file

    def proxy(self, name: str) -> str | None:
        value = self.text(name)
        found = PROXY.fullmatch(value)
        if value and not (found and is_http_url(f"http://{found['server']}", query=False)):
            # The value is not repeated: it may hold a password.
            self.problem(name, "is not http://host:port or http://user:password@host:port; correct it")
        return value or None

    def ca_file(self, name: str) -> str | None:
        file = self.text(name)
        with suppress(OSError):  # SSLError is one too
            if not file or ssl.create_default_context(cafile=file).cert_store_stats()["x509"]:
                return file or None
        self.problem(
            name, "names a file that cannot be read as certificates in PEM; write at least one into it"
        )
        return None

    def nonce_key_file(self, name: str) -> str | None:
        file = self.text(name)
        try:
            if file:
                Nonces(Path(file)).check()
        except NonceKeyError as error:
            self.problem(name, str(error))
        return file or None

    def networks(self, name: str) -> Iterator[str]:
        parts = [part.strip() for part in self.text(name).split(",")]
        for text in filter(None, parts):
            try:
                yield str(ipaddress.ip_network(text))
            except ValueError:
                self.problem(name, f"{text} is not an address or CIDR block; set it to those of the proxies")

    def secret_file(self, name: str) -> str | None:
        file = self.text(name)
        try:
            if file and not Path(file).read_text("utf-8-sig").strip():
                self.problem(name, "names an empty file; write the secret into it")
        except (OSError, ValueError):
            self.problem(name, "names a file that cannot be read; create it")
        return file or None

    def needs(self, name: str, other: str) -> None:
        if self.text(name) and not self.text(other):
            self.problem(other, f"is not set, but {name} is; set both or neither")
