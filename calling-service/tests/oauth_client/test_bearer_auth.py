import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.bearer_auth import BearerAuth, InsufficientScopeError
from calling_service.oauth_client.token_source import TokenError, TokenSource
from werkzeug.wrappers import Request, Response

INVALID = 'Basic realm="b", Bearer realm="a, \\"b\\"", error="invalid_token", error_description="expired"'


@pytest.fixture
def source(endpoint: Any, secret_file: Path) -> Iterator[TokenSource]:
    with requests.Session() as session:
        yield TokenSource(
            issuer="i", client_id="c", secret_file=secret_file, token_url=endpoint.url, session=session
        )


@pytest.fixture
def session(api: Any, source: TokenSource) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = BearerAuth(source, api_url=api.url, audience="https://api.example", scopes=("a",))
        yield session


def test_sends_every_request_with_the_cached_token(
    session: requests.Session, api: Any, endpoint: Any
) -> None:
    assert [session.get(api.url).status_code for _ in range(3)] == [200] * 3
    assert endpoint.calls == len(set(api.tokens)) == 1
    assert api.tokens[0].startswith("Bearer eyJ")


def test_sends_nothing_without_a_token(session: requests.Session, api: Any, endpoint: Any) -> None:
    endpoint.answers = [endpoint.error(400, "invalid_scope")]
    with pytest.raises(TokenError, match="invalid_scope"):
        session.get(api.url)
    assert api.requests == []


@pytest.mark.parametrize("body", [b"raw", "text", io.BytesIO(b"file"), None])
def test_renews_and_sends_again_once_after_invalid_token(
    session: requests.Session, api: Any, endpoint: Any, body: Any
) -> None:
    api.answers = [api.refusal(401, INVALID), Response("fine")]
    response = session.post(api.url, data=body)
    assert (response.status_code, response.text) == (200, "fine")
    assert [first.status_code for first in response.history] == [401]
    assert endpoint.calls == len(set(api.tokens)) == 2
    assert api.requests[0].get_data() == api.requests[1].get_data()


def test_returns_a_second_401_to_the_caller(session: requests.Session, api: Any, endpoint: Any) -> None:
    api.answers = [api.refusal(401, INVALID), api.refusal(401, INVALID)]
    assert session.get(api.url).status_code == 401
    assert (len(api.requests), endpoint.calls) == (2, 2)


def test_does_not_repeat_a_body_that_cannot_be_read_again(
    session: requests.Session, api: Any, endpoint: Any
) -> None:
    api.answers = [api.refusal(401, INVALID), Response("fine"), Response("fine")]
    assert session.post(api.url, data=iter([b"once"])).status_code == 401
    assert len(api.requests) == 1
    session.get(api.url)
    assert endpoint.calls == 2  # the bad token is forgotten all the same


@pytest.mark.parametrize(
    ("status", "challenge"),
    [
        (401, 'Bearer realm="a"'),
        (401, 'Bearer error="invalid_request"'),
        (401, 'Basic error="invalid_token"'),
        (401, ""),
        (400, 'Bearer error="invalid_token"'),
        (403, 'Bearer error="access_denied"'),
        (403, ""),
        (503, ""),
    ],
)
def test_returns_other_refusals_to_the_caller(
    session: requests.Session, api: Any, endpoint: Any, status: int, challenge: str
) -> None:
    api.answers = [api.refusal(status, challenge)]
    assert session.get(api.url).status_code == status
    assert (len(api.requests), endpoint.calls) == (1, 1)


@pytest.mark.parametrize(
    ("challenge", "missing", "sentence"),
    [
        (
            'Bearer error="insufficient_scope", scope="a b c"',
            frozenset("bc"),
            "the token lacks the scope b c",
        ),
        ("bearer error=insufficient_scope, scope=b", frozenset("b"), "the token lacks the scope b"),
        ('Bearer error="insufficient_scope"', frozenset(), "the token lacks the scope (the API names none)"),
        (
            'Bearer error="insufficient_scope", scope',
            frozenset(),
            "the token lacks the scope (the API names none)",
        ),
    ],
)
def test_raises_naming_the_scope_that_the_token_lacks(
    session: requests.Session, api: Any, challenge: str, missing: frozenset[str], sentence: str
) -> None:
    api.answers = [api.refusal(403, challenge)]
    with pytest.raises(InsufficientScopeError) as error:
        session.get(api.url)
    assert (error.value.missing, str(error.value)) == (missing, sentence)
    assert len(api.requests) == 1


def test_raises_for_a_missing_scope_after_a_renewal_too(session: requests.Session, api: Any) -> None:
    challenge = 'Bearer error="insufficient_scope", scope="b"'
    api.answers = [api.refusal(401, INVALID), api.refusal(403, challenge)]
    with pytest.raises(InsufficientScopeError):
        session.get(api.url)


def test_fifty_threads_with_a_401_each_make_one_token_call(
    session: requests.Session, api: Any, endpoint: Any
) -> None:
    session.get(api.url)
    barrier, api.revoked = threading.Barrier(50), set(api.tokens)

    def meet(request: Request) -> None:
        if request.headers["Authorization"] in api.revoked:
            barrier.wait(10)

    api.on_call = meet

    def call(_: int) -> int:
        with requests.Session() as own:
            return own.get(api.url, auth=session.auth, timeout=10).status_code

    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(call, range(50))) == [200] * 50
    assert endpoint.calls == 2
    assert len(set(api.tokens)) == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost/", "https://evil.example/"])
def test_refuses_to_send_to_another_host(session: requests.Session, endpoint: Any, url: str) -> None:
    with pytest.raises(ValueError, match="the token is for http://127"):
        session.get(url)
    assert endpoint.calls == 0


def test_the_token_does_not_follow_a_redirect_to_another_host(
    session: requests.Session, api: Any, endpoint: Any, serve: Any
) -> None:
    seen: list[Request] = []

    def other(request: Request) -> Response:
        seen.append(request)
        return Response("{}", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})

    api.answers = [Response("", 307, {"Location": serve(other) + "/stolen"})]
    assert session.get(api.url).status_code == 401
    assert [request.headers.get("Authorization") for request in seen] == [None]
    assert endpoint.calls == 1


@pytest.mark.parametrize(
    ("trust_env", "schemes"), [(True, ["Bearer", "Basic"]), (False, ["Bearer", "Bearer"])]
)
def test_without_trust_env_no_netrc_replaces_the_token_on_a_redirect(
    session: requests.Session,
    api: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    trust_env: bool,
    schemes: list[str],
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    session.trust_env = trust_env
    api.answers = [Response("", 307, {"Location": api.url + "/elsewhere"}), Response("fine")]
    assert session.get(api.url).text == "fine"
    assert [value.partition(" ")[0] for value in api.tokens] == schemes, "the first is what requests does"
