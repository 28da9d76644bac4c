"""Cases are played one at a time, beside the imports, and each end is explained."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from calling_service.runs.case import UnknownCaseError
from calling_service.runs.run import Run
from calling_service.service import Service
from calling_service.settings import Settings
from calling_service.web import build_web
from flow_explorer.explorer import Explorer
from flow_explorer.gallery.case import gallery
from flow_explorer.gallery.player import CasePlayer
from werkzeug.wrappers import Response

GOOD = "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"
REFUSED = 'request;dur=1, credentials;dur=2;desc="The secret is wrong."'


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return Settings.from_environ(environ | {"EXPLAIN": "1"})


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    for client in ("payroll-report", "timesheets-import-job", "timesheets-console", "gallery-rotating"):
        (settings.credential_file.parent / client).write_text("a secret\n")
    service = build_web(settings)
    yield service
    service.stop()
    service.close()


@pytest.fixture
def player(service: Service) -> CasePlayer:
    assert isinstance(service.explorer, Explorer)
    return service.explorer.player


def until(probe: Callable[[], Any]) -> Any:
    """Return the first answer that is something."""
    for _ in range(1000):
        if answer := probe():
            return answer
        time.sleep(0.01)
    raise AssertionError("nothing came of it")


def played(service: Service, case_id: str) -> dict[str, Any]:
    assert service.explorer
    run_id = service.explorer.play_case(case_id)

    def ended() -> dict[str, Any] | None:
        run = found(service, run_id)
        return None if run["state"] == "running" else run

    document: dict[str, Any] = until(ended)
    return document


def found(service: Service, run_id: str) -> dict[str, Any]:
    stored = service.history.find(run_id)
    assert stored
    return stored.as_json()


def test_a_case_that_needs_another_stack_is_not_played(service: Service) -> None:
    assert service.explorer
    with pytest.raises(UnknownCaseError):
        service.explorer.play_case("bound-token")


def test_a_case_is_a_run_that_reports_whether_the_answer_was_as_expected(
    service: Service, endpoint: Any
) -> None:
    endpoint.answers = [endpoint.error(401, "invalid_client", Server_Timing=REFUSED)]
    document = played(service, "wrong-secret")
    assert document["started_at"] <= document["ended_at"]
    assert (document["state"], document["trigger"], document["error"]) == ("completed", "web", None)
    assert (document["case"]["id"], document["case"]["as_expected"]) == ("wrong-secret", True)
    (exchange,) = document["exchanges"]
    assert exchange["steps"] == [
        {
            "number": 1,
            "label": "payroll-report asks for an access token with a made-up secret",
            "shows": ["request", "response"],
        }
    ]
    assert (exchange["from"], exchange["to"]) == ("Calling Service", "Authorization Server")
    assert exchange["checks"][-1]["reason"] == "The secret is wrong."
    assert endpoint.requests[0].headers["traceparent"].split("-")[1] == document["trace_id"]


@pytest.mark.parametrize(
    ("status", "error", "timing"),
    [
        (400, "invalid_client", REFUSED),
        (401, "invalid_request", REFUSED),
        (401, "invalid_client", "request;dur=1"),
    ],
)
def test_another_status_error_or_check_is_not_as_expected(
    service: Service, endpoint: Any, status: int, error: str, timing: str
) -> None:
    endpoint.answers = [endpoint.error(status, error, Server_Timing=timing)]
    document = played(service, "wrong-secret")
    assert (document["state"], document["case"]["as_expected"]) == ("completed", False)


def test_what_a_case_booked_is_deleted_and_does_not_change_the_outcome(service: Service, api: Any) -> None:
    entry = gallery()["same-batch-twice"].steps[1].body["entries"][0]  # type: ignore[union-attr,index]
    booked = entry | {"id": 7, "client_id": "timesheets-import-job", "hours": str(entry["hours"])}
    listed = Response(json.dumps({"timesheets": [booked]}))
    api.answers = [None, None, listed, Response("", 204)]
    document = played(service, "same-batch-twice")
    assert (document["state"], document["case"]["as_expected"]) == ("completed", True)
    assert [(request.method, request.path) for request in api.requests] == [
        ("POST", "/timesheets/upload"),
        ("POST", "/timesheets/upload"),
        ("GET", "/timesheets"),
        ("DELETE", "/timesheets/7"),
    ]
    assert document["exchanges"][-1]["steps"][0]["label"].startswith("To clean up, timesheets-console ")


def test_what_a_case_booked_is_deleted_also_when_a_step_fails(service: Service, api: Any) -> None:
    api.answers = [Response("{}", 500), Response('{"timesheets": []}')]
    document = played(service, "same-batch-twice")
    assert document["error"] == {
        "error": "unexpected_answer",
        "message": "a step before the last did not succeed:"
        " timesheets-import-job calls the API with the token: 500 INTERNAL SERVER ERROR",
        "hint": "look at the logs of the services, by the trace id of this run, then start the case again",
    }
    assert (document["state"], document["case"]["as_expected"]) == ("failed", None)
    assert api.requests[-1].args.to_dict() == {"user_id": "gallery", "limit": "500"}


def test_services_that_do_not_answer_are_reported(service: Service, api: Any) -> None:
    api.answers = [Response("no JSON"), Response("no JSON"), Response("no JSON")]
    document = played(service, "same-batch-twice")
    assert document["error"]["message"] == "a service did not answer as it should (JSONDecodeError)"


def test_a_failed_token_request_is_reported(service: Service, endpoint: Any) -> None:
    endpoint.answers = [endpoint.error(400, "invalid_scope", "not yours")]
    error = played(service, "cached-token")["error"]
    assert (error["error"], error["message"]) == ("invalid_scope", "no token: not yours")


def test_a_missing_credential_is_reported(service: Service, settings: Settings) -> None:
    path = settings.credential_file.parent / "gallery-disabled"
    error = played(service, "disabled-client")["error"]
    assert error == {
        "error": "no_credential",
        "message": f"a client's credential cannot be read: {path} (No such file or directory)",
        "hint": "run `make up`, which makes it, then start the case again",
    }


def test_an_unexpected_error_ends_the_case_and_is_logged(
    service: Service, endpoint: Any, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answers = [Response('{"token": "none"}')]
    assert played(service, "two-secrets")["error"] == {
        "error": "internal",
        "message": "an error in the gallery itself",
        "hint": "look at the logs of the services, by the trace id of this run",
    }
    assert "KeyError: 'access_token'" in caplog.text


def test_a_case_that_is_deleted_while_it_plays_ends_as_failed(
    service: Service, player: CasePlayer, settings: Settings, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    run_id = player.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    with closing(sqlite3.connect(settings.state_dir / "import.db")) as database, database:
        database.execute("DELETE FROM runs")
    endpoint.hold.set()
    stored = until(lambda: service.history.find(run_id))
    assert (stored.run.state, stored.run.error.error) == ("failed", "internal")


def test_an_unknown_case_is_refused(service: Service, player: CasePlayer) -> None:
    with pytest.raises(UnknownCaseError):
        player.start("no-such-case")
    assert service.history.recent() == []


def test_one_case_plays_at_a_time_and_starting_it_again_joins_it(
    service: Service, player: CasePlayer, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    first = player.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    waiting = player.start("unknown-client")
    assert player.start("wrong-secret") == first
    assert player.start("unknown-client") == waiting
    assert endpoint.calls == 1
    endpoint.hold.set()
    until(lambda: all(run.state == "completed" for run in service.history.recent()))
    assert [run.id for run in service.history.recent()] == [waiting, first]
    assert player.start("wrong-secret") != first


def test_an_import_runs_beside_a_case_and_does_not_join_it(
    service: Service, player: CasePlayer, endpoint: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.hold = threading.Event()
    case = player.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    assert service.runner.resume() is None
    run_id = service.runner.start("web")
    assert run_id != case
    endpoint.hold.set()
    until(lambda: all(run.state == "completed" for run in service.history.recent()))


def test_a_case_that_died_with_its_process_is_marked_as_failed_and_not_resumed(
    service: Service, player: CasePlayer, settings: Settings, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    run_id = player.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    after = build_web(settings)
    after.start(threading.Event())
    document = found(service, run_id)
    assert (document["state"], document["error"]["error"]) == ("failed", "interrupted")
    after.close()
    endpoint.hold.set()


def test_a_case_whose_end_was_not_recorded_is_marked_as_failed_when_the_next_one_starts(
    service: Service,
) -> None:
    lost = Run("lost", "web", "0" * 32, datetime.now(UTC), case=gallery()["expired-token"].report())
    service.history.save(lost)
    assert played(service, "wrong-secret")["state"] == "completed"
    document = found(service, "lost")
    assert (document["state"], document["error"]["error"]) == ("failed", "interrupted")


def test_a_stopping_service_ends_the_playing_case_and_the_waiting_ones(
    service: Service, player: CasePlayer, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    started = [player.start("two-secrets"), player.start("wrong-secret")]
    assert endpoint.arrived.wait(10)
    player.stopping.set()
    endpoint.hold.set()
    player.stop()
    ended = [found(service, run_id) for run_id in started]
    assert [run["error"]["error"] for run in ended] == ["interrupted", "interrupted"]
    assert endpoint.calls == 1
