"""One line for each request, with its trace id and its decision; no secret at any level."""

import json
import logging
from collections.abc import Callable
from select import PIPE_BUF
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.request_log import RequestLog, decided, decision
from auth_server.startup import Service
from flask import Response
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


def test_one_line_says_what_was_issued(ask: Ask, log_lines: LogLines) -> None:
    ask(headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    (line,) = log_lines()
    assert line["time"].endswith("Z")
    assert line.pop("time")
    assert line.pop("duration_ms") > 0
    assert line.pop("jti")
    assert line.pop("kid")
    assert line == {
        "level": "info",
        "service": "auth-server",
        "logger": "auth_server.request_log",
        "message": "token issued",
        "trace_id": TRACE,
        "method": "POST",
        "path": "/oauth/token",
        "status": 200,
        "address": "127.0.0.1",
        "client_id": "job",
        "audience": "https://rs.example",
        "scope": "read write",
        "alg": "RS256",
        "expires_in": 3600,
    }


def test_one_line_says_what_was_refused_and_why(ask: Ask, log_lines: LogLines) -> None:
    parameters = {"audience": "https://rs.example", "scope": "read admin"}
    ask(parameters, headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
    (line,) = log_lines()
    assert line.pop("time")
    assert line.pop("duration_ms") > 0
    assert line == {
        "level": "info",
        "service": "auth-server",
        "logger": "auth_server.request_log",
        "message": "token refused",
        "trace_id": TRACE,
        "method": "POST",
        "path": "/oauth/token",
        "status": 400,
        "address": "127.0.0.1",
        "client_id": "job",
        "audience": "https://rs.example",
        "scope": "read admin",
        "error": "invalid_scope",
        "reason": "a scope is not granted",
    }


def test_a_secret_in_the_wrong_place_is_not_logged(ask: Ask, log_lines: LogLines) -> None:
    secret = "s" * 43
    for parameters in (
        {"scope": secret},
        {"audience": secret},
        {"audience": f"https://job:{secret}@rs.example"},
        {"audience": f"https://rs.example?secret={secret}"},
        {"grant_type": secret},
    ):
        assert ask(parameters).status_code == 400
    ask(auth=(secret, secret))
    assert len(log_lines()) == 6
    assert [line for line in log_lines() if secret in str(line)] == []


@pytest.mark.requirement("W3C Trace Context 3.2.4 later versions")
def test_keeps_the_trace_id_of_a_later_version(client: FlaskClient, log_lines: LogLines) -> None:
    """W3C Trace Context 4.3: a higher version may add more after another dash."""
    client.get("/nowhere", headers={"traceparent": f"01-{TRACE}-b7ad6b7169203331-01-x"})
    assert [line["trace_id"] for line in log_lines()] == [TRACE]


@pytest.mark.requirement("W3C Trace Context 3.2.2.3 trace-id")
@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "x",
        f"01-{TRACE}-b7ad6b7169203331-01x",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
    ],
)
def test_makes_a_trace_id_if_none_is_valid(
    client: FlaskClient, log_lines: LogLines, traceparent: str
) -> None:
    client.get("/nowhere?secret=1", headers={"traceparent": traceparent})
    (line,) = log_lines()
    assert len(line["trace_id"]) == 32
    assert line["trace_id"] not in {TRACE, "0" * 32}
    assert (line["message"], line["path"], line["status"]) == ("request", "/nowhere", 404)


def test_a_long_request_line_is_cut_so_that_its_log_line_stays_whole(
    client: FlaskClient, log_lines: LogLines
) -> None:
    path = "/" + "\u00e4" * 2999  # six characters each, in JSON
    client.get(environ_overrides={"PATH_INFO": path, "REQUEST_METHOD": "A" * 5000})
    (line,) = log_lines()
    assert (line["method"], line["path"]) == ("A" * 20, path[:500])
    assert len(json.dumps(line)) < PIPE_BUF


def test_health_is_logged_only_at_debug(client: FlaskClient, log_lines: LogLines) -> None:
    client.get("/healthz")
    client.get("/readyz")
    assert [line["level"] for line in log_lines()] == ["debug", "debug"]
    logging.getLogger("auth_server").setLevel("INFO")
    client.get("/healthz")
    assert len(log_lines()) == 2


@pytest.mark.requirement("RFC 6749 10.3 confidential tokens")
def test_no_secret_and_no_token_is_logged_at_debug(ask: Ask, log_lines: LogLines) -> None:
    posted = {"client_id": "job", "client_secret": "job-secret"}
    tokens = [ask().get_json()["access_token"], ask(posted, auth=None).get_json()["access_token"]]
    ask(auth=("job", "wrong-secret"))
    ask(auth=("job", "job-secret"), query_string="client_secret=job-secret")
    logging.getLogger("authlib.oauth2").debug("job-secret")
    logging.getLogger("sqlalchemy.engine").info("job-secret")
    text = json.dumps(log_lines())
    assert len(log_lines()) == 4
    for secret in ("secret", *tokens, tokens[0].split(".")[2]):
        assert secret not in text.replace("wrong secret", "")


def test_a_failure_is_logged_with_its_traceback(log_lines: LogLines) -> None:
    def fail(_environ: object, _start: object) -> list[bytes]:
        try:
            return [b"%d" % (1 // 0)]
        except ZeroDivisionError:
            logging.getLogger("auth_server").exception("failed")
            raise

    with pytest.raises(ZeroDivisionError):
        RequestLog(fail)({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, lambda *_: print)
    failed, request = log_lines()
    assert "ZeroDivisionError" in failed["exception"]
    assert failed["trace_id"] == request["trace_id"]
    assert request["status"] == 500


def test_a_decision_outside_of_a_request_is_not_logged(log_lines: LogLines) -> None:
    decided("token issued", jti="a")
    logging.getLogger("auth_server").info("outside")
    (line,) = log_lines()
    assert "trace_id" not in line


def test_tells_code_around_the_app_what_was_decided(service: Service) -> None:
    """For an overlay that observes the app, whatever LOG_LEVEL is."""
    app = create_app(service)

    @app.after_request
    def show(response: Response) -> Response:
        response.headers["Reason"] = decision()["reason"]
        return response

    form = {"grant_type": "client_credentials"}
    answer = app.test_client().post("/oauth/token", auth=("job", "wrong"), data=form)
    assert answer.headers["Reason"] == "wrong secret"
    assert decision() == {}
