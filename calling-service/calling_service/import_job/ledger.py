"""What the job remembers of files: which contents are done, and where each entry_id was seen first.

Not here: whether an entry is booked. The API knows that, and after a crash it books nothing twice.
"""

import sqlite3
from collections.abc import Iterable


class Ledger:
    """The ledger of one import, whose inbox holds the contents with these digests."""

    def __init__(self, database: sqlite3.Connection, present: Iterable[str]) -> None:
        self._database = database
        self._present = frozenset(present)
        self.opened: set[str] = set()  # the contents that this import has come to, by their digests

    def is_done(self, digest: str) -> bool:
        """Return whether this content has been imported to its end."""
        done = self._database.execute("SELECT 1 FROM files WHERE digest = ? AND done", (digest,))
        return done.fetchone() is not None

    def open_file(self, digest: str, name: str) -> None:
        """Record that this content is being imported, under its present name."""
        self.opened.add(digest)
        self._database.execute(
            "INSERT INTO files (digest, name) VALUES (?, ?)"
            " ON CONFLICT (digest) DO UPDATE SET name = excluded.name",
            (digest, name),
        )

    def close_file(self, digest: str) -> None:
        """Record that this content is done."""
        self._database.execute("UPDATE files SET done = 1 WHERE digest = ?", (digest,))

    def claim(self, entry_id: str, digest: str, line: int) -> str | None:
        """Record where an entry stands; return the place of an earlier row in the inbox that has its id."""
        found = self._database.execute(
            "SELECT digest, name, line FROM entries JOIN files USING (digest) WHERE entry_id = ?", (entry_id,)
        ).fetchone()
        if found:
            first_digest, name, first_line = found
            if first_digest == digest and first_line == line:
                return None
            if first_digest in self._present and (first_digest != digest or first_line < line):
                return f"{name} line {first_line}"
        # The id is new; or it was seen only in a file that has been removed since; or an earlier run saw it
        # further down in this file, after the API had refused this row. In each case this row counts.
        self._database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (entry_id, digest, line))
        return None

    def release(self, entry_id: str) -> None:
        """Delete the place of an entry that the API has refused: another row may correct it."""
        self._database.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,))

    def transaction(self) -> sqlite3.Connection:
        """Return a context that makes what is recorded within it one transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        return self._database
