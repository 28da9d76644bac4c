import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.bearer_auth import BearerAuth, InsufficientScopeError
from calling_service.oauth_client.refused_tokens import YOUNG
from calling_service.oauth_client.token_source import Token, TokenError, TokenSource
from werkzeug.wrappers import Request, Response

AUDIENCE, SCOPES = "https://api.example", ("a",)
INVALID = 'Basic realm="b", Bearer realm="a, \\"b\\"", error="invalid_token", error_description="expired"'


@pytest.fixture
def source(endpoint: Any, secret_file: Path, clock: Any) -> Iterator[TokenSource]:
    with requests.Session() as session:
        yield TokenSource(
            issuer="i",
            client_id="c",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=session,
            clock=clock,
            wall_clock=clock,
        )


@pytest.fixture
def session(api: Any, source: TokenSource) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = BearerAuth(source, api_url=api.url, audience=AUDIENCE, scopes=SCOPES)
        yield session


@pytest.fixture
def aged(source: TokenSource, clock: Any) -> Token:
    """Return the token in the cache, which is as old as a refused token must be to be dropped."""
    token = source.get(AUDIENCE, SCOPES)
    clock.now += YOUNG
    return token


@pytest.mark.requirement("RFC 6750 2.1 client's header")
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


@pytest.mark.requirement("RFC 6750 3.1 new token")
@pytest.mark.usefixtures("aged")
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


@pytest.mark.usefixtures("aged")
def test_returns_a_second_401_to_the_caller(session: requests.Session, api: Any, endpoint: Any) -> None:
    api.answers = [api.refusal(401, INVALID), api.refusal(401, INVALID)]
    assert session.get(api.url).status_code == 401
    assert (len(api.requests), endpoint.calls) == (2, 2)


@pytest.mark.usefixtures("aged")
def test_does_not_repeat_a_body_that_cannot_be_read_again(
    session: requests.Session, api: Any, endpoint: Any
) -> None:
    api.answers = [api.refusal(401, INVALID), Response("fine"), Response("fine")]
    assert session.post(api.url, data=iter([b"once"])).status_code == 401
    assert len(api.requests) == 1
    session.get(api.url)
    assert endpoint.calls == 2  # the bad token is forgotten all the same


NO_ERROR = [
    'Bearer realm="a"',
    "Bearer",
    'Bearer error="invalid_request"',
    'Bearer error="expired_token"',
    'Basic error="invalid_token"',
    'Bearer realm="a", DPoP algs="ES256", error="invalid_token"',
    'Bearer realm="says error=invalid_token"',
    "Token",
    "",
]
INVALID_TOKEN = [
    INVALID,
    "bearer error=invalid_token",
    'Bearer scope="" error="invalid_token" error_description="the token has expired"',
    'Bearer, error="invalid_token", error_description="expired"',
    'Bearer realm="a",error="invalid_token"',
    'DPoP algs="ES256 PS256", Bearer error = "invalid_token"',
    'Bearer realm="\\"", error="invalid\\_token"',
]


@pytest.mark.usefixtures("aged")
@pytest.mark.parametrize("challenge", NO_ERROR)
def test_a_401_drops_the_token_whatever_the_challenge_but_repeats_no_request(
    session: requests.Session, api: Any, endpoint: Any, challenge: str
) -> None:
    api.answers = [api.refusal(401, challenge)]
    assert session.get(api.url).status_code == 401
    assert (len(api.requests), endpoint.calls) == (1, 1)
    assert session.get(api.url).status_code == 200
    assert (len(set(api.tokens)), endpoint.calls) == (2, 2)


@pytest.mark.requirement("RFC 9110 11.6.1 several challenges")
@pytest.mark.usefixtures("aged")
@pytest.mark.parametrize("challenge", INVALID_TOKEN)
def test_repeats_the_request_after_invalid_token_however_the_challenge_is_written(
    session: requests.Session, api: Any, endpoint: Any, challenge: str
) -> None:
    api.answers = [api.refusal(401, challenge)]
    assert session.get(api.url).status_code == 200
    assert (len(set(api.tokens)), endpoint.calls) == (2, 2)


@pytest.mark.parametrize("age", [0, YOUNG - 0.1, YOUNG])
@pytest.mark.parametrize("challenge", ["", INVALID])
def test_a_refused_token_younger_than_five_seconds_is_kept_and_the_next_401_drops_it(
    session: requests.Session, api: Any, endpoint: Any, clock: Any, *, challenge: str, age: float
) -> None:
    api.answers = [api.refusal(401, challenge) for _ in range(2)]
    assert session.get(api.url).status_code == 401
    assert (len(api.requests), endpoint.calls) == (1, 1)
    clock.now += age
    session.get(api.url)
    session.get(api.url)
    assert (len(set(api.tokens)), endpoint.calls) == (2, 2)


def test_a_new_token_counts_again_when_the_clock_of_the_api_has_caught_up(
    session: requests.Session, api: Any, endpoint: Any
) -> None:
    api.answers = [api.refusal(401, INVALID)]
    assert [session.get(api.url).status_code for _ in range(2)] == [401, 200]
    assert (len(set(api.tokens)), endpoint.calls) == (1, 1)


def test_threads_that_were_refused_together_keep_a_young_token(
    session: requests.Session, api: Any, endpoint: Any
) -> None:
    barrier = threading.Barrier(8)
    api.on_call = lambda _: barrier.wait(10)
    api.answers = [api.refusal(401, INVALID) for _ in range(8)]

    def call(_: int) -> None:
        with requests.Session() as own:
            own.get(api.url, auth=session.auth, timeout=10)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(call, range(8)))
    assert (len(set(api.tokens)), endpoint.calls) == (1, 1)


@pytest.mark.parametrize("challenge", ["", INVALID])
def test_an_api_that_refuses_every_token_causes_one_token_call_in_five_seconds(
    session: requests.Session, api: Any, endpoint: Any, clock: Any, challenge: str
) -> None:
    api.answers = [api.refusal(401, challenge) for _ in range(200)]
    for _ in range(100):
        assert session.get(api.url).status_code == 401
        clock.now += 0.5
    assert endpoint.calls <= 2 + 50 / YOUNG


@pytest.mark.usefixtures("aged")
def test_a_second_401_drops_the_second_token_if_it_is_old_too(
    session: requests.Session, source: TokenSource, api: Any, endpoint: Any, clock: Any
) -> None:
    def renew_meanwhile(_: Request) -> None:
        api.on_call = lambda _: None
        source.drop(source.get(AUDIENCE, SCOPES))
        source.get(AUDIENCE, SCOPES)
        clock.now += YOUNG

    api.on_call = renew_meanwhile
    api.answers = [api.refusal(401, INVALID), api.refusal(401, "")]
    assert session.get(api.url).status_code == 401
    assert (len(set(api.tokens)), endpoint.calls) == (2, 2)
    assert source.peek(AUDIENCE, SCOPES) is None


@pytest.mark.usefixtures("aged")
@pytest.mark.parametrize(
    ("status", "challenge"),
    [
        (400, 'Bearer error="invalid_token"'),
        (400, 'Bearer error="insufficient_scope"'),
        (403, 'Bearer error="access_denied"'),
        (403, ""),
        (407, ""),
        (503, ""),
    ],
)
def test_returns_other_refusals_to_the_caller_and_keeps_the_token(
    session: requests.Session, api: Any, endpoint: Any, status: int, challenge: str
) -> None:
    api.answers = [api.refusal(status, challenge)]
    assert session.get(api.url).status_code == status
    session.get(api.url)
    assert (len(api.requests), endpoint.calls) == (2, 1)


@pytest.mark.requirement("RFC 6750 3.1 insufficient_scope")
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
            'Bearer error="insufficient_scope", scope=""',
            frozenset(),
            "the token lacks the scope (the API names none)",
        ),
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


@pytest.mark.usefixtures("aged")
def test_raises_for_a_missing_scope_after_a_renewal_too(session: requests.Session, api: Any) -> None:
    challenge = 'Bearer error="insufficient_scope", scope="b"'
    api.answers = [api.refusal(401, INVALID), api.refusal(403, challenge)]
    with pytest.raises(InsufficientScopeError):
        session.get(api.url)


@pytest.mark.parametrize("challenge", ['Bearer error="invalid_token"', ""])
@pytest.mark.parametrize("value", [None, "the-same-each-time"])
def test_fifty_threads_with_a_401_each_make_one_token_call(
    session: requests.Session, api: Any, endpoint: Any, clock: Any, *, challenge: str, value: str | None
) -> None:
    if value:
        endpoint.answers = [endpoint.token(access_token=value, scope=None) for _ in range(60)]
    session.get(api.url)
    clock.now += YOUNG
    barrier = threading.Barrier(50)
    api.answers = [api.refusal(401, challenge) for _ in range(50)]
    first = iter(range(50))

    def meet(_: Request) -> None:
        if next(first, None) is not None:
            barrier.wait(10)

    api.on_call = meet

    def call(_: int) -> None:
        with requests.Session() as own:
            own.get(api.url, auth=session.auth, timeout=10)

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(call, range(50)))
    assert session.get(api.url).status_code == 200
    assert endpoint.calls == 2


@pytest.mark.requirement("RFC 6750 5.3 other hosts", "RFC 9700 4.9 leaked at the API")
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost/", "https://evil.example/"])
def test_refuses_to_send_to_another_host(session: requests.Session, endpoint: Any, url: str) -> None:
    with pytest.raises(ValueError, match="the token is for http://127"):
        session.get(url)
    assert endpoint.calls == 0


@pytest.mark.requirement("RFC 6750 5.3 other hosts")
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
