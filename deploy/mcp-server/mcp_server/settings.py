"""The settings, from environment variables; a start with bad ones names every problem."""

from collections.abc import Mapping
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
        problems = [
            f"{name}: is not set; set it to {MEANINGS[name]}" for name in MEANINGS if not values[name]
        ]
        problems += _problems({name: value for name, value in values.items() if value})
        if problems:
            raise SettingsError(
                "\n  - ".join((f"mcp-server: cannot start, {len(problems)} problem(s):", *problems))
            )
        secret_file = Path(values.pop("CLIENT_SECRET_FILE"))
        named = {name.lower(): value for name, value in values.items()}
        return cls(client_secret_file=secret_file, **named)


def _problems(values: Mapping[str, str]) -> list[str]:
    problems = []
    for name in ("ISSUER", "JWKS_URI", "AUDIENCE", "TOKEN_URL", "API_URL"):
        parts = urlsplit(values.get(name, "http://localhost/"))
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            problems.append(f"{name}: is not an absolute http(s) URL; correct it")
    if values.get("AUDIENCE") and not urlsplit(values["AUDIENCE"]).path.strip("/"):
        problems.append("AUDIENCE: has no path; name the MCP endpoint, as in https://tools.example/mcp")
    if "CLIENT_SECRET_FILE" in values:
        try:
            read_credential(Path(values["CLIENT_SECRET_FILE"]))
        except ValueError as error:
            problems.append(f"CLIENT_SECRET_FILE: {values['CLIENT_SECRET_FILE']} {error}")
    return problems
