"""Builders of recorded runs and of the exchanges in them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from calling_service.runs.run import Run
from flow_explorer.recorded_run import RecordedRun
from recording.exchange import Exchange, Message, Step

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def _message(start_line: str) -> Message:
    return Message(start_line, (), "", 0, body_shortened=False, token=None)


def _exchange(start_line: str = "POST /upload", status: int | None = 200, **changes: Any) -> Exchange:
    """Return an exchange between the job and the API; `request_body=…` changes a member of its request."""
    reason = "OK" if status == 200 else "NO"
    made = Exchange(
        steps=(Step(4, "The job calls", ("request", "response")),),
        sender="Timesheets Import Job",
        receiver="Timesheets API",
        method=start_line.partition(" ")[0],
        url="http://localhost:9001/upload",
        status=status,
        request=_message(f"{start_line} HTTP/1.1"),
        response=_message(f"HTTP/1.1 {status} {reason}") if status else None,
        failure=None if status else "Timeout",
        failed_before=(),
        started_at=NOON,
        elapsed=0.01,
    )
    for name, value in changes.items():
        part, _, member = name.partition("_")
        if part in {"request", "response"} and member:
            made = replace(made, **{part: replace(getattr(made, part), **{member: value})})
        else:
            made = replace(made, **{name: value})
    return made


def _recorded(*exchanges: Exchange, omitted: int = 0, **changes: Any) -> RecordedRun:
    """Return a completed import with these exchanges."""
    run = Run("r", "web", "t", NOON, state="completed")
    return RecordedRun(replace(run, **changes), exchanges, omitted)


@pytest.fixture
def exchange() -> Callable[..., Exchange]:
    """Return the function that makes exchanges."""
    return _exchange


@pytest.fixture
def recorded() -> Callable[..., RecordedRun]:
    """Return the function that makes recorded runs."""
    return _recorded
