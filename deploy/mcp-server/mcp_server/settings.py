"""The settings, from environment variables; a start with bad ones names every problem."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from oauth_client.credential_file import read_credential

MEANINGS = {
    "ISSUER": "the authorization server's identifier",
    "JWKS_URI": "where its public keys are fetched",
    "AUDIENCE": "the public URL of the MCP endpoint, with its path, for which tokens must be",
    "SIGNING_ALG": "the one algorithm of these tokens, as the tenant file declares it",
    "TOKEN_URL": "where this server gets tokens of its own",
    "CLIENT_ID": "its own client_id",
    "CLIENT_SECRET_FILE": "the file that holds its own secret",
    "API_URL": "where the Timesheets API is reached",
    "API_AUDIENCE": "the identifier of the Timesheets API",
}
URLS = ("ISSUER", "JWKS_URI", "AUDIENCE", "TOKEN_URL", "API_URL")
ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")  # those of the authorization server
LOOPBACK = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$)")


class SettingsError(Exception):
    """The server cannot start; the message names every problem."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What this server gets from outside; the secret stays in its file."""

    issuer: str
    jwks_uri: str
    audience: str
    signing_alg: str
    token_url: str
    client_id: str
    client_secret_file: Path
    api_url: str
    api_audience: str

    @property
    def endpoint(self) -> SplitResult:
        """Return the URL of the MCP endpoint in its parts."""
        return urlsplit(self.audience)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Return the settings; raise SettingsError."""
        values = {name: environ.get(name, "") for name in MEANINGS}
        problems = list(_problems(values))
        if problems:
            heading = f"mcp-server: cannot start, {len(problems)} problem(s):"
            raise SettingsError("\n  - ".join((heading, *problems)))
        secret_file = Path(values.pop("CLIENT_SECRET_FILE"))
        named = {name.lower(): value for name, value in values.items()}
        return cls(client_secret_file=secret_file, **named)


def _problems(values: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong, each as the name of a setting and what to do."""
    plain_http = bool(LOOPBACK.match(values["ISSUER"]))
    for name, meaning in MEANINGS.items():
        value = values[name]
        if not value:
            yield f"{name}: is not set; set it to {meaning}"
        elif name in URLS and not _is_url(value, plain_http=plain_http):
            yield f"{name}: is not an absolute https URL, or http with a loopback issuer; correct it"
        elif name == "AUDIENCE" and not urlsplit(value).path.strip("/"):
            yield f"{name}: has no path; name the MCP endpoint, as in https://tools.example/mcp"
        elif name == "SIGNING_ALG" and value not in ALGORITHMS:
            yield f"{name}: is not known; set it to one of {', '.join(ALGORITHMS)}"
        elif name == "CLIENT_SECRET_FILE":
            yield from _credential_problem(name, value)


def _is_url(value: str, *, plain_http: bool) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (plain_http and parts.scheme == "http"))


def _credential_problem(name: str, file: str) -> Iterator[str]:
    try:
        read_credential(Path(file))
    except ValueError as error:
        yield f"{name}: {file} {error}"
