"""The settings of this service, from the environment, with every problem found at once."""

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 3.3
DEFAULT_HOSTS = "localhost,127.0.0.1,[::1],calling-service"
AUDIENCE_PARAMETERS = ("audience", "resource")  # the names that authorization servers know it by
LOG_LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """The settings cannot be used; `problems` names each variable and what to do."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"calling-service: cannot start, {len(problems)} problem(s):{lines}")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """What this service is told from outside; the secret stays in its file."""

    issuer: str
    token_url: str | None
    client_id: str
    credential_file: Path  # the client's secret, or its private key
    private_key: bool
    api_url: str
    audience: str
    audience_parameter: str
    scopes: tuple[str, ...]
    inbox: Path
    state_dir: Path
    allowed_hosts: frozenset[str]
    schedule_seconds: float | None
    settle_seconds: float
    retries: int  # after the first attempt
    timeout: tuple[float, float]  # connect, read, in seconds
    log_level: str
    explain: bool  # show the flow and the gallery

    @property
    def issuer_url(self) -> str:
        """Where the endpoints of the demo stack's authorization server begin, seen from here."""
        path = "/oauth/token"
        return (self.token_url or self.issuer.rstrip("/") + path).removesuffix(path)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings; raise SettingsError with all that is wrong, files and folders included."""
        read = _Reader(environ)
        settings = cls(
            issuer=read.url("ISSUER", issuer=True),
            token_url=read.url("TOKEN_URL") if environ.get("TOKEN_URL") else None,
            client_id=read.matching("CLIENT_ID", r"[\x20-\x7E]+", "printable ASCII (RFC 6749 A.1)"),
            credential_file=read.credential_file("CLIENT_SECRET_FILE", "CLIENT_KEY_FILE"),
            private_key=bool(environ.get("CLIENT_KEY_FILE")),
            api_url=read.url("API_URL"),
            audience=read.matching("AUDIENCE", r"[\x21-\x7E]+", "the API's identifier, without spaces"),
            audience_parameter=read.choice("AUDIENCE_PARAMETER", AUDIENCE_PARAMETERS),
            scopes=read.scopes("SCOPE"),
            inbox=read.folder("INBOX", os.R_OK | os.X_OK),
            state_dir=read.folder("STATE_DIR", os.R_OK | os.W_OK | os.X_OK, create=True),
            allowed_hosts=read.hosts("ALLOWED_HOSTS"),
            schedule_seconds=read.seconds("SCHEDULE_SECONDS") if environ.get("SCHEDULE_SECONDS") else None,
            settle_seconds=read.seconds("SETTLE_SECONDS", 2),
            retries=read.count("HTTP_RETRIES", 3),
            timeout=(read.seconds("HTTP_CONNECT_TIMEOUT", 3), read.seconds("HTTP_READ_TIMEOUT", 10)),
            log_level=read.choice("LOG_LEVEL", LOG_LEVELS),
            explain=read.explain("EXPLAIN"),
        )
        if read.problems:
            raise SettingsError(tuple(read.problems))
        return settings


class _Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []
        issuer = self._environ.get("ISSUER", "")  # if it is missing, that is problem enough
        self._loopback = not issuer or _loopback_http(issuer)
        self._plain_http = self.switch("INSECURE_HTTP", "allow plain http") or self._loopback

    def _problem(self, name: str, text: str) -> None:
        self.problems.append(f"{name}: {text}")

    def _required(self, name: str, what: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            self._problem(name, f"not set; set it to {what}")
        return value

    def matching(self, name: str, pattern: str, what: str) -> str:
        value = self._required(name, what)
        if value and not re.fullmatch(pattern, value):
            self._problem(name, f"not usable; set it to {what}")
        return value

    def url(self, name: str, *, issuer: bool = False) -> str:
        value = self._required(name, "an absolute http(s) URL")
        if value and (fault := _url_fault(value, allow_query=not issuer)):
            self._problem(name, f"{fault}; set it to an absolute http(s) URL")
        elif value.startswith("http:") and not (self._plain_http or _loopback_http(value)):
            self._problem(
                name, "plain http to a host that is not loopback; use https, or set INSECURE_HTTP=1"
            )
        return value

    def switch(self, name: str, what: str) -> bool:
        value = self._environ.get(name, "")
        if value not in {"", "0", "1"}:
            self._problem(name, f"{value!r} is neither 0 nor 1; unset it, or set 1 to {what}")
        return value == "1"

    def explain(self, name: str) -> bool:
        explain = self.switch(name, "show the flow")
        if explain and not self._loopback:
            self._problem(name, "shows what refusals hide; unset it, or set ISSUER to a loopback http URL")
        return explain

    def scopes(self, name: str) -> tuple[str, ...]:
        value = self._required(name, "the scopes to ask for, separated by spaces")
        scopes = tuple(dict.fromkeys(value.split()))
        if bad := [scope for scope in scopes if not SCOPE_TOKEN.fullmatch(scope)]:
            self._problem(name, f"{bad[0]!r} is no scope (RFC 6749 3.3); separate scopes by spaces")
        elif value and not scopes:
            self._problem(name, "names no scope; set it to the scopes to ask for, separated by spaces")
        return scopes

    def credential_file(self, secret: str, key: str) -> Path:
        if not self._environ.get(key):
            return self.readable_file(secret, "the client secret")
        if self._environ.get(secret):
            self._problem(key, f"set beside {secret}; unset one of them")
        return self.readable_file(key, "the client's private key")

    def readable_file(self, name: str, what: str) -> Path:
        value = self._required(name, f"the file that holds {what}")
        path = Path(value)
        if not value:
            return path
        try:
            if not path.read_text(encoding="utf-8").strip():
                self._problem(name, f"{path} is empty; put {what} into it")
        except (OSError, UnicodeDecodeError) as error:
            self._problem(
                name, f"{path} cannot be read ({_reason(error)}); make it a readable file with {what}"
            )
        return path

    def folder(self, name: str, access: int, *, create: bool = False) -> Path:
        value = self._required(name, "a folder")
        path = Path(value)
        if not value:
            return path
        if create:
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                self._problem(
                    name, f"{path} cannot be made ({_reason(error)}); name a folder that can be written"
                )
                return path
        if not path.is_dir():
            self._problem(name, f"{path} is no folder; create it or name another")
        elif not os.access(path, access):
            self._problem(
                name, f"{path} cannot be {'written' if create else 'read'}; change its owner or mode"
            )
        return path

    def hosts(self, name: str) -> frozenset[str]:
        listed = (self._environ.get(name) or DEFAULT_HOSTS).split(",")
        hosts = frozenset(host.strip().lower() for host in listed if host.strip())
        if bad := sorted(host for host in hosts if not re.fullmatch(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]", host)):
            self._problem(
                name, f"{bad[0]!r} is no host name; list names without scheme or port, separated by commas"
            )
        return hosts

    def seconds(self, name: str, default: float = 0) -> float:
        value = self._environ.get(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", value) or float(value) == 0:
            self._problem(name, f"{value!r} is no number of seconds above 0; set one, such as 10")
            return default
        return float(value)

    def count(self, name: str, default: int) -> int:
        value = self._environ.get(name) or str(default)
        if not re.fullmatch(r"[0-9]", value):
            self._problem(name, f"{value!r} is no number from 0 to 9; set one, such as {default}")
            return default
        return int(value)

    def choice(self, name: str, values: Sequence[str]) -> str:
        """Return the value, in any case, of `values`; the first is the default."""
        value = self._environ.get(name) or values[0]
        if found := [each for each in values if each.lower() == value.lower()]:
            return found[0]
        self._problem(name, f"{value!r} is not known; set one of {', '.join(values)}")
        return values[0]


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unreadable" if isinstance(error, OSError) else "not UTF-8"


def _url_fault(value: str, *, allow_query: bool) -> str | None:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "not a URL"
    if not usable or not re.fullmatch(r"[\x21-\x7E]+", value):
        return "not an absolute http(s) URL"
    if parts.username is not None or "#" in value or ("?" in value and not allow_query):
        return "has a user, a fragment or a query"
    return None


def _loopback_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False
