import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.token_source import TokenSource
from flow_explorer.page.booked_timesheets import BookedTimesheets, TimesheetsReader
from werkzeug.wrappers import Response


@pytest.fixture(params=[None])
def reader(
    request: pytest.FixtureRequest, endpoint: Any, api: Any, secret_file: Path
) -> Iterator[TimesheetsReader]:
    with requests.Session() as session:
        tokens = TokenSource(
            issuer="http://localhost:9000",
            client_id="job",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=session,
            dpop=request.param,
        )
        yield TimesheetsReader(tokens, api.url, "http://localhost:9001")


def answer(count: int, cursor: str | None = None) -> Response:
    return Response(json.dumps({"timesheets": [{"id": n} for n in range(count)], "next_cursor": cursor}))


@pytest.mark.requirement("RFC 6749 10.3 minimal scope")
def test_reads_the_newest_with_a_token_that_allows_nothing_else(
    reader: TimesheetsReader, endpoint: Any, api: Any
) -> None:
    api.answers = [answer(10), answer(2), answer(0), answer(500, "500")]
    assert reader.read() == BookedTimesheets([{"id": n} for n in range(9, 1, -1)], 10)
    assert reader.read() == BookedTimesheets([{"id": 1}, {"id": 0}], 2)
    assert reader.read() == BookedTimesheets([], 0)
    assert reader.read().has_more
    assert [request.form["scope"] for request in endpoint.requests] == ["read:timesheets"]
    assert {request.full_path for request in api.requests} == {"/timesheets?limit=500"}


@pytest.mark.parametrize("reader", [DpopKey()], indirect=True)
def test_proves_that_it_has_the_key_of_a_bound_token(
    reader: TimesheetsReader, endpoint: Any, api: Any
) -> None:
    endpoint.answers = [Response('{"access_token": "bound", "token_type": "DPoP", "expires_in": 60}')]
    api.answers = [answer(1)]
    assert reader.read() == BookedTimesheets([{"id": 0}], 1)
    assert api.requests[0].headers["Authorization"] == "DPoP bound"
    assert "DPoP" in api.requests[0].headers


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response("{}", 503), "the API answered 503"),
        (Response("[]"), "the API answered 200"),
        (Response('{"timesheets": 1}'), "the API answered 200"),
        (Response("no JSON"), "the API gave no usable answer (JSONDecodeError)"),
        (Response("[" * 100_000), "the API gave no usable answer (RecursionError)"),
        (
            Response("{}", 403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}),
            "the API gave no usable answer (InsufficientScopeError)",
        ),
    ],
)
def test_reports_why_they_could_not_be_read(
    reader: TimesheetsReader, api: Any, response: Response, fault: str
) -> None:
    api.answers = [response]
    assert reader.read() == BookedTimesheets(fault=fault)


def test_reports_why_there_was_no_token(reader: TimesheetsReader, endpoint: Any, api: Any) -> None:
    endpoint.answers = [endpoint.error(400, "invalid_scope", "not yours")]
    assert reader.read() == BookedTimesheets(fault="no token to read them with: not yours")
    assert api.requests == []
