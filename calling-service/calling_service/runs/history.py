"""The last runs and their exchanges, kept in STATE_DIR: runs of the CLI too, and across restarts."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from calling_service.database import connection
from calling_service.runs.run import Failure, Run

RUNS_KEPT = 50
ENDS_KEPT = 20  # exchanges of a run: this many of the first are kept, and as many of the last

Document = dict[str, Any]


class StoredRun(NamedTuple):
    """A run and the documents of its exchanges; of a long run, some in the middle are omitted."""

    run: Run
    exchanges: tuple[Document, ...]
    exchanges_omitted: int

    def as_json(self) -> Document:
        """Return the run as GET /runs/<id> shows it."""
        exchanges = {"exchanges": list(self.exchanges), "exchanges_omitted": self.exchanges_omitted}
        return self.run.as_json() | exchanges


@dataclass(eq=False)
class History:
    """Reads and writes the runs of one STATE_DIR; holds no connection."""

    state_dir: Path

    def save(self, run: Run) -> None:
        """Write the run as it stands, and delete the oldest beyond RUNS_KEPT."""
        with connection(self.state_dir) as database:
            database.execute(
                "INSERT INTO runs (id, state, document) VALUES (?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET state = excluded.state, document = excluded.document",
                (run.id, run.state, json.dumps(run.as_json())),
            )
            database.execute(
                "DELETE FROM runs WHERE number <= (SELECT max(number) FROM runs) - ? AND state != 'running'",
                (RUNS_KEPT,),
            )
            database.execute("DELETE FROM exchanges WHERE run_id NOT IN (SELECT id FROM runs)")

    def add(self, run_id: str, exchange: Document) -> None:
        """Write one more exchange of the run; in a long run, one from the middle is deleted for it."""
        with connection(self.state_dir) as database:
            (number,) = database.execute(
                "INSERT INTO exchanges SELECT ?, coalesce(max(number), 0) + 1, ? FROM exchanges"
                " WHERE run_id = ? RETURNING number",
                (run_id, json.dumps(exchange), run_id),
            ).fetchone()
            database.execute(
                "DELETE FROM exchanges WHERE run_id = ? AND number > ? AND number <= ?",
                (run_id, ENDS_KEPT, number - ENDS_KEPT),
            )

    def find(self, run_id: str) -> StoredRun | None:
        """Return the run with its exchanges, or None."""
        with connection(self.state_dir) as database:
            found = database.execute("SELECT document FROM runs WHERE id = ?", (run_id,)).fetchone()
            if found is None:
                return None
            rows = database.execute(
                "SELECT number, document FROM exchanges WHERE run_id = ? ORDER BY number", (run_id,)
            ).fetchall()
        made = max((number for number, _ in rows), default=0)
        exchanges = tuple(json.loads(document) for _, document in rows)
        return StoredRun(Run.from_json(json.loads(found[0])), exchanges, exchanges_omitted=made - len(rows))

    def recent(self) -> list[Run]:
        """Return the last runs, the newest first."""
        return self._select("SELECT document FROM runs ORDER BY number DESC LIMIT ?", RUNS_KEPT)

    def is_usable(self) -> bool:
        """Return whether the database can be read."""
        try:
            self.recent()
        except sqlite3.Error:
            return False
        return True

    def unfinished(self, *, cases: bool = False) -> list[Run]:
        """Return imports, or cases, that are running, were stopped, or died; the newest first."""
        return self._select(
            "SELECT document FROM runs WHERE state IN ('running', 'stopped')"
            " AND (json_extract(document, '$.case') IS NOT NULL) = ? ORDER BY number DESC",
            cases,
        )

    def _select(self, query: str, parameter: int) -> list[Run]:
        with connection(self.state_dir) as database:
            rows = database.execute(query, (parameter,))
            return [Run.from_json(json.loads(document)) for (document,) in rows]

    def abandon(self, why: Failure, *, cases: bool = False) -> None:
        """Mark what is unfinished as failed; call it only while nothing is running."""
        for run in self.unfinished(cases=cases):
            run.fail(why)
            run.ended_at = datetime.now(UTC)
            self.save(run)
