"""Whatever happens to the database's file, callers get a 503, and the log says why; then the API recovers."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from protected_api.settings import Settings

UNAVAILABLE = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The database is not available.",
}
NOT_READY = {"status": "not ready", "reason": "the database cannot be used"}
ENTRY = {"external_id": "e1", "user_id": "u1", "date": "2026-11-02", "project": "P", "hours": 1}


def changed(start: int, content: bytes) -> Callable[[Path], Any]:
    """Return a context in which the file has this content from `start` on."""

    @contextmanager
    def harmed(file: Path) -> Iterator[None]:
        good = file.read_bytes()
        file.write_bytes(good[:start] + content + good[start + len(content) :])
        yield
        file.write_bytes(good)

    return harmed


@contextmanager
def full_disk(_: Path) -> Iterator[None]:
    """Let this process write to no file beyond its first byte."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


# What happens to the file, and SQLite's words for it in the log. A file whose header has a format for writing
# that SQLite does not know is read-only (SQLite's file format, 1.3.3), even for root.
FAILURES = [
    pytest.param(changed(0, b"garbage " * 4096), "file is not a database", id="no database"),
    pytest.param(changed(100, b"\xff" * 9000), "database disk image is malformed", id="damaged"),
    pytest.param(changed(18, b"\x03"), "attempt to write a readonly database", id="read-only"),
    pytest.param(full_disk, "disk I/O error", id="full disk"),
]


@pytest.mark.parametrize(("harm", "reason"), FAILURES)
def test_answers_503_until_the_file_is_mended(
    client: FlaskClient,
    settings: Settings,
    bearer: Callable[..., dict[str, str]],
    caplog: pytest.LogCaptureFixture,
    *,
    harm: Callable[[Path], Any],
    reason: str,
) -> None:
    def upload() -> Any:
        return client.post("/timesheets/upload", json=ENTRY, headers=bearer())

    with harm(Path(settings.database_file)):
        answers = [upload(), upload()]
        ready = client.get("/readyz")
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"], answer.json) == (503, "2", UNAVAILABLE)
    assert (ready.status_code, ready.json) == (503, NOT_READY)
    logged = [record for record in caplog.records if record.message == "database unavailable"]
    assert [str(record.exc_info[1]) for record in logged if record.exc_info] == [reason, reason]
    assert client.get("/readyz").status_code == 200
    assert upload().json == {"booked": 1, "unchanged": 0}
