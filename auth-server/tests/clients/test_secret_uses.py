"""The last use of each secret is written at most once a minute."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from auth_server.clients.secret_uses import SecretUse, SecretUses
from auth_server.database.tables import secret_uses
from auth_server.startup import Service
from sqlalchemy import event
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]


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
    assert uses.read() == {("job", b"digest"): SecretUse(1000, 1000)}
    assert len(writes) == 2  # nothing to update, hence a row
    now[0] = 1060
    uses.record("job", b"digest")
    assert uses.read() == {("job", b"digest"): SecretUse(1000, 1060)}
    assert len(writes) == 3


def test_workers_do_not_overwrite_each_other_within_the_minute(service: Service) -> None:
    SecretUses(service.engine, lambda: 1030).record("job", b"digest")
    SecretUses(service.engine, lambda: 1000).record("job", b"digest")
    assert SecretUses(service.engine).read() == {("job", b"digest"): SecretUse(1030, 1030)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: SecretUses(service.engine, lambda: 2000).record("job", b"digest"), range(8)))
    assert SecretUses(service.engine).read() == {("job", b"digest"): SecretUse(1030, 2000)}


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
