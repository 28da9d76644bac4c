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
    content: int
    place: str  # "" if a later content had the entry with other values, which the API refused


class Place(NamedTuple):
    """Where an entry stands."""

    digest: str  # of the content
    name: str
    line: int


class Claim(NamedTuple):
    """A row that counts: the id of its entry, its line, and its likeness (timesheet_exports/entry_ids.py)."""

    entry_id: str
    line: int
    likeness: int


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
            "SELECT likeness, entry_id, content, coalesce(' (' || name || ' line ' || line || ')', '')"
            " FROM likenesses LEFT JOIN entries USING (entry_id) LEFT JOIN files USING (digest)"
            " WHERE likeness IN (SELECT value FROM json_each(?)) AND content != ?",
            (json.dumps(likenesses), _number(digest)),
        )
        return {likeness: Twin(*twin) for likeness, *twin in found}

    def places(self, entry_ids: Iterable[str]) -> dict[str, Place]:
        """Return where entries with these ids stand, as far as any do."""
        found = self._database.execute(
            "SELECT entry_id, digest, name, line FROM entries JOIN files USING (digest)"
            " WHERE entry_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(entry_ids)),),
        )
        return {entry_id: Place(*place) for entry_id, *place in found}

    def why_not(
        self, entry_id: str, digest: str, line: int, place: Place | None, twin: Twin | None
    ) -> str | None:
        """Return why a row does not count: an earlier row in the inbox has its id, or its twin counts."""
        if place:
            if place.digest == digest:
                is_repeat = place.line < line
            else:
                is_repeat = place.digest in self._present
            if is_repeat:
                return f"repeats {entry_id} of {place.name} line {place.line}"
        elif twin and not self._was_rejected(entry_id, twin.content):
            return (
                f"equals {twin.entry_id}{twin.place} in all but its id, which a spreadsheet may have"
                " changed; if both are right, make them differ, for instance in the notes"
            )
        # The id is new; or it was seen only in a file that has been removed since; or an earlier run saw it
        # here or further down, after the API had refused this row. In each case this row counts.
        return None

    def claim(self, claims: Sequence[Claim], digest: str) -> None:
        """Record that these entries stand in this content; of entries that are alike, the first one stays."""
        content = _number(digest)
        self._database.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?)",
            [(claim.entry_id, digest, claim.line) for claim in claims],
        )
        self._database.executemany(
            "INSERT INTO likenesses VALUES (?, ?, ?) ON CONFLICT (likeness)"
            " DO UPDATE SET content = excluded.content WHERE entry_id = excluded.entry_id",
            [(claim.likeness, claim.entry_id, content) for claim in claims],
        )

    def release(self, entry_id: str, likeness: int) -> None:
        """Delete what is known of an entry that the API has refused: another row may correct it."""
        self._database.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,))
        self._database.execute(
            "DELETE FROM likenesses WHERE likeness = ? AND entry_id = ?", (likeness, entry_id)
        )

    def reject(self, entry_ids: Iterable[str], digest: str) -> None:
        """Record entries that were rejected in a content, for when they are corrected in another one."""
        rows = [(entry_id, _number(digest)) for entry_id in entry_ids]
        self._database.executemany("INSERT OR IGNORE INTO rejects VALUES (?, ?)", rows)

    def _was_rejected(self, entry_id: str, content: int) -> bool:
        """Return whether an entry stood in this content too: then what equals it there is another entry."""
        found = self._database.execute(
            "SELECT 1 FROM rejects WHERE entry_id = ? AND content = ?", (entry_id, content)
        )
        return found.fetchone() is not None

    def transaction(self) -> sqlite3.Connection:
        """Return a context that makes what is recorded within it one transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        return self._database


def _number(digest: str) -> int:
    """Return the beginning of a digest as a number, which takes less room."""
    return int(digest[:15], 16)
