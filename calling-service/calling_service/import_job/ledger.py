"""What the job remembers of exports: which contents are done, and where each entry_id was seen first.

Whether an entry is booked is for the API to say, which is asked again after a crash and books nothing twice.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands: the file's content by digest, its name, the line."""

    digest: str
    name: str
    line: int


class Ledger:
    """The books of one run, whose inbox holds the contents of these digests."""

    def __init__(self, database: sqlite3.Connection, present: Iterable[str]) -> None:
        self._database = database
        self._present = frozenset(present)

    def is_done(self, digest: str) -> bool:
        """Say whether this content has been imported to its end."""
        return bool(
            self._database.execute("SELECT 1 FROM files WHERE digest = ? AND done", (digest,)).fetchone()
        )

    def open_file(self, digest: str, name: str) -> None:
        """Note that this content is being imported, under the name that it has now."""
        self._database.execute(
            "INSERT INTO files (digest, name) VALUES (?, ?)"
            " ON CONFLICT (digest) DO UPDATE SET name = excluded.name",
            (digest, name),
        )

    def close_file(self, digest: str) -> None:
        """Note that this content is done."""
        self._database.execute("UPDATE files SET done = 1 WHERE digest = ?", (digest,))

    def claim(self, entry_id: str, digest: str, line: int) -> Place | None:
        """Note where an entry stands; return the first place if a row before it in the inbox has its id."""
        found = self._database.execute(
            "SELECT digest, name, line FROM entries JOIN files USING (digest) WHERE entry_id = ?",
            (entry_id,),
        ).fetchone()
        first = Place(*found) if found else None
        if first and (first.digest, first.line) == (digest, line):
            return None
        if first and first.digest in self._present and (first.digest != digest or first.line < line):
            return first
        # New; or seen only in an export that has been taken away since, or by an earlier run further down in
        # this one, where it had got after this row was refused: this row counts.
        self._database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (entry_id, digest, line))
        return None

    def release(self, entry_id: str) -> None:
        """Forget where an entry stands that the API has refused: another row may put it right."""
        self._database.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,))

    def chunk(self) -> sqlite3.Connection:
        """Return the database as a context that makes what is noted within it one transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        return self._database
