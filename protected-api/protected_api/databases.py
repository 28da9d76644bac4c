"""The database that the settings name: a SQLite file, or PostgreSQL by its URL."""

import re
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from protected_api.settings_reader import SettingsReader
from protected_api.sqlite.database import SqliteDatabase
from protected_api.timesheets.database import Database

WRITABLE = "a file in a folder that can be written to"
URL = re.compile(r"postgresql://[^/?#@:\s]+@[^/?#@\s]*/[^/?#@\s]+(\?(?P<query>[^#\s]*))?")
USER_AND_PASSWORD = re.compile(r"[a-z]+://[^@]*:.*@")


def open_database(file: str, url: str | None = None, password_file: str | None = None) -> Database:
    """Return the database; raise ModuleNotFoundError for a URL if psycopg is not installed."""
    if not url:
        return SqliteDatabase(file)
    # Imported by its name and only here, so that the base neither needs nor loads psycopg.
    room: Any = import_module("protected_api.postgresql.database")
    database: Database = room.PostgresqlDatabase(url, password_file)
    return database


def open_proofs(file: str, database: Database) -> Database:
    """Return the database for seen proofs: a SQLite file without waiting for the disk, or `database` itself.

    In a file, a commit that waits for the disk would cost more than all the rest of a request.
    """
    if not file:
        return database
    return SqliteDatabase(file, synchronous="NORMAL")


class DatabaseReader(SettingsReader):
    """Reads which database there is, and prepares it."""

    def database_file(self) -> str:
        """Return DATABASE_FILE, which is set unless DATABASE_URL is."""
        if self.text("DATABASE_URL"):
            return ""
        file = self.required("DATABASE_FILE", f"{WRITABLE}, or DATABASE_URL to a PostgreSQL database")
        if file:
            self._prepare("DATABASE_FILE", WRITABLE)
        return file

    def database_url(self) -> str | None:
        """Return DATABASE_URL, in which there is no password."""
        url = self.text("DATABASE_URL")
        if not url:
            return None
        parts = URL.fullmatch(url)
        query = parse_qs(parts["query"] or "") if parts else {}
        # No problem repeats the value: it may hold a password.
        if USER_AND_PASSWORD.match(url) or "password" in query:
            self.problem("DATABASE_URL", "has a password; write it into a file, DATABASE_PASSWORD_FILE")
        elif not parts:
            self.problem("DATABASE_URL", "is not postgresql://user@host:port/database; correct it")
        elif self.text("DATABASE_FILE"):
            self.problem("DATABASE_URL", "is set, and DATABASE_FILE too; set one of them")
        elif not any(problem.startswith("DATABASE_PASSWORD_FILE") for problem in self.problems):
            self._prepare("DATABASE_URL", "a database of PostgreSQL 17 that belongs to this user")
        return url

    def _prepare(self, name: str, what: str) -> None:
        settings = (self.text(each) for each in ("DATABASE_FILE", "DATABASE_URL", "DATABASE_PASSWORD_FILE"))
        try:
            database = open_database(*settings)
        except ModuleNotFoundError as error:
            self.problem(name, f"needs {error.name}, which is not installed; install the extra postgresql")
            return
        try:
            database.prepare()
        except database.error as error:
            reason = " ".join(str(error).split())  # PostgreSQL's are several lines
            self.problem(name, f"cannot be used ({reason}); set it to {what}")
