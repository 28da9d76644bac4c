"""A token is used until shortly before it expires, however long it lives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.token_source import TokenSource

API, SCOPES = "https://api.example", ("a",)


@pytest.fixture
def source(endpoint: Any, clock: Any, wall_clock: Any, secret_file: Path) -> Iterator[TokenSource]:
    with requests.Session() as session:
        yield TokenSource(
            issuer="http://localhost:9000",
            client_id="job",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=session,
            clock=clock,
            wall_clock=wall_clock,
        )


@pytest.mark.parametrize("life", [2, 30, 60, 61, 3600])
def test_many_calls_use_one_token(source: TokenSource, endpoint: Any, life: float) -> None:
    endpoint.lifetime = life
    assert len({source.get(API, SCOPES).value for _ in range(10)}) == 1
    assert endpoint.calls == 1


@pytest.mark.parametrize("life", [2, 60, 3600])
def test_no_token_is_used_after_it_has_expired(
    source: TokenSource, endpoint: Any, clock: Any, life: float
) -> None:
    endpoint.lifetime = life
    first = source.get(API, SCOPES)
    clock.now += life
    assert source.get(API, SCOPES) != first


@pytest.mark.parametrize("life", [60, 3600])
def test_a_token_is_renewed_before_it_expires(
    source: TokenSource, endpoint: Any, clock: Any, life: float
) -> None:
    endpoint.lifetime = life
    first = source.get(API, SCOPES)
    clock.now += life - 5
    assert source.get(API, SCOPES) != first
