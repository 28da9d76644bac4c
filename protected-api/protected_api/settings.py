"""The settings of the Timesheets API, with every problem of them reported at once."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """The settings cannot be used; `problems` are sentences, each naming a variable and what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides; times in seconds."""

    issuer: str
    audience: str
    database_file: str
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

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings, empty counting as unset; raise SettingsError with every problem."""
        read = _Reader(environ)
        insecure = read.choice("INSECURE_HTTP", "0", ("0", "1")) == "1"
        issuer = read.required("ISSUER")
        # Behind a loopback issuer its endpoints may have another plain http address, as in Compose.
        inner_insecure = insecure or _is_loopback_http(issuer)
        settings = cls(
            issuer=read.url("ISSUER", issuer, insecure=insecure),
            audience=read.url("AUDIENCE", read.required("AUDIENCE"), insecure=insecure),
            database_file=read.required("DATABASE_FILE"),
            jwks_uri=read.endpoint("JWKS_URI", insecure=inner_insecure),
            jwks_ttl=read.seconds("JWKS_TTL", 300, 1),
            jwks_hard_ttl=read.seconds("JWKS_HARD_TTL", 86400, 1),
            jwks_cooldown=read.seconds("JWKS_COOLDOWN", 30, 1),
            clock_skew=read.seconds("CLOCK_SKEW", 60, 0),
            log_level=read.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
            introspection_url=read.endpoint("INTROSPECTION_URL", insecure=inner_insecure),
            client_id=read.text("CLIENT_ID") or None,
            client_secret_file=read.secret_file("CLIENT_SECRET_FILE"),
            explain=read.choice("EXPLAIN", "0", ("0", "1")) == "1",
        )
        if settings.explain and not _is_loopback_http(issuer):
            read.problems.append(
                "EXPLAIN: tells what refusals hide; set it to 0, or ISSUER to a loopback http URL"
            )
        read.together("CLIENT_ID", "CLIENT_SECRET_FILE")
        if settings.introspection_url and not settings.client_id:
            read.problems.append("CLIENT_ID: is not set, but INTROSPECTION_URL is; set both or neither")
        if settings.jwks_hard_ttl < settings.jwks_ttl:
            read.problems.append("JWKS_HARD_TTL: is shorter than JWKS_TTL; give it at least as long")
        if read.problems:
            raise SettingsError(tuple(read.problems))
        return settings


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "")

    def required(self, name: str) -> str:
        if not self.text(name):
            self.problems.append(f"{name}: is not set; set it")
        return self.text(name)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name) or default
        if value not in choices:
            self.problems.append(f"{name}: is none of {', '.join(choices)}; choose one")
        return value

    def seconds(self, name: str, default: int, least: int) -> int:
        text = self.text(name) or str(default)
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
            self.problems.append(
                f"{name}: is not a whole number of seconds; give one from {least} to 999999999"
            )
            return default
        return int(text)

    def secret_file(self, name: str) -> str | None:
        file = self.text(name)
        try:
            if file and not Path(file).read_text().strip():
                self.problems.append(f"{name}: names an empty file; put the secret there")
        except (OSError, ValueError):
            self.problems.append(f"{name}: names a file that cannot be read; create it")
        return file or None

    def together(self, first: str, second: str) -> None:
        if bool(self.text(first)) != bool(self.text(second)):
            missing, present = (second, first) if self.text(first) else (first, second)
            self.problems.append(f"{missing}: is not set, but {present} is; set both or neither")

    def endpoint(self, name: str, *, insecure: bool) -> str | None:
        return self.url(name, self.text(name), insecure=insecure, query=True) or None

    def url(self, name: str, value: str, *, insecure: bool, query: bool = False) -> str:
        if value and not _is_http_url(value, query=query):
            parts = "fragment or user name" if query else "query, fragment or user name"
            self.problems.append(f"{name}: is not an absolute http(s) URL without {parts}; correct it")
        elif value.startswith("http:") and not insecure and not _is_loopback_http(value):
            self.problems.append(
                f"{name}: is plain http to another host; use https, or set INSECURE_HTTP=1 for a trial"
            )
        return value


def _is_http_url(value: str, *, query: bool) -> bool:
    try:
        parts = urlsplit(value)
        absolute = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    unwanted = "@#" if query else "@#?"
    # Printable ASCII without quotes: these go into headers byte for byte.
    return absolute and bool(re.fullmatch(r"[!-~]+", value)) and not set(value) & set(unwanted + '"\\')


def _is_loopback_http(value: str) -> bool:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
