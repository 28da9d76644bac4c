"""A token source with its own stand-ins, and a session that sends nothing."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.token_source import TokenSource


@pytest.fixture
def source(endpoint: Any, clock: Any, wall_clock: Any, secret_file: Path) -> Iterator[TokenSource]:
    """Yield a source with the test's clocks, whose renewals do not vary."""
    with requests.Session() as session:
        yield TokenSource(
            issuer="http://localhost:9000",
            client_id="job:1 ü",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=session,
            clock=clock,
            wall_clock=wall_clock,
            jitter=lambda: 0.0,
        )


class Answering(requests.Session):
    """A session that sends nothing, gets these answers, and keeps what it was asked to send."""

    def __init__(self, answers: Iterable[requests.Response]) -> None:
        super().__init__()
        self._answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def request(self, *sent: Any, **options: Any) -> requests.Response:
        """Return the next answer."""
        self.calls.append((sent[0], options))
        return self._answers.pop(0)


def _answer(
    status: int, document: dict[str, Any], headers: dict[str, str] | None = None
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(document).encode()
    response.headers.update(headers or {})
    response.request = requests.Request("GET", "https://as.example").prepare()
    return response


@pytest.fixture(scope="session")
def answering() -> Callable[..., Answering]:
    """Return what makes a session with these answers, each a status, a document and perhaps headers."""
    return lambda *answers: Answering(_answer(*answer) for answer in answers)
