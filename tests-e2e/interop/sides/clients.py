"""Run the rows of the clients: each at the play, which gives the columns, and at the real stack."""

import datetime
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interop.client_program import ClientProgram
from interop.environments import prepare
from interop.forwarded import Forwarded, recorded_stack
from interop.played import API_PATH, ORIGINS, SCOPE, Played
from interop.recorder import Recorder
from interop.rows import Measured, Row, each
from interop.trial import COLUMNS, OK, SECRET, Trial
from live_stack import Stack

CLIENT = "payroll-report"  # has grants at two APIs, so it must name one


class RealStack:
    """A stack for all rows; one row at a time, since it refuses the next token of whoever comes."""

    def __init__(self, stack: Stack, recorder: Recorder, forwarded: Forwarded) -> None:
        self._stack, self._recorder, self._forwarded = stack, recorder, forwarded
        self._lock = threading.Lock()

    def try_out(self, row: Row) -> str:
        """Return what became of a call, of one that is refused, and of one more."""
        client_id = row.extra.get("client", CLIENT)
        secret = self._stack.secret(client_id)
        with self._lock, running(row, self._recorder, client_id, secret) as program:
            first = program.call()
            assert first == OK, f"{row.name} at the real stack: {first}"
            self._forwarded.spoil_next_token()
            refused = program.call()
            return " ".join(_status(result) for result in (first, refused, program.call()))


def _status(result: Mapping[str, Any]) -> str:
    return str(result.get("status", "error"))


def run(rows: list[Row]) -> Measured:
    """Run rows, with a stack of their own; return what each measured."""
    with tempfile.TemporaryDirectory() as folder, real_stack(Path(folder)) as stack:
        return each(rows, lambda row: run_row(row, stack))


@contextmanager
def real_stack(folder: Path) -> Iterator[RealStack]:
    """Start a stack in a folder."""
    stack = Stack(folder / "checkout")
    stack.environment["RUNTIME"] = "local"
    try:
        with recorded_stack(stack) as (recorder, forwarded):
            yield RealStack(stack, recorder, forwarded)
    finally:
        stack.drop()


def run_row(row: Row, stack: RealStack) -> dict[str, Any]:
    """Run one row; return its date and its columns."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"date": today, **columns(row), "stack": stack.try_out(row)}


def columns(row: Row) -> dict[str, str]:
    """Return the columns of one row, as the play shows them."""
    played = Played()
    with Recorder(ORIGINS, played.answer) as recorder:
        played.url = recorder.url
        with running(row, recorder, "played", SECRET) as program:
            trial = Trial(program, played, recorder)
            left_out = row.extra.get("left_out", [])
            return {name: column(trial) for name, column in COLUMNS.items() if name not in left_out}


@contextmanager
def running(row: Row, recorder: Recorder, client_id: str, secret: str) -> Iterator[ClientProgram]:
    """Start a row's program with the addresses of a recorder."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "secret"
        file.write_text(secret)
        variables = {
            "ISSUER": recorder.url["server"],
            "TOKEN_URL": f"{recorder.url['server']}/oauth/token",
            "API_URL": f"{recorder.url['api']}{API_PATH}",
            "AUDIENCE": recorder.url["api"],
            "SCOPE": SCOPE,
            "CLIENT_ID": client_id,
            "CLIENT_SECRET_FILE": str(file),
        }
        with ClientProgram(prepare(row), row.program, variables | row.extra.get("variables", {})) as program:
            yield program
