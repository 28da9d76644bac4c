import time
from typing import Any

import pytest
import requests
from calling_service.oauth_client.retry import LONGEST_RETRY_AFTER, BoundedRetry, retry_after, retry_policy
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.exceptions import MaxRetryError
from werkzeug.wrappers import Request, Response


def session_with(policy: BoundedRetry) -> requests.Session:
    session = requests.Session()
    session.mount("http://", HTTPAdapter(max_retries=policy))
    return session


@pytest.mark.parametrize(
    ("status", "retry_after", "calls"),
    [
        (503, "0", 2),
        (429, "0", 2),
        (503, "soon", 2),
        (503, str(LONGEST_RETRY_AFTER + 1), 1),
        (503, "9" * 400, 1),
        (503, "Sun, 06 Nov 1994 08:49:37 GMT", 2),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", 1),
        (500, "0", 1),
        (502, "0", 1),
        (504, "0", 1),
        (400, "0", 1),
    ],
)
def test_sends_again_what_an_overloaded_server_refuses_unless_it_asks_for_a_long_pause(
    serve: Any, status: int, retry_after: str, calls: int
) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response("{}", status, {"Retry-After": retry_after})

    with session_with(retry_policy(1)) as session:
        assert session.post(serve(answer)).status_code == status
    assert len(seen) == calls


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_sends_a_repeatable_call_again_also_if_only_a_gateway_has_answered(serve: Any, status: int) -> None:
    answers = [Response("", status), Response("fine")]
    with session_with(retry_policy(1, repeatable=True)) as session:
        assert session.post(serve(lambda _: answers.pop(0))).text == "fine"


def test_a_connection_that_fails_is_tried_again_and_the_error_is_raised() -> None:
    with session_with(retry_policy(1)) as session, pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:1")


AT = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.requirement("RFC 9110 10.2.3 Retry-After")
@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("9" * 400, float("inf")),
        ("Sun, 06 Nov 1994 08:49:44 GMT", 7),
        ("Sunday, 06-Nov-94 08:49:44 GMT", 7),
        ("Sun Nov  6 08:49:44 1994", 7),
        ("Sun, 06 Nov 1994 10:49:37 +0100", 3600),
        (AT, 0),
        ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        *((garbage, 0) for garbage in ("", "soon", "²", "-1", "1.", ".5", "7 s", "1994-11-06T08:49:44Z")),
        ("Sun, 99 Nov 1994 08:49:37 GMT", 0),
        ("Sun, 06 Nov 1994 08:49:37 +9999999999999999", 0),
    ],
)
@pytest.mark.parametrize(("date", "now"), [(AT, 0.0), ("", 784111777.0), ("today", 784111777.0)])
def test_retry_after_is_a_number_of_seconds_or_a_date_that_counts_from_the_answers_own(
    *, value: str, pause: float, date: str, now: float
) -> None:
    assert retry_after({"Retry-After": value, "Date": date}, now) == pause


@given(
    st.one_of(
        st.text(st.characters(codec="latin-1")),
        st.from_regex(r"Sun, \d+ Nov \d+ \d+:\d+:\d+ [+-]?\d*", fullmatch=True),
    )
)
def test_whatever_a_server_sends_is_a_pause_or_none(value: str) -> None:
    assert retry_after({"Retry-After": value}, 0.0) >= 0


def test_without_retry_after_there_is_no_pause() -> None:
    assert retry_after({}, 0.0) == 0


def test_a_date_in_asctimes_form_is_no_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after({"Retry-After": "Sun Nov  6 08:49:44 1994", "Date": AT}, 0.0) == 7
    finally:
        monkeypatch.undo()
        time.tzset()


def answer(retry_after: str) -> HTTPResponse:
    return HTTPResponse(status=503, headers={"Retry-After": retry_after}, request_url="/a")


def test_the_longest_pause_that_is_kept_is_not_too_long() -> None:
    left = retry_policy(1).increment("GET", "/a", response=answer(str(LONGEST_RETRY_AFTER)), _pool=None)
    assert left.total == 0


def test_the_error_of_a_longer_pause_says_what_was_asked() -> None:
    pool = HTTPConnectionPool("localhost")
    with pytest.raises(MaxRetryError) as error:
        retry_policy(1).increment("GET", "/a", response=answer(str(LONGEST_RETRY_AFTER + 1)), _pool=pool)
    assert (error.value.pool, error.value.url) == (pool, "/a")
    assert str(error.value.reason) == "Retry-After is too long"


def test_a_date_counts_from_now_if_the_answer_has_none() -> None:
    pause = retry_policy(1).get_retry_after(answer("Fri, 31 Dec 9999 23:59:59 GMT"))
    assert pause
    assert pause > LONGEST_RETRY_AFTER


def test_the_second_try_comes_at_once_and_each_later_one_after_a_longer_pause() -> None:
    policy, pauses = retry_policy(3), []
    for _ in range(3):
        policy = policy.increment("GET", "/a", response=answer("0"), _pool=None)
        pauses.append(policy.get_backoff_time())
    assert pauses == [0, 1, 2]
