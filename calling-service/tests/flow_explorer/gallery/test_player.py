"""Cases are played one at a time, beside the imports, and each ends in words."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from calling_service.runs import schedule
from calling_service.runs.run import Run
from calling_service.service import Service, build
from calling_service.settings import Settings
from flow_explorer.gallery.case import UnknownCaseError, gallery
from werkzeug.wrappers import Response

GOOD = "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"
REFUSED = 'request;dur=1, credentials;dur=2;desc="The secret is wrong."'


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    for client in ("payroll-report", "timesheets-import-job", "timesheets-console", "gallery-rotating"):
        (settings.credential_file.parent / client).write_text("a secret\n")
    service = build(settings)
    yield service
    service.cases.stop()
    service.close()


def until(probe: Callable[[], Any]) -> Any:
    """Return the first answer that is something."""
    for _ in range(1000):
        if answer := probe():
            return answer
        time.sleep(0.01)
    raise AssertionError("nothing came of it")


def played(service: Service, case_id: str) -> dict[str, Any]:
    run_id = service.cases.start(case_id)

    def ended() -> dict[str, Any] | None:
        document = service.history.find(run_id)
        return None if document is None or document["state"] == "running" else document

    document: dict[str, Any] = until(ended)
    return document


def test_a_case_is_a_run_that_says_whether_it_came_as_expected(service: Service, endpoint: Any) -> None:
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


def test_what_a_case_booked_is_deleted_and_does_not_count(service: Service, api: Any) -> None:
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


def test_what_a_case_booked_is_deleted_when_a_step_fails_too(service: Service, api: Any) -> None:
    api.answers = [Response("{}", 500), Response('{"timesheets": []}')]
    document = played(service, "same-batch-twice")
    assert document["error"] == {
        "error": "unexpected_answer",
        "message": "a step on the way did not succeed: timesheets-import-job calls the API with the token:"
        " 500 INTERNAL SERVER ERROR",
        "hint": "look at the logs of the services, by the trace id of this run, then start the case again",
    }
    assert (document["state"], document["case"]["as_expected"]) == ("failed", None)
    assert api.requests[-1].args.to_dict() == {"user_id": "gallery", "limit": "500"}


def test_services_that_do_not_answer_are_told(service: Service, api: Any) -> None:
    api.answers = [Response("no JSON"), Response("no JSON"), Response("no JSON")]
    document = played(service, "same-batch-twice")
    assert document["error"]["message"] == "a service did not answer as it should (JSONDecodeError)"


def test_a_token_that_cannot_be_had_is_told(service: Service, endpoint: Any) -> None:
    endpoint.answers = [endpoint.error(400, "invalid_scope", "not yours")]
    error = played(service, "cached-token")["error"]
    assert (error["error"], error["message"]) == ("invalid_scope", "no token: not yours")


def test_a_credential_that_is_not_there_is_told(service: Service, settings: Settings) -> None:
    path = settings.credential_file.parent / "gallery-disabled"
    error = played(service, "disabled-client")["error"]
    assert error == {
        "error": "no_credential",
        "message": f"a client's credential cannot be read: {path} (No such file or directory)",
        "hint": "run `make up`, which makes it, then start the case again",
    }


def test_an_error_of_our_own_ends_the_case_and_is_logged(
    service: Service, endpoint: Any, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.answers = [Response('{"token": "none"}')]
    assert played(service, "two-secrets")["error"] == {
        "error": "internal",
        "message": "an error in the gallery itself",
        "hint": "look at the logs of the services, by the trace id of this run",
    }
    assert "KeyError: 'access_token'" in caplog.text


def test_an_unknown_case_is_refused(service: Service) -> None:
    with pytest.raises(UnknownCaseError):
        service.cases.start("no-such-case")
    assert service.history.recent() == []


def test_one_case_is_on_at_a_time_and_one_that_is_asked_for_again_is_joined(
    service: Service, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    first = service.cases.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    waiting = service.cases.start("unknown-client")
    assert service.cases.start("wrong-secret") == first
    assert service.cases.start("unknown-client") == waiting
    assert endpoint.calls == 1
    endpoint.hold.set()
    until(lambda: all(run["state"] == "completed" for run in service.history.recent()))
    assert [run["id"] for run in service.history.recent()] == [waiting, first]
    assert service.cases.start("wrong-secret") != first


def test_an_import_goes_on_beside_a_case_and_takes_none_for_its_own(service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.hold = threading.Event()
    case = service.cases.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    assert service.runner.resume() is None
    run_id = service.runner.start("web", "0" * 32)
    assert run_id != case
    endpoint.hold.set()
    until(lambda: all(run["state"] == "completed" for run in service.history.recent()))


def test_a_case_that_died_with_its_process_is_told_and_not_taken_up(
    service: Service, settings: Settings, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    run_id = service.cases.start("wrong-secret")
    assert endpoint.arrived.wait(10)
    after = build(settings)
    schedule.start(after, threading.Event())
    document = service.history.find(run_id)
    assert document
    assert (document["state"], document["error"]["error"]) == ("failed", "interrupted")
    after.close()
    endpoint.hold.set()


def test_a_case_whose_end_could_not_be_recorded_is_ended_by_the_next_to_start(service: Service) -> None:
    lost = Run("lost", "web", "0" * 32, datetime.now(UTC), case=gallery()["expired-token"].report())
    service.history.save(lost)
    assert played(service, "wrong-secret")["state"] == "completed"
    document = service.history.find("lost")
    assert document
    assert (document["state"], document["error"]["error"]) == ("failed", "interrupted")


def test_a_service_that_stops_ends_the_case_that_is_on_and_those_that_wait(
    service: Service, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    started = [service.cases.start("two-secrets"), service.cases.start("wrong-secret")]
    assert endpoint.arrived.wait(10)
    service.cases.stopping.set()
    endpoint.hold.set()
    service.cases.stop()
    ended = [service.history.find(run_id) or {} for run_id in started]
    assert [run["error"]["error"] for run in ended] == ["interrupted", "interrupted"]
    assert endpoint.calls == 1
