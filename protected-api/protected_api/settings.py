"""The settings of the Timesheets API: read once, all problems reported together. Nothing else reads the environment."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings of `environ`, where empty counts as unset; raise SettingsError with every problem."""
        read = _Reader(environ)
        insecure = read.choice("INSECURE_HTTP", "0", ("0", "1")) == "1"
        issuer = read.required("ISSUER")
        # A plain http key set is as good as a plain http issuer: in Compose it is another address of the same server.
        jwks_insecure = insecure or _is_loopback_http(issuer)
        settings = cls(
            issuer=read.url("ISSUER", issuer, insecure=insecure),
            audience=read.url("AUDIENCE", read.required("AUDIENCE"), insecure=insecure),
            database_file=read.required("DATABASE_FILE"),
            jwks_uri=read.url("JWKS_URI", read.text("JWKS_URI"), insecure=jwks_insecure, query=True) or None,
            jwks_ttl=read.seconds("JWKS_TTL", 300, 1),
            jwks_hard_ttl=read.seconds("JWKS_HARD_TTL", 86400, 1),
            jwks_cooldown=read.seconds("JWKS_COOLDOWN", 30, 1),
            clock_skew=read.seconds("CLOCK_SKEW", 60, 0),
            log_level=read.choice("LOG_LEVEL", "INFO", LOG_LEVELS),
        )
        if settings.jwks_hard_ttl < settings.jwks_ttl:
            read.problems.append("JWKS_HARD_TTL: is shorter than JWKS_TTL; give it at least that many seconds")
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
            self.problems.append(f"{name}: is not a whole number of seconds; give one from {least} to 999999999")
            return default
        return int(text)

    def url(self, name: str, value: str, *, insecure: bool, query: bool = False) -> str:
        if value and not _is_http_url(value, query=query):
            parts = "fragment or user name" if query else "query, fragment or user name"
            self.problems.append(f"{name}: is not an absolute http(s) URL without {parts}; correct it")
        elif value.startswith("http:") and not insecure and not _is_loopback_http(value):
            self.problems.append(f"{name}: is plain http to another host; use https, or set INSECURE_HTTP=1 for a trial")
        return value


def _is_http_url(value: str, *, query: bool) -> bool:
    def check() -> bool:
        parts = urlsplit(value)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return plain and "@" not in parts.netloc and "#" not in value and (query or "?" not in value)

    return bool(re.fullmatch(r"[!-~]+", value)) and not re.search(r'["\\]', value) and _without_error(check)


def _is_loopback_http(value: str) -> bool:
    def check() -> bool:
        host = urlsplit(value).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback

    return value.startswith("http://") and _without_error(check)


def _without_error(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except ValueError:
        return False
