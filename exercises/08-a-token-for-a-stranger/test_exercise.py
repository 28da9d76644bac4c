"""The token goes to the host of the API, and to no other."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.token_source import TokenSource

STRANGERS = [
    "http://attacker.example/",
    "http://api.example.attacker.example/",
    "http://api.example@attacker.example/",
    "http://api.example-attacker.example/timesheets",
    "http://api.example:8080/",
]


@pytest.fixture
def auth(endpoint: Any, secret_file: Path) -> Iterator[BearerAuth]:
    with requests.Session() as session:
        source = TokenSource(
            issuer="http://localhost:9000",
            client_id="job",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=session,
        )
        yield BearerAuth(source, api_url="http://api.example", audience="http://api.example", scopes=("a",))


@pytest.mark.parametrize("url", STRANGERS)
def test_sends_no_token_to_another_host(auth: BearerAuth, url: str) -> None:
    request = requests.Request("GET", url).prepare()
    with suppress(ValueError):  # it may raise, or send the request without a token
        auth(request)
    assert "eyJ" not in request.headers.get("Authorization", "")


@pytest.mark.parametrize("url", ["http://api.example/timesheets?cursor=2", "http://API.example/timesheets"])
def test_sends_the_token_to_the_api(auth: BearerAuth, url: str) -> None:
    request = requests.Request("GET", url).prepare()
    assert auth(request).headers["Authorization"].startswith("Bearer eyJ")
