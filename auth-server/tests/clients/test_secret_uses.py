"""The last use of each secret is written at most once a minute, and shown to operators."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from auth_server.clients.secret_uses import SecretUses
from auth_server.database import secret_uses
from auth_server.startup import Service
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]

RS = {"audience": "https://rs.example"}


@pytest.fixture
def writes(service: Service) -> list[str]:
    """Return a list that collects the statements that write."""
    statements: list[str] = []

    def collect(*call: Any) -> None:
        if not call[2].startswith("SELECT"):
            statements.append(call[2])

    event.listen(service.engine, "before_cursor_execute", collect)
    return statements


def test_writes_at_most_once_a_minute(service: Service, writes: list[str]) -> None:
    now = [1000.0]
    uses = SecretUses(service.engine, lambda: now[0])
    for second in (1000, 1001, 1059.9):
        now[0] = second
        uses.record("job", b"digest")
    assert uses.read() == {("job", b"digest"): 1000}
    assert len(writes) == 2  # nothing to update, hence a row
    now[0] = 1060
    uses.record("job", b"digest")
    assert uses.read() == {("job", b"digest"): 1060}
    assert len(writes) == 3


def test_workers_do_not_overwrite_each_other_within_the_minute(service: Service) -> None:
    SecretUses(service.engine, lambda: 1030).record("job", b"digest")
    SecretUses(service.engine, lambda: 1000).record("job", b"digest")
    assert SecretUses(service.engine).read() == {("job", b"digest"): 1030}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: SecretUses(service.engine, lambda: 2000).record("job", b"digest"), range(8)))
    assert SecretUses(service.engine).read() == {("job", b"digest"): 2000}


def test_remembers_within_bounds(service: Service) -> None:
    uses = SecretUses(service.engine, lambda: 1000)
    for number in range(1001):
        uses.record(str(number), b"digest")
    assert len(uses.read()) == 1001


def test_a_use_that_cannot_be_written_refuses_nobody(ask: Ask, service: Service, log_lines: LogLines) -> None:
    with service.engine.begin() as connection:
        secret_uses.drop(connection)
    assert ask().status_code == 200
    assert log_lines()[0]["message"] == "the use of a secret was not recorded"


def test_lists_when_each_secret_was_last_used(ask: Ask, app: Flask, tmp_path: Path) -> None:
    ask(RS, auth=("many", "many-next-secret"))
    ask(RS, auth=("many", "wrong"))
    (tmp_path / "none.sha256").unlink()
    runner = app.test_cli_runner()
    listed = json.loads(runner.invoke(args=["clients", "list", "--json"]).output)
    many = {one["file"]: one for one in listed if one["client_id"] == "many"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", many["many.next.sha256"].pop("last_used"))
    assert many["many.sha256"] == {
        "client_id": "many",
        "enabled": True,
        "kind": "secret",
        "file": "many.sha256",
        "last_used": None,
        "problem": None,
    }
    table = runner.invoke(args=["clients", "list"]).output.splitlines()
    assert re.fullmatch("CLIENT +ENABLED +CREDENTIAL +LAST USED", table[0])
    assert re.search(r"^many +yes +many\.sha256 +never$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^many +yes +many\.next\.sha256 +\d{4}-\S+Z$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^bot-off +no +bot\.json +-$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^none +yes +none\.sha256 +cannot be read", "\n".join(table), re.MULTILINE)
