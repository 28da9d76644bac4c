"""Read settings from the environment, one after another, and collect what is wrong with them.

Which settings there are is in `settings`.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from limits.errors import ConfigurationError
from limits.storage import storage_from_string

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 3986 2: what a URI is made of; it leaves out what would break out of a quoted-string (the realm).
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")


class SettingReader:
    """Reads variables; an empty one counts as not set."""

    def __init__(self, environ: Mapping[str, str], problems: list[str]) -> None:
        self.environ = environ
        self.problems = problems

    def text(self, name: str, default: str = "") -> str:
        """Read any text."""
        return self.environ.get(name) or default

    def seconds(self, name: str, default: int, low: int, high: int) -> int:
        """Read a whole number of seconds within bounds."""
        return self.number(name, default, low, high, "whole number of seconds")

    def number(self, name: str, default: int, low: int, high: int, what: str = "whole number") -> int:
        """Read a whole number within bounds."""
        text = self.text(name, str(default))
        if re.fullmatch("[0-9]{1,9}", text) and low <= int(text) <= high:
            return int(text)
        self.problems.append(f"{name}: is no {what}; set it to {low} to {high}")
        return default

    def folder(self, name: str, default: str) -> Path:
        """Read the name of a folder that is there."""
        folder = Path(self.text(name, default))
        if not folder.is_dir():
            self.problems.append(f"{name}: {folder} is no folder; create it, if only an empty one")
        return folder

    def storage_url(self, name: str, default: str) -> str:
        """Read a URL of a storage of the limits library."""
        url = self.text(name, default)
        try:
            if url != default:  # which starts a thread when it is opened
                storage_from_string(url)
        except (ConfigurationError, ValueError):
            self.problems.append(
                f"{name}: is no storage that the limits library can open; set it to {default}"
            )
        return url

    def networks(self, name: str) -> Iterator[Network]:
        """Read addresses and CIDR blocks, separated by commas."""
        for text in filter(None, (part.strip() for part in self.text(name).split(","))):
            try:
                yield ipaddress.ip_network(text)
            except ValueError:
                self.problems.append(
                    f"{name}: {text} is no address or CIDR block; set it to those of the proxies"
                )

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        """Read one of several words."""
        text = self.text(name, default)
        if text in choices:
            return text
        self.problems.append(f"{name}: is not known; set it to one of {', '.join(choices)}")
        return default


def issuer_problem(issuer: str, insecure_http: bool) -> str | None:
    """Say what keeps a string from being an issuer identifier (RFC 8414 2), None if nothing does."""
    if not issuer:
        return "is not set; set it to the URL by which tokens name this server"
    try:
        parts = urlsplit(issuer)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL; set it to an absolute http(s) URL"
    if parts.scheme not in {"http", "https"} or not host or not _URI.fullmatch(issuer):
        return "is no absolute http(s) URL; set it to one such as https://issuer.example"
    if "?" in issuer or "#" in issuer or "@" in parts.netloc:
        return "has a query, a fragment or user information; remove it"
    if parts.scheme == "http" and not insecure_http and not _is_loopback(host):
        return "is plain http and not loopback; use https, or set INSECURE_HTTP=1 where a proxy ends TLS"
    return None


def is_loopback_http(issuer: str) -> bool:
    """Tell whether a URL is plain http on this machine."""
    try:
        parts = urlsplit(issuer)
    except ValueError:
        return False
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
