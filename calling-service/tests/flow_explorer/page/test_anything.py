"""Any request to the calling service with its explorer: no 5xx, and every answer a page or JSON."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from calling_service.app import create_app
from calling_service.runs.run import Run
from calling_service.service import Service
from calling_service.settings import Settings
from calling_service.web import build_web
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)
ENDS = ["", ".json", ".har", ".mermaid", "/1", "/2.sh", "/diagram", "?only=flow", "?step=1", "/../healthz"]
PATHS = ["/", "/flow", "/runs", "/token", "/readyz", "/static/page.css", "/gallery", "/lessons", "/lessons/1"]
KINDS = ("text/html", "application/json", "text/plain", "text/css", "application/problem+json", "image/")
pytestmark = pytest.mark.fuzz
fuzzed = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def service(environ: dict[str, str]) -> Iterator[Service]:
    service = build_web(Settings.from_environ(environ | {"EXPLAIN": "1"}))
    yield service
    service.stop()
    service.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(service).test_client()


@pytest.fixture
def run(service: Service) -> str:
    run = Run(secrets.token_hex(8), "web", "trace", datetime.now(UTC), state="completed")
    service.history.save(run)
    return run.id


@fuzzed
@given(
    data=st.data(),
    method=st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT"]),
    headers=st.lists(
        st.tuples(st.sampled_from(["Accept", "traceparent", "Host", "Range", "If-None-Match"]), TEXTS),
        max_size=2,
    ),
)
def test_any_path_is_answered(
    client: FlaskClient,
    run: str,
    change: Callable[[Any, str], str],
    data: st.DataObject,
    *,
    method: str,
    headers: list[tuple[str, str]],
) -> None:
    path = data.draw(st.sampled_from(PATHS + [f"/flow/{run}{end}" for end in ENDS] + [f"/runs/{run}"]))
    if data.draw(st.booleans(), "change it"):
        path = "/" + change(data, path).lstrip("/").encode(errors="replace").decode()
    response = client.open(path, method=method, headers=Headers(headers))
    with closing(response):
        assert response.status_code < 500, response.text
        assert "Traceback" not in response.text


@fuzzed
@given(
    path=st.sampled_from(["/runs", "/flow"]),
    body=st.binary(max_size=60)
    | st.sampled_from([b'{"case":"a"}', b"run=import", b"run=case:a", b'{"resend":1}']),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded"]) | TEXTS,
    site=st.sampled_from(["same-origin", "cross-site", ""]),
)
def test_any_body_that_starts_no_run_is_refused(
    client: FlaskClient, path: str, body: bytes, kind: str, site: str
) -> None:
    headers = {"Content-Type": kind, "Sec-Fetch-Site": site}
    response = client.post(path, data=body, headers=headers)
    assert response.status_code < 500, response.text
