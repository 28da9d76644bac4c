"""Each client assertion counts once, on all workers."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from auth_server.clients.seen_assertions import SeenAssertions
from auth_server.database.tables import seen_assertions
from auth_server.expiring_rows import KEPT_LONGER, ExpiringRows
from auth_server.startup import Service
from sqlalchemy import func, insert, select
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")


def seen_by(service: Service, now: Callable[[], float] = time.time) -> SeenAssertions:
    return SeenAssertions(ExpiringRows(service.engine, seen_assertions, now))


@pytest.mark.requirement("RFC 7523 3 jti")
def test_of_many_replays_at_once_one_is_the_first(service: Service) -> None:
    workers = [seen_by(service) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        firsts = list(pool.map(lambda worker: worker.record("bot", "once", 2**40), workers * 5))
    assert firsts.count(True) == 1


def test_each_client_has_its_own_jtis(service: Service) -> None:
    seen = seen_by(service)
    assert seen.record("bot", "\ud800", 2**40)
    assert seen.record("flagged", "\ud800", 2**40)
    assert not seen.record("bot", "\ud800", 2**40)


def test_a_host_whose_clock_is_ahead_deletes_nothing_that_another_needs(service: Service) -> None:
    """An assertion until 1060, on hosts 40 s and almost an hour apart."""
    assert seen_by(service, lambda: 1055.0).record("bot", "once", 1060)
    for ahead in (40, KEPT_LONGER - 1):
        assert seen_by(service, lambda: 1059.0 + ahead).record("bot", f"other {ahead}", 9000)  # noqa: B023
        assert not seen_by(service, lambda: 1059.0).record("bot", "once", 1060)


@pytest.mark.kinds_of_failures("client-assertion", {"replay-cache-evicts": "client_assertion: replayed"})
def test_forgets_no_assertion_before_it_expires_however_many_come(service: Service) -> None:
    now = [1000.0]
    seen = seen_by(service, lambda: now[0])
    assert seen.record("bot", "first", 2000)
    row = {"client_id": "bot", "expires_at": 2000}
    others = [row | {"jti_digest": number.to_bytes(32)} for number in range(20_000)]
    with service.engine.begin() as connection:
        connection.execute(insert(seen_assertions), others)
    now[0] = 1999.0
    assert seen.record("bot", "one more", 3000)
    assert not seen.record("bot", "first", 2000)


def test_deletes_old_assertions_once_a_minute(service: Service) -> None:
    now = [1000.0 + KEPT_LONGER]
    seen = seen_by(service, lambda: now[0])

    def rows() -> Any:
        with service.engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(seen_assertions))

    seen.record("bot", "a", 1010)
    now[0] += 59
    seen.record("bot", "b", 2000)
    assert rows() == 2
    now[0] += 1
    seen.record("bot", "c", 2000)
    assert rows() == 2


def test_deletes_many_old_assertions_a_few_at_each_request(service: Service) -> None:
    seen = seen_by(service, lambda: 2000.0 + KEPT_LONGER)
    old = [{"client_id": "bot", "jti_digest": bytes([number]), "expires_at": 1010} for number in range(50)]
    with service.engine.begin() as connection:
        connection.execute(seen_assertions.insert(), old)
    kept = []
    for jti in ("a", "b", "c", "d"):
        assert seen.record("bot", jti, 3000)
        with service.engine.connect() as connection:
            kept.append(connection.scalar(select(func.count()).select_from(seen_assertions)))
    assert kept == [31, 12, 3, 4]


Ask = Callable[..., TestResponse]
Sign = Callable[..., dict[str, str]]


def test_answers_503_if_it_cannot_remember_the_assertion(ask: Ask, sign: Sign, service: Service) -> None:
    with service.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE seen_assertions")
    response = ask(sign(), auth=None)
    assert (response.status_code, response.get_json()["error"]) == (503, "temporarily_unavailable")
    assert response.headers["Retry-After"] == "5"
