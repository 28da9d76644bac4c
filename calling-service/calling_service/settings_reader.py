"""Read settings from the environment variable by variable; a problem is a sentence that says what to do.

Not here: which settings there are (settings.py).
"""

import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")  # RFC 6749 3.3


class Reader:
    """Reads variables one by one and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str], *, issuer: str, insecure_http: str) -> None:
        self._environ = environ
        self.problems: list[str] = []
        url = self._environ.get(issuer, "")  # if it is missing, that is problem enough
        self._loopback = not url or _loopback_http(url)
        self._plain_http = self.switch(insecure_http, "allow plain http") or self._loopback

    def _problem(self, name: str, text: str) -> None:
        self.problems.append(f"{name}: {text}")

    def _required(self, name: str, what: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            self._problem(name, f"not set; set it to {what}")
        return value

    def matching(self, name: str, pattern: str, what: str) -> str:
        """Return a value of this pattern, which must be set."""
        value = self._required(name, what)
        if value and not re.fullmatch(pattern, value):
            self._problem(name, f"not usable; set it to {what}")
        return value

    def url(self, name: str, *, issuer: bool = False) -> str:
        """Return an http(s) URL, which must be set; plain http only where that is allowed."""
        value = self._required(name, "an absolute http(s) URL")
        if value and (fault := _url_fault(value, allow_query=not issuer)):
            self._problem(name, f"{fault}; set it to an absolute http(s) URL")
        elif value.startswith("http:") and not (self._plain_http or _loopback_http(value)):
            self._problem(
                name, "plain http to a host that is not loopback; use https, or set INSECURE_HTTP=1"
            )
        return value

    def switch(self, name: str, what: str) -> bool:
        """Return whether the variable is 1 and not 0 or unset."""
        value = self._environ.get(name, "")
        if value not in {"", "0", "1"}:
            self._problem(name, f"{value!r} is neither 0 nor 1; unset it, or set 1 to {what}")
        return value == "1"

    def explain(self, name: str) -> bool:
        """Return a switch that only a loopback issuer may have on."""
        explain = self.switch(name, "show the flow")
        if explain and not self._loopback:
            self._problem(name, "shows what refusals hide; unset it, or set ISSUER to a loopback http URL")
        return explain

    def scopes(self, name: str) -> tuple[str, ...]:
        """Return at least one scope (RFC 6749 3.3), each once."""
        value = self._required(name, "the scopes to ask for, separated by spaces")
        scopes = tuple(dict.fromkeys(value.split()))
        if bad := [scope for scope in scopes if not SCOPE_TOKEN.fullmatch(scope)]:
            self._problem(name, f"{bad[0]!r} is no scope (RFC 6749 3.3); separate scopes by spaces")
        elif value and not scopes:
            self._problem(name, "names no scope; set it to the scopes to ask for, separated by spaces")
        return scopes

    def credential_file(self, secret: str, key: str) -> Path:
        """Return the file of the one or the other credential, not of both."""
        if not self._environ.get(key):
            return self.readable_file(secret, "the client secret")
        if self._environ.get(secret):
            self._problem(key, f"set beside {secret}; unset one of them")
        return self.readable_file(key, "the client's private key")

    def readable_file(self, name: str, what: str) -> Path:
        """Return a file with text in it."""
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
        """Return a folder with this access (os.access), made if it may be."""
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

    def hosts(self, name: str, default: str) -> frozenset[str]:
        """Return host names in lower case, without ports."""
        listed = (self._environ.get(name) or default).split(",")
        hosts = frozenset(host.strip().lower() for host in listed if host.strip())
        if bad := sorted(host for host in hosts if not re.fullmatch(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]", host)):
            self._problem(
                name, f"{bad[0]!r} is no host name; list names without scheme or port, separated by commas"
            )
        return hosts

    def seconds(self, name: str, default: float = 0) -> float:
        """Return a number of seconds above 0; without a default it must be set."""
        value = self._environ.get(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", value) or float(value) == 0:
            self._problem(name, f"{value!r} is no number of seconds above 0; set one, such as 10")
            return default
        return float(value)

    def count(self, name: str, default: int) -> int:
        """Return a number of one digit."""
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
