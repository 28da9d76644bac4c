"""The settings of this service, from the environment, with every problem found at once.

Not here: how a variable is read, and what can be wrong with it (settings_reader.py).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from calling_service.settings_reader import Reader

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
        read = Reader(environ, issuer="ISSUER", insecure_http="INSECURE_HTTP")
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
            allowed_hosts=read.hosts("ALLOWED_HOSTS", DEFAULT_HOSTS),
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
