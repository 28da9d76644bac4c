from typing import Any

import pytest
import requests
from calling_service.oauth_client.retry import LONGEST_RETRY_AFTER, BoundedRetry, retry_policy
from requests.adapters import HTTPAdapter
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
        (500, "0", 1),
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


def test_with_connect_only_sends_nothing_again_that_may_have_arrived(serve: Any) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response("{}", 503, {"Retry-After": "0"})

    with session_with(retry_policy(3, connect_only=True)) as session:
        assert session.post(serve(answer)).status_code == 503
    assert len(seen) == 1


def test_a_connection_that_fails_is_tried_again_and_the_error_is_raised() -> None:
    with session_with(retry_policy(1)) as session, pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:1")
