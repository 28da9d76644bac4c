"""Any request to the API: no 5xx, problem details in a refusal, and only what a 200 says is booked."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protected_api.settings import Settings
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

ENTRY = {"external_id": "e", "user_id": "u", "date": "2026-11-02", "project": "P", "hours": "1.5"}
UPLOADS = [json.dumps(ENTRY), json.dumps({"entries": [ENTRY, ENTRY | {"external_id": "f", "hours": 2}]})]
SCOPES = "batch:upload read:timesheets create:timesheets delete:timesheets approve:timesheets"
PATHS = ["/timesheets", "/timesheets/upload", "/timesheets/1", "/approvals", "/approvals/1", "/openapi.json"]
QUERIES = ["limit=1", "cursor=0", "from=2026-11-02", "access_token=a", "approved=true", "user_id=u"]
TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)
pytestmark = pytest.mark.fuzz
fuzzed = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sender(shared_app: Any) -> FlaskClient:
    client: FlaskClient = shared_app.test_client()
    return client


def assert_problem(response: TestResponse) -> None:
    """Assert that a refusal is RFC 9457's, or RFC 6750's with its challenge."""
    assert response.status_code < 500
    if response.status_code < 400:
        return
    if response.content_type == "application/json":
        assert f'error="{response.get_json()["error"]}"' in response.headers["WWW-Authenticate"]
        return
    assert response.content_type == "application/problem+json"
    assert response.get_json()["status"] == response.status_code
    assert response.get_json()["title"]


@fuzzed
@given(data=st.data())
def test_an_upload_with_a_change_is_booked_as_it_says_or_not_at_all(
    sender: FlaskClient,
    shared_issuer: Any,
    shared_settings: Settings,
    change: Callable[[Any, str], str],
    data: st.DataObject,
) -> None:
    def booked() -> int:
        with closing(sqlite3.connect(shared_settings.database_file)) as connection:
            return int(connection.execute("SELECT count(*) FROM timesheets").fetchone()[0])

    before = booked()
    body = change(data, data.draw(st.sampled_from(UPLOADS))).encode(errors="surrogatepass")
    headers = {"Authorization": f"Bearer {shared_issuer.token(scope='batch:upload')}"}
    response = sender.post("/timesheets/upload", data=body, content_type="application/json", headers=headers)
    assert_problem(response)
    counts = response.get_json()
    if response.status_code == 200:
        assert booked() - before == counts["booked"]
        assert 0 < counts["booked"] + counts["unchanged"] <= 2
    else:
        assert (response.status_code, booked()) in ((400, before), (422, before))


@fuzzed
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "a"]),
    path=st.sampled_from(PATHS) | st.text(max_size=20).map(lambda text: f"/{text}"),
    query=st.lists(st.sampled_from(QUERIES) | st.text(max_size=20), max_size=3).map("&".join),
    headers=st.lists(
        st.tuples(st.sampled_from(["Accept", "traceparent", "Content-Type", "Authorization", "Host"]), TEXTS),
        max_size=2,
    ),
    body=st.binary(max_size=50),
)
def test_any_request_is_answered(
    sender: FlaskClient,
    shared_issuer: Any,
    *,
    method: str,
    path: str,
    query: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    sent = Headers([("Authorization", f"Bearer {shared_issuer.token(scope=SCOPES)}"), *headers])
    path = quote(path, safe="/%", errors="surrogatepass")
    response = sender.open(path, method=method, query_string=query, headers=sent, data=body)
    if method != "HEAD":
        assert_problem(response)
    assert response.status_code < 500
