"""The last runs and their exchanges, kept in STATE_DIR, so that restarts and runs of the CLI are covered."""

import json
import sqlite3
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recording.exchange import Exchange

from calling_service.database import connection
from calling_service.runs.run import Failure, Run, timestamp

RUNS_KEPT = 50
ENDS_KEPT = 20  # exchanges kept of a run: so many of the first, and as many of the last


class History:
    """Reads and writes the runs of one STATE_DIR; holds no connection."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def save(self, run: Run) -> None:
        """Write the run as it stands, and forget the oldest beyond RUNS_KEPT."""
        with connection(self._state_dir) as database:
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

    def add(self, run_id: str, exchange: Exchange) -> None:
        """Write one more exchange of the run; those in the middle of a long run make room."""
        with connection(self._state_dir) as database:
            (number,) = database.execute(
                "INSERT INTO exchanges SELECT ?, coalesce(max(number), 0) + 1, ? FROM exchanges"
                " WHERE run_id = ? RETURNING number",
                (run_id, json.dumps(exchange.as_json()), run_id),
            ).fetchone()
            database.execute(
                "DELETE FROM exchanges WHERE run_id = ? AND number > ? AND number <= ?",
                (run_id, ENDS_KEPT, number - ENDS_KEPT),
            )

    def find(self, run_id: str) -> dict[str, Any] | None:
        """Return the run with its exchanges, or None."""
        with connection(self._state_dir) as database:
            found = database.execute("SELECT document FROM runs WHERE id = ?", (run_id,)).fetchone()
            return _whole(database, json.loads(found[0])) if found else None

    def recent(self) -> list[dict[str, Any]]:
        """Return the last runs, the newest first, without their exchanges."""
        with connection(self._state_dir) as database:
            rows = database.execute("SELECT document FROM runs ORDER BY number DESC LIMIT ?", (RUNS_KEPT,))
            return [json.loads(document) for (document,) in rows]

    def is_usable(self) -> bool:
        """Say whether the database can be read."""
        try:
            self.recent()
        except sqlite3.Error:
            return False
        return True

    def unfinished(self, *, cases: bool = False) -> list[dict[str, Any]]:
        """Return what is on, was stopped, or died with its process, of imports or cases; the newest first."""
        with connection(self._state_dir) as database:
            rows = database.execute(
                "SELECT document FROM runs WHERE state IN ('running', 'stopped')"
                " AND (json_extract(document, '$.case') IS NOT NULL) = ? ORDER BY number DESC",
                (cases,),
            )
            return [json.loads(document) for (document,) in rows]

    def abandon(self, why: Failure, *, cases: bool = False) -> None:
        """Mark as failed what is unfinished; only for who knows that nothing is on."""
        for document in self.unfinished(cases=cases):
            ended = {"state": "failed", "ended_at": timestamp(datetime.now(UTC)), "error": asdict(why)}
            with connection(self._state_dir) as database:
                database.execute(
                    "UPDATE runs SET state = 'failed', document = ? WHERE id = ?",
                    (json.dumps(document | ended), document["id"]),
                )


def _whole(database: sqlite3.Connection, document: dict[str, Any]) -> dict[str, Any]:
    rows = database.execute(
        "SELECT number, document FROM exchanges WHERE run_id = ? ORDER BY number", (document["id"],)
    ).fetchall()
    exchanges = [json.loads(exchange) for _, exchange in rows]
    return document | {"exchanges": exchanges, "exchanges_omitted": (rows[-1][0] if rows else 0) - len(rows)}
