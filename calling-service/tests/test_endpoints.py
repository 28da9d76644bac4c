import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calling_service.app import create_app
from calling_service.service import Service, build
from calling_service.settings import Settings
from calling_service.web import build_web
from flask.testing import FlaskClient
from werkzeug.wrappers import Response

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
GOOD = HEADER + "2026-11-09,P,,1.00,C-1,1\n"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = build(settings)
    yield service
    wait_for_the_end()
    service.close()


def wait_for_the_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "run":
            thread.join(10)


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(service).test_client()


@pytest.fixture
def explaining(environ: dict[str, str]) -> Iterator[FlaskClient]:
    service = build_web(Settings.from_environ(environ | {"EXPLAIN": "1"}))
    yield create_app(service).test_client()
    service.stop()
    service.close()


def run(client: FlaskClient, **options: bool) -> Any:
    started = client.post("/runs", json=options, headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    assert (started.status_code, started.json) == (202, {"id": started.location.removeprefix("/runs/")})
    wait_for_the_end()
    return client.get(started.location).json


@pytest.mark.requirement("W3C Trace Context 3.4 propagation")
def test_a_run_imports_and_shows_itself(
    client: FlaskClient, service: Service, endpoint: Any, api: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD + "2026-11-09,P,,25,C-1,2\n")
    document = run(client)
    exchanges = document.pop("exchanges")
    assert document.pop("started_at") <= document.pop("ended_at")
    assert document.pop("id") == client.get("/runs").json["runs"][0]["id"]  # type: ignore[index]
    assert document == {
        "state": "completed",
        "trigger": "web",
        "case": None,
        "resend": False,
        "fresh_token": False,
        "trace_id": TRACE,
        "files": [
            {
                "name": "a.csv",
                "state": "done",
                "rows": 2,
                "booked": 1,
                "unchanged": 0,
                "rejected": 1,
                "rounded": 0,
            }
        ],
        "booked": 1,
        "unchanged": 0,
        "rejected": 1,
        "rounded": 0,
        "rejects": [
            {"file": "a.csv", "line": 3, "column": "Hours", "reason": "25 is not more than 0 and at most 24"}
        ],
        "error": None,
        "exchanges_omitted": 0,
        "known_omitted": 0,
    }
    assert [[step["number"] for step in exchange["steps"]] for exchange in exchanges] == [[1, 2, 3], [4]]
    assert [(exchange["to"], exchange["status"]) for exchange in exchanges] == [
        ("Authorization Server", 200),
        ("Timesheets API", 200),
    ]
    assert endpoint.secret not in json.dumps(exchanges)
    for request in (endpoint.requests[0], api.requests[0]):
        assert request.headers["traceparent"].split("-")[1] == TRACE


def test_requests_a_fresh_token_and_resends_on_demand(
    client: FlaskClient, service: Service, endpoint: Any, api: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    assert run(client)["booked"] == 1
    assert run(client)["files"][0]["state"] == "known"
    assert len(run(client, resend=True)["exchanges"]) == 1
    document = run(client, resend=True, fresh_token=True)
    assert (document["unchanged"], len(document["exchanges"])) == (1, 2)
    assert (endpoint.calls, len(api.requests)) == (2, 3)


def test_a_second_request_joins_the_current_run(client: FlaskClient, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.hold = threading.Event()
    first = client.post("/runs", json={})
    assert endpoint.arrived.wait(10)
    assert client.get(first.location).json["state"] == "running"  # type: ignore[index]
    assert client.post("/runs", json={}).location == first.location
    endpoint.hold.set()
    wait_for_the_end()
    assert client.post("/runs", json={}).location != first.location


def oauth_error(status: int, error: str, description: str) -> Response:
    return Response(json.dumps({"error": error, "error_description": description}), status)


def challenge(status: int, parameters: str) -> Response:
    return Response("{}", status, {"WWW-Authenticate": f"Bearer {parameters}"})


NO_TOKEN = "no token from the authorization server http://localhost:9000: "
UPLOAD = "URL/timesheets/upload"


@pytest.mark.parametrize(
    ("token_answers", "api_answers", "error", "message", "hint"),
    [
        (
            [oauth_error(401, "invalid_client", "unknown")],
            [],
            "invalid_client",
            NO_TOKEN + "unknown (no call for 30 s)",
            "its credential is the one in",
        ),
        (
            [oauth_error(400, "invalid_scope", "x")],
            [],
            "invalid_scope",
            NO_TOKEN + "x",
            "grant timesheets-import-job the scopes batch:upload",
        ),
        (
            [Response("", 500)],
            [],
            "bad_response",
            NO_TOKEN + "HTTP 500 without a usable body",
            "look at the log of the authorization server",
        ),
        (
            [],
            [challenge(403, 'error="insufficient_scope", scope="z"')],
            "insufficient_scope",
            "http://localhost:9001 refused the call: the token lacks the scope z",
            "grant timesheets-import-job that scope and add it to SCOPE",
        ),
        (
            [],
            [Response('{"detail": "No keys yet."}', 503)],
            "api_error",
            f"the API answered 503 at {UPLOAD}: No keys yet.",
            "wait until the API is ready",
        ),
        (
            [],
            [Response('["x"]', 302, {"Location": "/x"})],
            "api_error",
            f"the API answered 302 at {UPLOAD}: FOUND",
            "look at the log of the API",
        ),
        (
            [],
            [Response('{"booked": 1, "unchanged": 5}')],
            "api_error",
            f"the API answered 200 at {UPLOAD}: does not account for the 1 entries that were sent",
            "look at the log of the API",
        ),
        (
            [],
            [Response('{"errors": [{"index": 9}], "detail": "d"}', 422)],
            "api_error",
            f"the API answered 422 at {UPLOAD}: d",
            "look at the log of the API",
        ),
        (
            [],
            [challenge(401, 'error="invalid_token"')],
            "api_error",
            f"the API answered 401 at {UPLOAD}: UNAUTHORIZED",
            "see that the API trusts http://localhost:9000",
        ),
        (
            [],
            [Response("<html>", 500)],
            "api_error",
            f"the API answered 500 at {UPLOAD}: INTERNAL SERVER ERROR",
            "look at the log of the API",
        ),
        (
            [],
            [Response("[" * 100_000, 500)],
            "api_error",
            f"the API answered 500 at {UPLOAD}: INTERNAL SERVER ERROR",
            "look at the log of the API",
        ),
    ],
)
def test_a_failed_run_says_what_happened_and_what_to_do(
    client: FlaskClient,
    service: Service,
    endpoint: Any,
    api: Any,
    *,
    token_answers: list[Response],
    api_answers: list[Response],
    error: str,
    message: str,
    hint: str,
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.answers, api.answers = list(token_answers), list(api_answers)
    document = run(client)
    assert (document["state"], document["error"]["error"]) == ("failed", error)
    assert document["files"][0]["state"] == "failed"
    assert document["error"]["message"] == message.replace("URL", api.url)
    assert hint in document["error"]["hint"]
    if error != "invalid_client":
        assert run(client)["booked"] == 1


def test_reports_an_api_that_does_not_answer(environ: dict[str, str]) -> None:
    service = build(Settings.from_environ(environ | {"API_URL": "http://127.0.0.1:1"}))
    (service.settings.inbox / "a.csv").write_text(GOOD)
    document = run(create_app(service).test_client())
    service.close()
    assert document["error"]["message"] == (
        "the API did not answer at http://127.0.0.1:1/timesheets/upload (ConnectionError)"
    )
    assert document["exchanges"][-1]["failure"] == "ConnectionError"


def test_a_conflict_is_rejected_and_the_other_rows_are_booked(
    client: FlaskClient, service: Service, api: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD + "2026-11-09,P,,1.00,C-1,2\n")
    api.books["1"] = {"hours": "9"}
    document = run(client)
    assert (document["booked"], document["rejected"]) == (1, 1)
    assert document["rejects"] == [
        {"file": "a.csv", "line": 2, "column": "Hours", "reason": "is booked with other values"}
    ]


def test_reports_an_inbox_that_does_not_exist(client: FlaskClient, service: Service) -> None:
    service.settings.inbox.rmdir()
    document = run(client)
    assert document["error"]["error"] == "storage"
    assert "No such file or directory" in document["error"]["message"]


def test_an_unexpected_error_ends_the_run_and_is_logged(
    client: FlaskClient, service: Service, api: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    api.url = object()
    service.runner.job = None  # type: ignore[assignment]
    document = run(client)
    assert document["error"] == {
        "error": "internal",
        "message": "an error in the import job itself",
        "hint": "see its log, by this run's trace id",
    }
    assert "AttributeError" in caplog.text


JSON = {"Content-Type": "application/json"}


def problem(status: int, title: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def as_gunicorn_has_it(body: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return what of the WSGI environment belongs to a body, which may be shorter than its Content-Length."""
    return {"wsgi.input_terminated": True, "CONTENT_LENGTH": headers.get("Content-Length", str(len(body)))}


NOT_JSON = (415, "Unsupported Media Type", "Send application/json; {} is enough.")
NO_OBJECT = (400, "Bad Request", "The body is not a JSON object; {} is enough.")
UNKNOWN = (400, "Bad Request", "Unknown member 'url'; known: fresh_token, resend.")
CUT_SHORT = (400, "Bad Request", "The body is shorter than its Content-Length.")
NOT_BOOLEAN = (400, "Bad Request", "Members are true or false.")
NOT_SHOWN = (
    404,
    "Not Found",
    "This service does not show the flow. Start it with EXPLAIN=1: EXPLAIN=1 make up.",
)
TOO_LONG = (413, "Request Entity Too Large", "The data value transmitted exceeds the capacity limit.")
OTHER_HOST = (403, "Forbidden", "The Host header is not a name of this service (ALLOWED_HOSTS).")
OTHER_SITE = (403, "Forbidden", "This request comes from another site's page (Sec-Fetch-Site).")
OTHER_ORIGIN = (403, "Forbidden", "This request comes from another site's page (Origin).")
NO_RUN = (404, "Not Found", "There is no such run; GET /runs lists the last ones.")
NO_METHOD = (405, "Method Not Allowed", "The method is not allowed for the requested URL.")


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "refusal"),
    [
        ("POST", "/runs", {}, "{}", NOT_JSON),
        ("POST", "/runs", {"Content-Type": "text/plain"}, "{}", NOT_JSON),
        ("POST", "/runs", JSON, "", NO_OBJECT),
        ("POST", "/runs", JSON, "[]", NO_OBJECT),
        ("POST", "/runs", JSON, "{", NO_OBJECT),
        ("POST", "/runs", JSON, "[" * 4000, NO_OBJECT),
        ("POST", "/runs", JSON | {"Content-Length": "18"}, "{}", CUT_SHORT),
        ("POST", "/runs", JSON, '{"url": "x"}', UNKNOWN),
        ("POST", "/runs", JSON, '{"resend": 1}', NOT_BOOLEAN),
        ("POST", "/runs", JSON, '{"case": "wrong-secret"}', NOT_SHOWN),
        ("POST", "/runs", JSON, '{"case": 1, "url": "x"}', NOT_SHOWN),
        ("POST", "/runs", JSON, " " * 5000, TOO_LONG),
        ("POST", "/runs", JSON | {"Host": "evil.example"}, "{}", OTHER_HOST),
        ("POST", "/runs", JSON | {"Host": "localhost.evil.example:9002"}, "{}", OTHER_HOST),
        ("POST", "/runs", JSON | {"Host": "localhost:9002x"}, "{}", OTHER_HOST),
        ("GET", "/runs", {"Host": "evil.example"}, "", OTHER_HOST),
        ("GET", "/static/page.css", {"Host": "evil.example"}, "", OTHER_HOST),
        ("POST", "/runs", JSON | {"Sec-Fetch-Site": "cross-site"}, "{}", OTHER_SITE),
        ("POST", "/runs", JSON | {"Sec-Fetch-Site": "same-site"}, "{}", OTHER_SITE),
        ("POST", "/runs", JSON | {"Origin": "http://evil.example"}, "{}", OTHER_ORIGIN),
        ("POST", "/runs", JSON | {"Origin": "null"}, "{}", OTHER_ORIGIN),
        ("POST", "/runs", JSON | {"Origin": "http://["}, "{}", OTHER_ORIGIN),
        ("POST", "/runs", JSON | {"Origin": "http://localhost:9000"}, "{}", OTHER_ORIGIN),
        ("GET", "/runs/none", {}, "", NO_RUN),
        ("DELETE", "/runs", {}, "", NO_METHOD),
    ],
)
def test_refuses(
    client: FlaskClient,
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    refusal: tuple[int, str, str],
) -> None:
    environ = as_gunicorn_has_it(body, headers)
    response = client.open(path, method=method, headers=headers, data=body, environ_overrides=environ)
    status, title, detail = refusal
    assert response.status_code == status
    assert response.json == problem(status, title, detail)
    assert response.mimetype == "application/problem+json"
    assert client.get("/runs").json == {"runs": []}


ONLY_AN_ID = (400, "Bad Request", "Start a case by its id alone.")
NO_CASE = (400, "Bad Request", "There is no such case here; docs/gallery.md lists them.")


@pytest.mark.parametrize(
    ("body", "headers", "refusal"),
    [
        ({"case": "no-such-case"}, {}, NO_CASE),
        ({"case": "<script>" * 99}, {}, NO_CASE),
        ({"case": 1}, {}, ONLY_AN_ID),
        ({"case": None}, {}, ONLY_AN_ID),
        ({"case": ["wrong-secret"]}, {}, ONLY_AN_ID),
        ({"case": "wrong-secret", "resend": True}, {}, ONLY_AN_ID),
        ({"case": "wrong-secret", "url": "http://evil.example"}, {}, ONLY_AN_ID),
        ({"case": "wrong-secret"}, {"Sec-Fetch-Site": "cross-site"}, OTHER_SITE),
        ({"case": "wrong-secret"}, {"Host": "evil.example"}, OTHER_HOST),
    ],
)
def test_refuses_to_play(
    explaining: FlaskClient, body: Any, headers: dict[str, str], refusal: tuple[int, str, str]
) -> None:
    response = explaining.post("/runs", json=body, headers=headers)
    status, title, detail = refusal
    assert (response.status_code, response.json) == (
        status,
        problem(status, title, detail),
    )
    assert explaining.get("/runs").json == {"runs": []}


def test_plays_a_case_by_its_id(explaining: FlaskClient, endpoint: Any) -> None:
    started = explaining.post(
        "/runs",
        json={"case": "wrong-secret"},
        headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
    )
    assert started.status_code == 202
    document: Any = explaining.get(started.location).json
    assert (document["case"]["id"], document["trace_id"]) == ("wrong-secret", TRACE)
    assert endpoint.arrived.wait(10)


def test_a_wrong_method_is_answered_with_the_allowed_ones(client: FlaskClient) -> None:
    assert set(client.delete("/runs").headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert client.get("/nowhere").status_code == 404


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9002", "127.0.0.1:80", "[::1]:9002", "CALLING-SERVICE:9002"]
)
@pytest.mark.parametrize(
    "sent", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": ""}]
)
def test_serves_its_own_names_and_pages(client: FlaskClient, host: str, sent: dict[str, str]) -> None:
    headers = {"Host": host} | {name: value or f"http://{host.lower()}" for name, value in sent.items()}
    assert client.post("/runs", json={}, headers=headers).status_code == 202
    wait_for_the_end()


@pytest.mark.requirement("RFC 6750 5.3 page URLs")
def test_shows_facts_about_the_token_and_never_the_token(
    client: FlaskClient, service: Service, endpoint: Any
) -> None:
    asked = {
        "issuer": "http://localhost:9000",
        "client_id": "timesheets-import-job",
        "audience": "http://localhost:9001",
        "scopes": ["batch:upload"],
    }
    assert client.get("/token").json == {"cached": False, **asked}
    (service.settings.inbox / "a.csv").write_text(GOOD)
    run(client)
    facts: Any = client.get("/token").json
    assert 3590 < facts.pop("expires_in") <= 3600
    assert 3500 < facts.pop("renewed_in") <= 3540
    assert facts == {"cached": True, **asked}
    assert endpoint.calls == 1
    assert client.get("/token", headers={"Host": "evil.example"}).status_code == 403


def test_health_needs_no_other_service_and_accepts_any_host(client: FlaskClient) -> None:
    response = client.get("/healthz", headers={"Host": "10.0.0.1"})
    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_readiness_names_what_is_missing(client: FlaskClient, service: Service, secret_file: Path) -> None:
    assert client.get("/readyz").json == {"status": "ready"}
    secret_file.unlink()
    service.settings.inbox.rmdir()
    shutil.rmtree(service.settings.state_dir)
    response = client.get("/readyz")
    assert (response.status_code, response.json) == (
        503,
        {
            "status": "not ready",
            "reason": "STATE_DIR cannot be written; import.db in STATE_DIR cannot be used;"
            " INBOX cannot be read; CLIENT_SECRET_FILE cannot be read",
        },
    )


def test_an_unexpected_error_shows_no_internals(
    client: FlaskClient, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    (service.settings.state_dir / "import.db").write_text(
        "this is not a database, and it is longer than a header"
    )
    response = client.get("/runs")
    detail = "The service's log says more, by this request's trace id."
    assert (response.status_code, response.json) == (500, problem(500, "Internal Server Error", detail))
    assert "DatabaseError" in caplog.text


def test_logs_a_line_per_request_without_its_query(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    client.get("/runs?token=x")
    client.get("/healthz")
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [(line["level"], line["path"], line["status"]) for line in lines] == [
        ("info", "/runs", 200),
        ("debug", "/healthz", 200),
    ]
