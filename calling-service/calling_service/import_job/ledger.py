"""What the job remembers of files: which contents are done, and where each entry was seen first.

Not here: whether an entry is booked. The API knows that, and after a crash it books nothing twice.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Twin(NamedTuple):
    """An entry of another content that is equal to a row in all but its id."""

    entry_id: str
    place: str
    digest: str  # of that content


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

    def twins(self, likenesses: Sequence[int], digest: str) -> dict[int, Twin]:
        """Return the entries with these likenesses that stand in another content than this one."""
        found = self._database.execute(
            "SELECT likeness, entry_id, name || ' line ' || line, digest"
            " FROM likenesses JOIN entries USING (entry_id) JOIN files USING (digest)"
            " WHERE likeness IN (SELECT value FROM json_each(?)) AND digest != ?",
            (json.dumps(likenesses), digest),
        )
        return {likeness: Twin(*twin) for likeness, *twin in found}

    def claim(self, entry_id: str, digest: str, line: int, twin: Twin | None = None) -> str | None:
        """Record where an entry stands; return why it does not count, if another row or its twin does."""
        found = self._database.execute(
            "SELECT digest, name, line FROM entries JOIN files USING (digest) WHERE entry_id = ?", (entry_id,)
        ).fetchone()
        if found:
            first_digest, name, first_line = found
            if first_digest == digest and first_line == line:
                return None
            if first_digest in self._present and (first_digest != digest or first_line < line):
                return f"repeats {entry_id} of {name} line {first_line}"
        elif twin and not self._was_rejected(entry_id, twin.digest):
            return (
                f"equals {twin.entry_id} ({twin.place}) in all but its id, which a spreadsheet may have"
                " changed; if both are right, make them differ, for instance in the notes"
            )
        # The id is new; or it was seen only in a file that has been removed since; or an earlier run saw it
        # further down in this file, after the API had refused this row. In each case this row counts.
        self._database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", (entry_id, digest, line))
        return None

    def remember(self, likenesses: Iterable[tuple[int, str]]) -> None:
        """Record likenesses with the ids of their entries, of which the first one stays."""
        self._database.executemany("INSERT OR IGNORE INTO likenesses VALUES (?, ?)", likenesses)

    def release(self, entry_id: str, likeness: int) -> None:
        """Delete what is known of an entry that the API has refused: another row may correct it."""
        self._database.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,))
        self._database.execute(
            "DELETE FROM likenesses WHERE likeness = ? AND entry_id = ?", (likeness, entry_id)
        )

    def reject(self, entry_ids: Iterable[str], digest: str) -> None:
        """Record entries that were rejected in a content, for when they are corrected in another one."""
        rows = [(entry_id, digest) for entry_id in entry_ids]
        self._database.executemany("INSERT OR REPLACE INTO rejected VALUES (?, ?)", rows)

    def _was_rejected(self, entry_id: str, digest: str) -> bool:
        """Return whether an entry stood in this content too: then what equals it there is another entry."""
        found = self._database.execute(
            "SELECT 1 FROM rejected WHERE entry_id = ? AND digest = ?", (entry_id, digest)
        )
        return found.fetchone() is not None

    def transaction(self) -> sqlite3.Connection:
        """Return a context that makes what is recorded within it one transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        return self._database
