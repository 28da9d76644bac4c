"""Read settings from environment variables and collect every problem, so that one start reports them all.

The same text in all three services, held equal by a test. Not here: which settings there are (settings.py).
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

SERVICE = __name__.partition(".")[0].replace("_", "-")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# RFC 3986 2: the characters of a URI. A quote is none of them, so a URI can stand in a quoted-string.
URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


class SettingsError(Exception):
    """The service cannot start; each of `problems` names a setting and says what to do."""

    def __init__(self, problems: Sequence[str]) -> None:
        heading = f"{SERVICE}: cannot start, {len(problems)} problem(s):"
        super().__init__("\n  - ".join((heading, *problems)))
        self.problems = tuple(problems)


class SettingsReader:
    """Reads variables one by one and collects their `problems`; an empty variable counts as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def problem(self, name: str, text: str) -> None:
        """Add a problem, once: what is wrong with the setting, and what to do."""
        line = f"{name}: {text}"
        if line not in self.problems:  # a setting may be read twice
            self.problems.append(line)

    def text(self, name: str, default: str = "") -> str:
        """Return the value as it stands."""
        return self._environ.get(name) or default

    def required(self, name: str, what: str) -> str:
        """Return the value, which must be set; `what` says to what."""
        value = self.text(name)
        if not value:
            self.problem(name, f"is not set; set it to {what}")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of several words, which may be written in any case."""
        value = self.text(name, default)
        for choice in choices:
            if choice.lower() == value.lower():
                return choice
        self.problem(name, f"is not known; set it to one of {', '.join(choices)}")
        return default

    def switch(self, name: str) -> bool:
        """Return whether the variable is 1; unset counts as 0."""
        return self.choice(name, ("0", "1"), "0") == "1"

    def number(self, name: str, default: int, low: int, high: int, unit: str = "") -> int:
        """Return a whole number from `low` to `high`."""
        value = self.text(name, str(default))
        if re.fullmatch("[0-9]{1,9}", value) and low <= int(value) <= high:
            return int(value)
        self.problem(name, f"is not a whole number{unit}; set it to {low} to {high}")
        return default

    def url(self, name: str, value: str, *, plain_http: bool, query: bool = False) -> str:
        """Return an absolute http(s) URL, or the empty value as it is.

        Plain http is accepted for a loopback host, or if `plain_http` says so; a query, if `query` does.
        """
        if value and not is_http_url(value, query=query):
            without = "a fragment or user name" if query else "a query, fragment or user name"
            self.problem(name, f"is not an absolute http(s) URL without {without}; correct it")
        elif value.lower().startswith("http:") and not plain_http and not is_loopback_http(value):
            self.problem(name, "is plain http and not loopback; use https, or set INSECURE_HTTP=1")
        return value

    def issuer(self) -> str:
        """Return ISSUER, the issuer identifier (RFC 8414 2)."""
        value = self.required("ISSUER", "the URL by which tokens name the authorization server")
        return self.url("ISSUER", value, plain_http=self.switch("INSECURE_HTTP"))

    def explain(self) -> bool:
        """Return EXPLAIN, which only a loopback issuer may have on."""
        explain = self.switch("EXPLAIN")
        if explain and not is_loopback(self.text("ISSUER")):
            self.problem("EXPLAIN", "shows what refusals hide; set it to 0, or ISSUER to a loopback URL")
        return explain

    def log_level(self) -> str:
        """Return LOG_LEVEL."""
        return self.choice("LOG_LEVEL", LOG_LEVELS, "INFO")


def is_http_url(value: str, *, query: bool) -> bool:
    """Return whether this is an absolute http(s) URL without a fragment, a user name or an unwanted query."""
    try:
        parts = urlsplit(value)
        absolute = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    if "#" in value or "@" in parts.netloc or ("?" in value and not query):
        return False
    return absolute and bool(URI.fullmatch(value))


def is_loopback_http(value: str) -> bool:
    """Return whether this is a plain http URL of the machine itself."""
    return value.lower().startswith("http:") and is_loopback(value)


def is_loopback(value: str) -> bool:
    """Return whether this is an http(s) URL of the machine itself."""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        return parts.scheme in {"http", "https"} and (
            host == "localhost" or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False
