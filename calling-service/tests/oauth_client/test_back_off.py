"""The time in which no token request is sent, after an error."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from calling_service.oauth_client.back_off import REFUSED
from calling_service.oauth_client.token_request import LONGEST_RETRY_AFTER
from calling_service.oauth_client.token_source import TokenError, TokenSource

API = "https://api.example"
OTHER_API = "https://other.example"
SCOPES = ("b", "a")


@pytest.mark.parametrize("status", [400, 401])
def test_after_invalid_client_nothing_is_sent_until_the_back_off_ends(
    source: TokenSource, endpoint: Any, clock: Any, status: int
) -> None:
    endpoint.answers = [endpoint.error(status, "invalid_client")]
    with pytest.raises(TokenError) as first:
        source.get(API, SCOPES)
    assert (first.value.error, first.value.status, first.value.retry_after) == (
        "invalid_client",
        status,
        REFUSED,
    )
    clock.now += 10
    with pytest.raises(TokenError) as unsent:
        source.get(OTHER_API, SCOPES)
    assert (unsent.value.error, unsent.value.retry_after) == ("invalid_client", REFUSED - 10)
    assert (unsent.value.description, unsent.value.status) == (first.value.description, status)
    assert endpoint.calls == 1
    clock.now += REFUSED - 10
    assert source.get(API, SCOPES).value


def test_after_invalid_client_a_changed_secret_file_is_tried_at_once(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    endpoint.answers = [endpoint.error(401, "invalid_client")]
    with pytest.raises(TokenError):
        source.get(API, SCOPES)
    secret_file.write_text("another", encoding="utf-8")
    assert source.get(API, SCOPES).value
    assert endpoint.requests[1].authorization.password == "another"


@pytest.mark.parametrize(
    ("after", "pause"),
    [
        ("7", 7),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("soon", 0),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_is_honoured_up_to_a_bound(
    source: TokenSource, endpoint: Any, clock: Any, *, secret_file: Path, status: int, after: str, pause: int
) -> None:
    endpoint.answers = [endpoint.error(status, "temporarily_unavailable", Retry_After=after)]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert error.value.retry_after == pause
    secret_file.write_text("another secret changes nothing", encoding="utf-8")
    if pause:
        clock.now += pause - 0.5
        with pytest.raises(TokenError, match="temporarily_unavailable"):
            source.get(API, SCOPES)
        assert endpoint.calls == 1
        clock.now += 0.5
    assert source.get(API, SCOPES).value


def test_an_error_without_a_pause_does_not_end_the_pause_of_another_call(
    source: TokenSource, endpoint: Any
) -> None:
    endpoint.hold = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        endpoint.answers = [endpoint.error(503, "busy", Retry_After="60"), endpoint.error(500, "broken")]
        calls = [threads.submit(source.get, api, SCOPES) for api in (API, OTHER_API)]
        while endpoint.calls < 2:
            endpoint.arrived.wait(0.01)
        endpoint.hold.set()
        assert {str(call.exception(10)) for call in calls} == {"busy: no", "broken: no"}
    with pytest.raises(TokenError, match="busy"):
        source.get(API, SCOPES)
    assert endpoint.calls == 2


def test_a_date_of_a_refusal_counts_from_now_if_it_names_no_other(
    source: TokenSource, answering: Callable[..., Any]
) -> None:
    source.session = answering((503, {}, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}))
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert error.value.retry_after == LONGEST_RETRY_AFTER
