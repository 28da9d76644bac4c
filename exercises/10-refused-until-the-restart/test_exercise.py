"""A token that the API has refused is not used again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.token_source import TokenSource

AUDIENCE, SCOPES = "https://api.example", ("a",)
MINUTE = 60


@pytest.fixture
def session(api: Any, endpoint: Any, secret_file: Path, clock: Any) -> Iterator[requests.Session]:
    with requests.Session() as calls, requests.Session() as session:
        source = TokenSource(
            issuer="http://localhost:9000",
            client_id="job",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=calls,
            clock=clock,
            wall_clock=clock,
        )
        session.auth = BearerAuth(source, api_url=api.url, audience=AUDIENCE, scopes=SCOPES)
        yield session


def test_a_revoked_token_is_replaced_within_the_call(
    session: requests.Session, api: Any, endpoint: Any, clock: Any
) -> None:
    session.get(api.url)
    clock.now += MINUTE
    api.revoked.add(api.tokens[0])
    assert session.get(api.url).status_code == 200
    assert len(set(api.tokens)) == endpoint.calls == 2


def test_an_api_that_refuses_every_token_is_asked_twice_and_no_more(
    session: requests.Session, api: Any, endpoint: Any, clock: Any
) -> None:
    session.get(api.url)
    clock.now += MINUTE
    api.answers = [api.refusal(401, 'Bearer realm="x", error="invalid_token"') for _ in range(5)]
    assert session.get(api.url).status_code == 401
    assert len(api.requests) == 3
    assert endpoint.calls == 2


def test_a_good_token_is_used_for_every_call(session: requests.Session, api: Any, endpoint: Any) -> None:
    assert [session.get(api.url).status_code for _ in range(5)] == [200] * 5
    assert endpoint.calls == 1
