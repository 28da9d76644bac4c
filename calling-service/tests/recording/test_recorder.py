import json
import ssl
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests
from calling_service.oauth_client.retry import retry_policy
from recording.exchange import Exchange
from recording.recorder import recorded_session, recording
from recording.story import JOB, of_authorization_server
from werkzeug.wrappers import Request, Response

HEADERS = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def numbers(exchange: Exchange) -> list[int]:
    return [step.number for step in exchange.steps]


def test_keeps_each_exchange_of_a_run_and_no_other(serve: Any) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response("{}", 400 if request.path == "/refused" else 200)

    url, kept = serve(answer), list[Exchange]()
    with recorded_session(JOB, "B", of_authorization_server, retry_policy(0)) as session:
        session.get(url)
        with recording(kept.append, lambda: HEADERS):
            session.get(url)
            session.post(f"{url}/refused")
            session.post(url)
    assert [numbers(exchange) for exchange in kept] == [[0], [1, 2, 3], [1, 2, 3]]
    assert "without" in kept[1].steps[2].label
    assert {(exchange.sender, exchange.receiver) for exchange in kept} == {(JOB, "B")}
    traces = [request.headers.get("traceparent") for request in seen]
    assert traces == [None, *[HEADERS["traceparent"]] * 3]


def test_keeps_a_call_that_was_not_answered(serve: Any) -> None:
    kept: list[Exchange] = []

    def broken(_: Request) -> Response:
        response = Response(json.dumps({"a": 1}))
        response.headers["Content-Length"] = "1000"  # more than there is
        return response

    with (
        recorded_session(JOB, "B", of_authorization_server, retry_policy(0)) as session,
        recording(kept.append),
    ):
        for url in (serve(broken), "http://127.0.0.1:1/"):
            with pytest.raises(requests.RequestException):
                session.get(url)
        with pytest.raises(requests.RequestException):
            session.post("http://127.0.0.1:1/")
    assert kept.pop().steps[-1].label == "The authorization server does not answer"
    assert [(exchange.status, exchange.failure) for exchange in kept] == [
        (None, "ChunkedEncodingError"),
        (None, "ConnectionError"),
    ]


def test_trusts_the_cas_of_its_file_and_no_others(
    serve: Any, certificate: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    ca_file, context = certificate
    url = serve(lambda _: Response("fine"), context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    with recorded_session(JOB, "B", of_authorization_server, retry_policy(0), ca_file) as session:
        assert session.get(url).text == "fine"
    with (
        recorded_session(JOB, "B", of_authorization_server, retry_policy(0)) as session,
        pytest.raises(requests.exceptions.SSLError),
    ):
        session.get(url)
