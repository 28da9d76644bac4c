"""Which databases DATABASE_URL may name: an SQLite file, or PostgreSQL without a password in the URL."""

import re
from importlib.util import find_spec

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVER = "postgresql+psycopg"
_UNKNOWN = (
    "does not name a database; set it to sqlite:////path/to/auth-server.db or "
    f"{_DRIVER}://user@host:5432/database"
)
_SECRETS = {"password", "passfile", "sslpassword"}  # parameters of libpq


def database_url_problem(text: str) -> str:
    """Return what is wrong with the URL, which is not repeated, and what to do; empty: nothing."""
    if re.fullmatch("sqlite:///[^?]+", text) and not text.endswith(":memory:"):
        return ""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return _UNKNOWN
    if url.password is not None or _SECRETS & url.query.keys():
        return "has a password; write it into a file, and set DATABASE_PASSWORD_FILE to that"
    if not _names_postgresql(url):
        return _UNKNOWN
    if find_spec("psycopg") is None:
        return "needs psycopg; install this service with its extra `postgresql`"
    return ""


def _names_postgresql(url: URL) -> bool:
    host = url.host or url.query.get("host")
    return url.drivername == _DRIVER and all((url.username, host, url.database))
