"""A server that stops, is killed, or freezes while jobs upload: nothing is lost or booked twice."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from protected_api.app import create_app
from protected_api.postgresql.database import PostgresqlDatabase
from protected_api.settings import Settings

pytestmark = pytest.mark.long
JOBS = 4
ENTRY = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": 1}


@pytest.fixture
def served(own_postgresql: Any) -> Any:
    """Return a database of a server that the test may stop."""
    return own_postgresql.server.new_database()


@pytest.fixture
def app(settings: Settings, served: Any, tmp_path: Path) -> Flask:
    """Return an API on that server, which has written a commit when it confirms it, unlike in other tests."""
    url = f"{served.url()}?options=-c%20synchronous_commit%3Don"
    password_file = str(served.write_password(tmp_path))
    PostgresqlDatabase(url, password_file).prepare()
    app = create_app(replace(settings, database_url=url, database_password_file=password_file))
    app.extensions["keys"].refresh()
    return app


class Job:
    """Uploads ten entries at a time, each upload until it is confirmed, and counts the answers."""

    def __init__(self, app: Flask, headers: dict[str, str], number: int) -> None:
        self.client, self.headers, self.number = app.test_client(), headers, number
        self.answers: Counter[tuple[int, str | None]] = Counter()
        self.booked: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Upload until told to stop."""
        while not stop.is_set():
            names = [f"{self.number}-{len(self.booked) + each}" for each in range(10)]
            entries = [{"external_id": name, **ENTRY} for name in names]
            while self._upload(entries) != 200:
                stop.wait(0.05)
            self.booked += names

    def _upload(self, entries: list[dict[str, Any]]) -> int:
        answer = self.client.post("/timesheets/upload", json={"entries": entries}, headers=self.headers)
        self.answers[answer.status_code, answer.headers.get("Retry-After")] += 1
        return answer.status_code


@pytest.fixture
def jobs(app: Flask, bearer: Any) -> Iterator[list[Job]]:
    """Return jobs that upload all the while, and stop at the end of the test."""
    jobs = [Job(app, bearer(), number) for number in range(JOBS)]
    stop = threading.Event()
    with ThreadPoolExecutor(JOBS) as threads:
        running = [threads.submit(job.run, stop) for job in jobs]
        yield jobs
        stop.set()
    for each in running:
        each.result()


def uploads_go_on(jobs: list[Job]) -> Callable[[], bool]:
    """Return a function that says whether each job has had an upload confirmed since now."""
    before = [len(job.booked) for job in jobs]
    return lambda: all(len(job.booked) > count for job, count in zip(jobs, before, strict=True))


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_under_load_loses_nothing_and_books_nothing_twice(
    jobs: list[Job], own_postgresql: Any, served: Any, eventually: Any, end: str
) -> None:
    for _ in range(2):
        eventually(uploads_go_on(jobs))
        getattr(own_postgresql, end)()
        own_postgresql.start()
        eventually(uploads_go_on(jobs))
    answers = sum((job.answers for job in jobs), Counter[tuple[int, str | None]]())
    assert answers.keys() == {(200, None), (503, "2")}
    confirmed = {name for job in jobs for name in job.booked.copy()}
    with served.connect() as connection:
        rows = connection.execute("SELECT external_id FROM timesheets").fetchall()
    assert confirmed <= {name for (name,) in rows}
    assert len(rows) == len(set(rows))


def test_a_frozen_server_holds_nobody_up_for_long(
    jobs: list[Job], app: Flask, own_postgresql: Any, eventually: Any
) -> None:
    """It keeps none of its own time-outs, and its kernel acknowledges every packet."""
    eventually(uploads_go_on(jobs))
    subprocess.run(["docker", "pause", own_postgresql.name], check=True, capture_output=True)  # noqa: S603, S607
    try:
        eventually(lambda: all((503, "2") in job.answers for job in jobs))
        started = time.monotonic()
        assert app.test_client().get("/readyz").status_code == 503
        assert time.monotonic() - started < 4  # to connect takes at most 3 s
    finally:
        subprocess.run(["docker", "unpause", own_postgresql.name], check=True, capture_output=True)  # noqa: S603, S607
    eventually(uploads_go_on(jobs))
