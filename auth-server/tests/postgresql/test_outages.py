"""A database that restarts, fails over or hangs costs a 503 with Retry-After, and nothing after that."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from auth_server.app import create_app
from auth_server.startup import Service, open_service
from flask.testing import FlaskClient
from postgresql_server import Container, Database
from werkzeug.test import TestResponse

pytestmark = pytest.mark.long  # a server of their own, and time-outs

Sign = Callable[..., dict[str, str]]
Answers = Callable[[], dict[str, TestResponse]]
FORM = {"grant_type": "client_credentials"}
LONGEST = 10  # seconds; a few less on a machine that is not loaded


@pytest.fixture
def database(broken_later: Database) -> Database:
    """Let the service work on the server of this module."""
    return broken_later


@pytest.fixture
def service(environ: dict[str, str]) -> Iterator[Service]:
    """Open a service that remembers nothing."""
    service = open_service(environ | {"CACHE_TTL": "0"})
    yield service
    service.engine.dispose()


@pytest.fixture
def answers(client: FlaskClient, sign: Sign) -> Answers:
    """Return a function that asks each endpoint that needs the database."""
    secret = ("api", "api-secret")
    token = client.post("/oauth/token", data=FORM | sign()).get_json()["access_token"]

    def asked() -> dict[str, TestResponse]:
        return {
            "secret": client.post("/oauth/token", data=FORM, auth=("job", "job-secret")),
            "key": client.post("/oauth/token", data=FORM | sign()),
            "introspection": client.post("/oauth/introspect", data={"token": token}, auth=secret),
            "revocation": client.post("/oauth/revoke", data={"token": "unknown"}, auth=secret),
            "key set": client.get("/.well-known/jwks.json"),
            "readiness": client.get("/readyz"),
        }

    return asked


def statuses(answers: dict[str, TestResponse]) -> dict[str, int]:
    return {name: answer.status_code for name, answer in answers.items()}


def test_answers_503_while_the_server_is_stopped_or_killed_and_at_once_200_after_it(
    answers: Answers, container: Container
) -> None:
    for end in (container.stop, container.kill):
        before = answers()
        assert set(statuses(before).values()) == {200}
        end()
        during = answers()
        container.start()
        assert set(statuses(during).values()) == {503}
        assert during.pop("readiness").get_json()["reason"] == "the database cannot be used"
        assert {answer.headers["Retry-After"] for answer in during.values()} == {"5"}
        assert statuses(answers()) == statuses(before)


def test_a_restart_between_two_requests_costs_none(answers: Answers, container: Container) -> None:
    """A connection that the server has ended is replaced before it is used."""
    answers()
    container.stop()
    container.start()
    assert set(statuses(answers()).values()) == {200}


def set_read_only(container: Container, value: str) -> None:
    with container.server.admin.connect() as connection:
        connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        connection.execute("SELECT pg_reload_conf()")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with container.server.admin.connect() as connection:
            shown = connection.execute("SHOW default_transaction_read_only").fetchone()
        if shown == (value,):
            return


def test_a_server_that_becomes_read_only_is_asked_nothing_more(
    answers: Answers, container: Container
) -> None:
    """What a former primary says may be old: a token that is revoked would be active there."""
    before = statuses(answers())
    set_read_only(container, "on")
    try:
        during = answers()
    finally:
        set_read_only(container, "off")
    assert set(statuses(during).values()) == {503}
    assert during["introspection"].headers["Retry-After"] == "5"
    assert statuses(answers()) == before


def test_a_server_that_hangs_is_waited_for_a_few_seconds(
    client: FlaskClient, sign: Sign, container: Container
) -> None:
    request = FORM | sign()
    assert client.get("/.well-known/jwks.json").status_code == 200
    container.pause()
    began = time.monotonic()
    try:
        pooled = client.post("/oauth/token", data=request)
        connected = client.get("/.well-known/jwks.json")
    finally:
        took = time.monotonic() - began
        container.unpause()
    assert (pooled.status_code, connected.status_code) == (503, 503)
    assert took < 2 * LONGEST
    assert client.post("/oauth/token", data=request).status_code == 200


def test_more_requests_than_connections_wait_a_few_seconds(client: FlaskClient, service: Service) -> None:
    with ExitStack() as busy:
        for _ in range(10):
            busy.enter_context(service.engine.connect())
        began = time.monotonic()
        answer = client.get("/.well-known/jwks.json")
        assert time.monotonic() - began < LONGEST
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert client.get("/.well-known/jwks.json").status_code == 200


def test_no_request_fails_otherwise_while_the_server_restarts_under_load(
    environ: dict[str, str], sign: Sign, container: Container, tmp_path: Path
) -> None:
    service = open_service(environ | {"CACHE_TTL": "0"})
    app = create_app(service)
    stop = time.monotonic() + 60
    seen: list[int] = []

    def load(_worker: int) -> None:
        client = app.test_client()
        while time.monotonic() < stop and not (tmp_path / "stop").exists():
            seen.append(client.post("/oauth/token", data=FORM | sign()).status_code)

    with ThreadPoolExecutor(4) as pool:
        workers = pool.map(load, range(4))
        for restart in (container.stop, container.kill):
            served = seen.count(200)
            while seen.count(200) < served + 20 and time.monotonic() < stop:
                time.sleep(0.05)
            restart()
            container.start()
        served = seen.count(200)
        while seen.count(200) < served + 20 and time.monotonic() < stop:
            time.sleep(0.05)
        (tmp_path / "stop").touch()
        list(workers)
    service.engine.dispose()
    assert set(seen) == {200, 503}
    assert seen.count(200) >= 60
