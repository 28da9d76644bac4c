"""The settings of this service, from environment variables, with every problem found at once.

Not here: how any service reads a setting (settings_reader.py).
"""

import os
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from timesheet_exports.column_map import ColumnMap, ColumnMapError, read_column_map

from calling_service.oauth_client.credential_file import read_credential
from calling_service.settings_reader import SettingsError, SettingsReader, is_loopback_http

OWN_FORMAT = "exampleco"
DEFAULT_HOSTS = "localhost,127.0.0.1,[::1],calling-service"
SCOPES = r"\s*[\x21\x23-\x5B\x5D-\x7E][\s\x21\x23-\x5B\x5D-\x7E]*"  # RFC 6749 3.3
CREDENTIALS = {
    "CLIENT_SECRET_FILE": "the client secret",
    "CLIENT_KEY_FILE": "the client's private key",
    "CLIENT_ASSERTION_FILE": "the token that the platform renews",
    "CLIENT_CERTIFICATE_FILE": "the client's certificate",
}
HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]")
SECONDS = re.compile(r"(?=.*[1-9])[0-9]{1,7}(\.[0-9]{1,3})?")  # above 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What this service gets from outside; the secret stays in its file."""

    issuer: str
    token_url: str | None
    client_id: str
    credential_file: Path  # the client's secret, its private key, its certificate, or its platform's token
    private_key: bool
    certificate_key_file: Path | None  # of the certificate; None for the other credentials
    assertion_type: str  # of the platform's token; empty for the other credentials
    api_url: str
    audience: str
    audience_parameter: str
    scopes: tuple[str, ...]
    inbox: Path
    state_dir: Path
    column_map: ColumnMap  # of the exports
    allowed_hosts: frozenset[str]
    schedule_seconds: float  # 0: no schedule
    settle_seconds: float
    retries: int  # after the first attempt
    timeout: tuple[float, float]  # connect, read, in seconds
    ca_file: Path | None  # None: the public CAs
    dpop: bool
    log_level: str
    explain: bool  # show the flow and the gallery

    @property
    def issuer_url(self) -> str:
        """Return where the endpoints of the demo stack's authorization server begin, seen from here."""
        return (self.token_url or self.issuer).removesuffix("/oauth/token").rstrip("/")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings; raise SettingsError with every problem, of files and folders too."""
        read = _Reader(environ)
        settings = cls(
            issuer=read.issuer(),
            token_url=read.http_url("TOKEN_URL") or None,
            client_id=read.matching("CLIENT_ID", r"[\x20-\x7E]+", "printable ASCII (RFC 6749 A.1)"),
            credential_file=read.credential_file(),
            private_key=bool(environ.get("CLIENT_KEY_FILE")),
            certificate_key_file=read.certificate_key_file(),
            assertion_type=read.assertion_type(),
            api_url=read.http_url("API_URL", "the URL at which the API is reached"),
            audience=read.matching("AUDIENCE", r"[\x21-\x7E]+", "the API's identifier, without spaces"),
            audience_parameter=read.choice("AUDIENCE_PARAMETER", ("audience", "resource"), "audience"),
            scopes=read.scopes(),
            inbox=read.folder("INBOX", os.R_OK | os.X_OK),
            state_dir=read.state_dir(),
            column_map=read.column_map(),
            allowed_hosts=read.allowed_hosts(),
            schedule_seconds=read.seconds("SCHEDULE_SECONDS", 0),
            settle_seconds=read.seconds("SETTLE_SECONDS", 2),
            retries=read.number("HTTP_RETRIES", 3, 0, 9),
            timeout=(read.seconds("HTTP_CONNECT_TIMEOUT", 3), read.seconds("HTTP_READ_TIMEOUT", 10)),
            ca_file=read.ca_file(),
            dpop=read.switch("DPOP"),
            log_level=read.log_level(),
            explain=read.explain(),
        )
        if read.problems:
            raise SettingsError(read.problems)
        return settings


class _Reader(SettingsReader):
    """Reads what only this service has: files, folders, scopes, hosts, fractions of seconds."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._plain_http = self.switch("INSECURE_HTTP") or is_loopback_http(self.text("ISSUER"))

    def http_url(self, name: str, what: str = "") -> str:
        """Return a URL; with `what`, it is required."""
        if what:
            self.required(name, what)
        return self.url(name, self.text(name), plain_http=self._plain_http, query=True)

    def matching(self, name: str, pattern: str, what: str) -> str:
        value = self.required(name, what)
        if value and not re.fullmatch(pattern, value):
            self.problem(name, f"cannot be used; set it to {what}")
        return value

    def scopes(self) -> tuple[str, ...]:
        value = self.matching("SCOPE", SCOPES, "scopes, separated by spaces (RFC 6749 3.3)")
        return tuple(dict.fromkeys(value.split()))

    def credential_file(self) -> Path:
        first, *others = [name for name in CREDENTIALS if self.text(name)] or ["CLIENT_SECRET_FILE"]
        for other in others:
            self.problem(other, f"is set beside {first}; unset one of them")
        name = others[-1] if others else first
        return self._credential_file(name, CREDENTIALS[name])

    def assertion_type(self) -> str:
        """Return what kind of token CLIENT_ASSERTION_FILE holds; empty if it is not set."""
        kind = self.choice("CLIENT_ASSERTION_TYPE", ("jwt-bearer", "jwt-spiffe"), "jwt-bearer")
        return kind if self.text("CLIENT_ASSERTION_FILE") else ""

    def certificate_key_file(self) -> Path | None:
        """Return the private key of the client's certificate; None if it has no certificate."""
        certificate = self.text("CLIENT_CERTIFICATE_FILE")
        name = "CLIENT_CERTIFICATE_KEY_FILE"
        if not certificate:
            if self.text(name):
                self.problem("CLIENT_CERTIFICATE_FILE", f"is not set, but {name} is; set both or neither")
            return None
        file = self._credential_file(name, "the private key of the client's certificate")
        try:
            # With an encrypted key and no password, it would ask the terminal.
            ssl.create_default_context().load_cert_chain(certificate, file, password="")
        except OSError:
            self.problem(
                "CLIENT_CERTIFICATE_FILE",
                f"{certificate} and the key in {name} do not belong together, or are no PEM without a "
                "password; name the files of one certificate",
            )
        return file

    def _credential_file(self, name: str, what: str) -> Path:
        path = Path(self.required(name, f"the file that holds {what}"))
        if self.text(name):
            try:
                read_credential(path)
            except ValueError as error:
                self.problem(name, f"{path} {error}")
        return path

    def ca_file(self) -> Path | None:
        """Return the file with the CAs of the other services' certificates, in PEM."""
        value = self.text("CA_FILE")
        if not value:
            return None
        try:
            ssl.create_default_context(cafile=value)
        except OSError as error:
            reason = type(error).__name__
            self.problem("CA_FILE", f"{value} cannot be used ({reason}); name a PEM file of CA certificates")
        return Path(value)

    def folder(self, name: str, access: int) -> Path:
        """Return a folder that can be used in this way (os.access)."""
        path = Path(self.required(name, "a folder"))
        if self.text(name) and not (path.is_dir() and os.access(path, access)):
            self.problem(name, f"{path} is not a usable folder; create it, or change its owner or mode")
        return path

    def state_dir(self) -> Path:
        """Return the folder, which is created if it does not exist."""
        with suppress(OSError):
            Path(self.text("STATE_DIR")).mkdir(parents=True, exist_ok=True)
        return self.folder("STATE_DIR", os.R_OK | os.W_OK | os.X_OK)

    def column_map(self) -> ColumnMap:
        """Return the column map of EXPORT_FORMAT, which has a shipped name or is a file."""
        try:
            return read_column_map(self.text("EXPORT_FORMAT", OWN_FORMAT))
        except ColumnMapError as error:
            for problem in error.problems:
                self.problem("EXPORT_FORMAT", problem)
        return read_column_map(OWN_FORMAT)

    def allowed_hosts(self) -> frozenset[str]:
        """Return host names in lower case, without ports."""
        value = self.text("ALLOWED_HOSTS", DEFAULT_HOSTS).lower().replace(" ", "")
        hosts = frozenset(value.split(",")) - {""}
        if not hosts or not all(HOST.fullmatch(host) for host in hosts):
            self.problem("ALLOWED_HOSTS", "is not a list of host names without ports, separated by commas")
        return hosts

    def seconds(self, name: str, default: float) -> float:
        """Return a number of seconds above 0; the default may be 0."""
        value = self.text(name)
        if not value:
            return default
        if not SECONDS.fullmatch(value):
            self.problem(name, "is not a number of seconds above 0; set it to one, such as 10")
            return default
        return float(value)
