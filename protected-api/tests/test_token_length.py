"""Tokens up to MAX_TOKEN_LENGTH are served, although gunicorn limits the length of a header line itself."""

import signal
from collections.abc import Callable
from typing import Any

import pytest


def token_of(issuer: Any, length: int) -> str:
    """Return a good token of exactly this many characters."""
    for more in range(4):  # a base64url part cannot have every length, but two can together
        header = {"x": "x" * more}
        shortest = len(issuer.token(header, padding=""))
        for padding in range((length - shortest) * 3 // 4 - 3, (length - shortest) * 3 // 4 + 4):
            token: str = issuer.token(header, padding="x" * padding)
            if len(token) == length:
                return token
    raise AssertionError(length)


@pytest.mark.long
@pytest.mark.parametrize("limit", [1024, 8167, 8190, 60000])
def test_serves_tokens_up_to_the_limit(start_workers: Callable[..., Any], issuer: Any, limit: int) -> None:
    """Gunicorn's own limit, 8190 characters a line, is reached by a token of 8167."""
    workers = start_workers(MAX_TOKEN_LENGTH=str(limit))
    assert [workers.status(token_of(issuer, limit + more)) for more in (0, 1)] == [200, refused(limit)]


def refused(limit: int) -> int:
    """Return 401, the answer of the API; above its line limit, gunicorn answers 431 first."""
    return 401 if limit + 1 <= 8166 else 431


def test_does_not_lower_what_gunicorn_lets_through(start_workers: Callable[..., Any], issuer: Any) -> None:
    workers = start_workers()
    assert [workers.status(token_of(issuer, length)) for length in (4096, 4097, 8166)] == [200, 401, 401]


@pytest.mark.long
def test_serves_long_tokens_after_a_reload_and_with_a_lower_option(
    start_workers: Callable[..., Any], issuer: Any, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    """SIGHUP makes gunicorn read its options again, and start new workers."""
    workers = start_workers(MAX_TOKEN_LENGTH="20000", options="--limit-request-field_size 5000")
    token = token_of(issuer, 20000)
    assert workers.status(token) == 200
    workers.master.send_signal(signal.SIGHUP)
    eventually(lambda: workers.log.read_bytes().count(b"Booting worker") == 4)
    eventually(lambda: workers.log.read_bytes().count(b"Worker exiting") == 2)
    assert {workers.status(token) for _ in range(20)} == {200}
