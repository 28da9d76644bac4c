import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import certifi
import pytest
import requests
from calling_service.oauth_client.back_off import REFUSED
from calling_service.oauth_client.token_request import (
    LONGEST_LIFE,
    LONGEST_RETRY_AFTER,
    find_token_endpoint,
)
from calling_service.oauth_client.token_source import RENEWAL_RETRY, TokenError, TokenSource
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.wrappers import Request, Response

API, OTHER_API, SCOPES = "https://api.example", "https://other.example", ("b", "a")


@pytest.fixture
def source(endpoint: Any, clock: Any, wall_clock: Any, secret_file: Path) -> Iterator[TokenSource]:
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


NO_SECONDS: list[Any] = ["", "soon", "3600s", "-1", "0", "1e3", "٣٦٠٠", " 3600"]
NO_SECONDS += [True, False, 0, -1, float("nan"), float("inf"), [3600], {}]


class Answering(requests.Session):
    """A session that sends nothing and gets this answer."""

    def __init__(self, answer: Callable[[], str]) -> None:
        super().__init__()
        self._answer = answer

    def request(self, *_: Any, **__: Any) -> requests.Response:
        """Return the answer."""
        response = requests.Response()
        response.status_code = 200
        response._content = self._answer().encode()
        return response


def in_threads(number: int, work: Callable[[], Any]) -> list[Any]:
    """Do the work in several threads that begin at the same moment; return results or errors."""
    barrier = threading.Barrier(number)

    def begin() -> Any:
        barrier.wait(10)
        try:
            return work()
        except TokenError as error:
            return error

    with ThreadPoolExecutor(number) as threads:
        return [each.result(10) for each in [threads.submit(begin) for _ in range(number)]]


@pytest.mark.requirement("RFC 6749 2.3.1 form-encoded", "RFC 6749 3.2 POST", "RFC 6749 4.4.2 grant type")
def test_authenticates_with_form_encoded_basic_credentials(source: TokenSource, endpoint: Any) -> None:
    source.get(API, SCOPES)
    request = endpoint.requests[0]
    assert request.form.to_dict() == {"grant_type": "client_credentials", "audience": API, "scope": "a b"}
    assert unquote_plus(request.authorization.username) == "job:1 ü"
    assert unquote_plus(request.authorization.password) == endpoint.secret
    assert ":" not in request.authorization.username


@pytest.mark.requirement("RFC 8707 2 client")
def test_names_the_api_as_the_server_wants_it(source: TokenSource, endpoint: Any) -> None:
    source.audience_parameter = "resource"
    source.get(API, SCOPES)
    form = endpoint.requests[0].form.to_dict()
    assert form == {"grant_type": "client_credentials", "resource": API, "scope": "a b"}


def test_keeps_a_token_until_sixty_seconds_before_its_expiry(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    first = source.get(API, SCOPES)
    clock.now += 3600 - 60.1
    assert source.get(API, reversed(SCOPES)) is first
    clock.now += 0.2
    assert source.get(API, SCOPES) is not first
    assert endpoint.calls == 2


def test_renews_a_short_lived_token_at_half_of_its_life(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    endpoint.lifetime = 2
    first = source.get(API, SCOPES)
    clock.now += 0.9
    assert source.get(API, SCOPES) is first
    clock.now += 0.2
    assert source.get(API, SCOPES) is not first


@given(life=st.floats(0.01, 1e8), jitter=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_renews_before_expiry_whatever_life_and_jitter(secret_file: Path, life: float, jitter: float) -> None:
    body = json.dumps({"access_token": "t", "token_type": "bearer", "expires_in": life})
    source = TokenSource(
        issuer="i",
        client_id="c",
        secret_file=secret_file,
        token_url="https://as.example/token",
        session=Answering(lambda: body),
        clock=lambda: 0.0,
        wall_clock=lambda: 0.0,
        jitter=lambda: jitter,
    )
    token = source.get(API, ())
    lead = min(60, life / 2)
    assert life - 1.1 * lead - 1e-6 <= token.renew_after <= life - lead + 1e-6 < token.life == life


def test_renews_with_the_parameters_of_the_first_call(source: TokenSource, endpoint: Any, clock: Any) -> None:
    source.get(API, SCOPES)
    clock.now += 3599
    source.get(API, SCOPES)
    assert endpoint.requests[0].form == endpoint.requests[1].form


def test_keeps_tokens_apart_by_audience_and_scopes(source: TokenSource, endpoint: Any) -> None:
    tokens = {source.get(api, scopes).value for api in (API, OTHER_API) for scopes in (SCOPES, ("a",))}
    assert len(tokens) == endpoint.calls == 4


def test_fifty_threads_at_a_cold_start_make_one_call(source: TokenSource, endpoint: Any) -> None:
    endpoint.hold = threading.Event()
    threading.Thread(target=lambda: endpoint.arrived.wait(10) and endpoint.hold.set()).start()
    tokens = in_threads(50, lambda: source.get(API, SCOPES))
    assert endpoint.calls == 1
    assert {token.value for token in tokens} == {tokens[0].value}


def test_fifty_threads_at_renewal_make_one_call_and_do_not_wait_for_it(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    old = source.get(API, SCOPES)
    clock.now += 3600 - 30
    endpoint.arrived.clear()
    endpoint.hold = threading.Event()
    with ThreadPoolExecutor(1) as one:
        leader = one.submit(source.get, API, SCOPES)
        assert endpoint.arrived.wait(10)
        assert in_threads(50, lambda: source.get(API, SCOPES)) == [old] * 50
        endpoint.hold.set()
        new = leader.result(10)
    assert new != old
    assert in_threads(50, lambda: source.get(API, SCOPES)) == [new] * 50
    assert endpoint.calls == 2


def test_only_threads_that_wait_get_the_error(source: TokenSource, endpoint: Any) -> None:
    endpoint.hold = threading.Event()
    endpoint.answers = [endpoint.error(500, "server_error")]
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(source.get, API, SCOPES) for _ in range(2)]
        assert endpoint.arrived.wait(10)
        endpoint.hold.set()
        errors = [call.exception(10) for call in waiting]
    assert str(errors[0]) == "server_error: no"
    assert source.get(API, SCOPES).value


def test_a_failed_renewal_leaves_the_valid_token_in_use_and_is_tried_again_later(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    old = source.get(API, SCOPES)
    clock.now += 3600 - 30
    endpoint.answers = [endpoint.error(500, "server_error")]
    assert source.get(API, SCOPES) is old
    assert source.get(API, SCOPES).value == old.value
    assert endpoint.calls == 2
    clock.now += RENEWAL_RETRY
    assert source.get(API, SCOPES).value != old.value
    endpoint.answers = [endpoint.error(500, "server_error")]
    clock.now += 3600
    with pytest.raises(TokenError, match="server_error"):
        source.get(API, SCOPES)


def test_a_token_dropped_while_its_renewal_fails_is_not_used(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    old = source.get(API, SCOPES)
    clock.now += 3600 - 30
    endpoint.arrived.clear()
    endpoint.hold = threading.Event()
    endpoint.answers = [endpoint.error(500, "server_error")]
    with ThreadPoolExecutor(1) as one:
        leader = one.submit(source.get, API, SCOPES)
        assert endpoint.arrived.wait(10)
        source.drop(old)
        endpoint.hold.set()
        assert isinstance(leader.exception(10), TokenError)


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


@pytest.mark.requirement("RFC 6749 10.14 input")
@pytest.mark.requirement("RFC 6749 3.3 issued scope", "RFC 6749 7.1 unknown type")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"access_token": None}, "bad_response: the token response has no usable access_token"),
        ({"access_token": "a\r\nX: y"}, "bad_response: the token response has no usable access_token"),
        ({"access_token": 5}, "bad_response: the token response has no usable access_token"),
        ({"access_token": ""}, "bad_response: the token response has no usable access_token"),
        ({"access_token": "a b"}, "bad_response: the token response has no usable access_token"),
        ({"access_token": "a\n"}, "bad_response: the token response has no usable access_token"),
        ({"access_token": "ü"}, "bad_response: the token response has no usable access_token"),
        ({"token_type": "DPoP"}, "bad_response: the token response's token_type is not Bearer"),
        ({"token_type": "mac"}, "bad_response: the token response's token_type is not Bearer"),
        ({"token_type": ["Bearer"]}, "bad_response: the token response's token_type is not Bearer"),
        *(
            (
                {"expires_in": value},
                "bad_response: the token response's expires_in is not a number of seconds above 0",
            )
            for value in NO_SECONDS
        ),
        ({"scope": "b c"}, "missing_scope: the token lacks the scope a"),
        ({"scope": ""}, "missing_scope: the token lacks the scope a b"),
    ],
)
def test_refuses_a_token_response_that_is_not_what_was_asked_for(
    source: TokenSource, endpoint: Any, changes: dict[str, Any], sentence: str
) -> None:
    endpoint.answers = [endpoint.token(**changes)]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == sentence
    assert source.peek(API, SCOPES) is None


@pytest.mark.requirement("RFC 6749 5.1 unknown members")
def test_accepts_a_response_with_unknown_members(source: TokenSource, endpoint: Any) -> None:
    endpoint.answers = [endpoint.token(issued_token_type="x", ext_expires_in=[], id_token={"a": None})]
    assert source.get(API, SCOPES).scopes == {"a", "b"}


def test_accepts_a_response_without_scope(source: TokenSource, endpoint: Any) -> None:
    endpoint.answers = [endpoint.token(scope=None)]
    assert source.get(API, SCOPES).scopes == {"a", "b"}


@pytest.mark.requirement("RFC 6749 5.1 token type")
@pytest.mark.parametrize("token_type", ["bEARER", "bearer", "BearerToken", "", None])
def test_accepts_bearer_in_any_case_and_a_type_that_is_left_out(
    source: TokenSource, endpoint: Any, token_type: str | None
) -> None:
    endpoint.answers = [endpoint.token(token_type=token_type)]
    assert source.get(API, SCOPES).value


@pytest.mark.requirement("RFC 6749 5.1 sizes", "RFC 9068 6 opaque")
@pytest.mark.parametrize("value", ["00D5e000!AQcAQH.x_y", "7|Xz81", "a:b,c;d=e%20'\"\\{}<>", "a"])
def test_accepts_a_token_of_any_visible_characters(source: TokenSource, endpoint: Any, value: str) -> None:
    endpoint.answers = [endpoint.token(access_token=value)]
    assert source.get(API, SCOPES).value == value


@pytest.mark.parametrize(
    ("expires_in", "life"),
    [("3599", 3599), (3599.5, 3599.5), ("3599.5", 3599.5), (1, 1), (2147483647, 2147483647), (None, 300)],
)
def test_reads_the_life_as_a_number_or_as_digits_and_has_a_short_one_where_none_is_said(
    source: TokenSource, endpoint: Any, clock: Any, *, expires_in: Any, life: float
) -> None:
    endpoint.answers = [endpoint.token(expires_in=expires_in)]
    token = source.get(API, SCOPES)
    assert token.life == life
    clock.now += life - 0.1
    assert source.peek(API, SCOPES) is token
    clock.now += 0.1
    assert source.peek(API, SCOPES) is None


@pytest.mark.parametrize("expires_in", [9223372036854775, 10**12, 1e12, "9" * 20, "9" * 400])
def test_a_token_that_never_expires_is_one_with_a_long_life(
    source: TokenSource, endpoint: Any, *, expires_in: Any
) -> None:
    endpoint.answers = [endpoint.token(expires_in=expires_in)]
    assert source.get(API, SCOPES).life == LONGEST_LIFE


def test_the_life_that_is_assumed_is_a_setting_and_null_counts_as_left_out(
    source: TokenSource, endpoint: Any
) -> None:
    source.default_life = 7
    body = '{"access_token": "t", "token_type": "Bearer", "expires_in": null}'
    endpoint.answers = [Response(body)]
    assert source.get(API, SCOPES).life == 7


def test_an_empty_audience_or_scope_is_left_out(source: TokenSource, endpoint: Any) -> None:
    source.get("", ())
    assert endpoint.requests[0].form.to_dict() == {"grant_type": "client_credentials"}


@pytest.mark.parametrize(("slept", "monotonic"), [(3600, 0), (0, 3600), (3600, 3600), (7200, -1000)])
def test_a_token_has_expired_when_either_clock_says_so(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any, *, slept: float, monotonic: float
) -> None:
    first = source.get(API, SCOPES)
    wall_clock.now += slept
    clock.now += monotonic
    assert source.peek(API, SCOPES) is None
    assert source.get(API, SCOPES).value != first.value
    assert endpoint.calls == 2


@pytest.mark.parametrize(("renewal", "calls"), [(3539, 1), (3541, 2)])
def test_a_token_is_renewed_before_its_expiry_by_the_wall_clock_too(
    source: TokenSource, endpoint: Any, wall_clock: Any, *, renewal: float, calls: int
) -> None:
    source.get(API, SCOPES)
    wall_clock.now += renewal
    source.get(API, SCOPES)
    assert endpoint.calls == calls


@pytest.mark.parametrize("change", [-86400, -3600, -1, 1, 3000])
def test_a_wall_clock_that_is_set_neither_revives_a_token_nor_costs_a_good_one(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any, *, change: float
) -> None:
    first = source.get(API, SCOPES)
    wall_clock.now += change
    assert source.get(API, SCOPES) is first
    clock.now += 3600
    wall_clock.now += 3600
    assert source.peek(API, SCOPES) is None
    source.get(API, SCOPES)
    assert endpoint.calls == 2


def test_a_wall_clock_that_jumps_to_and_fro_costs_one_renewal(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any
) -> None:
    for _ in range(20):
        for jump in (86400, -86400):
            source.get(API, SCOPES)
            wall_clock.now += jump
            clock.now += 1
    assert endpoint.calls == 2


def test_both_clocks_set_back_as_by_a_snapshot_on_another_host_make_no_token_good(
    source: TokenSource, endpoint: Any, clock: Any, wall_clock: Any
) -> None:
    first = source.get(API, SCOPES)
    clock.now -= 500
    wall_clock.now -= 500
    assert source.peek(API, SCOPES) is None
    assert source.drop_refused(first, again=False)
    assert source.get(API, SCOPES).value != first.value
    assert endpoint.calls == 2


def test_a_slow_answer_shortens_the_life_of_its_token(source: TokenSource, clock: Any) -> None:
    def slow() -> str:
        clock.now += 9
        return '{"access_token": "t", "expires_in": 100}'

    source.session = Answering(slow)
    assert source.get(API, SCOPES).life == 91


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (500, "<html>", "bad_response: HTTP 500 without a usable body"),
        (200, "[1]", "bad_response: HTTP 200 without a usable body"),
        (200, "", "bad_response: HTTP 200 without a usable body"),
        (200, "[" * 100_000, "bad_response: HTTP 200 without a usable body"),
        (200, '{"expires_in": ' + "9" * 5000 + "}", "bad_response: HTTP 200 without a usable body"),
        (302, "", "bad_response: HTTP 302 without a usable body"),
        (400, '{"error": "invalid_scope\\u001b[31m", "error_description": 7}', "invalid_scope[31m: 7"),
        (400, '{"error": "\\ud800", "error_description": "no"}', "bad_response: no"),
    ],
)
def test_the_error_repeats_the_servers_words_without_control_characters(
    source: TokenSource, endpoint: Any, status: int, body: str, sentence: str
) -> None:
    endpoint.answers = [Response(body, status, {"Location": "http://127.0.0.1:1/"})]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == sentence


def test_never_repeats_the_credential_that_a_server_echoes(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    secret_file.write_text("echo-mé", encoding="utf-8")
    endpoint.answers = [endpoint.error(400, "echo-mé", "secret echo-mé is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "***: secret *** is wrong"


def test_never_repeats_a_part_of_the_credential_as_http_basic_has_it(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    secret_file.write_text("a+b/c==")
    endpoint.answers = [endpoint.error(400, "odd", "a%2Bb%2Fc%3D%3D, which is a+b/c==, is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "odd: ***, which is ***, is wrong"


def test_never_repeats_the_authorization_header_that_a_gateway_echoes(
    source: TokenSource, endpoint: Any
) -> None:
    def echo(**_: Any) -> Response:
        sent = endpoint.requests[-1].headers["Authorization"]
        return Response(json.dumps({"message": f"no equal-sign in '{sent}'"}), 403)

    endpoint.token = echo
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "bad_response: no equal-sign in 'Basic ***'"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty; write the credential into it"),
        (b"\xff", "is not in UTF-8, but perhaps in UTF-16; save it in UTF-8"),
        (b"secret\r\nanother\r\n", "holds more than a secret in one line"),
        (b"sec\tret", "holds more than a secret in one line"),
    ],
)
def test_the_error_names_the_secret_file_that_cannot_be_used(
    source: TokenSource, endpoint: Any, secret_file: Path, *, content: bytes, fault: str
) -> None:
    secret_file.write_bytes(content)
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == f"no_credential: {secret_file} {fault}"
    assert endpoint.calls == 0


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


@pytest.mark.parametrize("gone", [None, b"", b"\r\n"])
def test_a_secret_file_that_is_missing_or_empty_while_it_is_replaced_costs_no_valid_token(
    source: TokenSource, endpoint: Any, clock: Any, *, secret_file: Path, gone: bytes | None
) -> None:
    first = source.get(API, SCOPES)
    secret_file.unlink() if gone is None else secret_file.write_bytes(gone)
    clock.now += 3600 - 30
    assert source.get(API, SCOPES).value == first.value
    assert endpoint.calls == 1
    secret_file.write_bytes(b"new")
    clock.now += RENEWAL_RETRY
    assert source.get(API, SCOPES).value != first.value
    assert endpoint.requests[1].authorization.password == "new"


def test_after_a_file_without_a_credential_the_next_call_reads_it_again(
    source: TokenSource, secret_file: Path
) -> None:
    secret_file.write_bytes(b"")
    with pytest.raises(TokenError, match="no_credential"):
        source.get(API, SCOPES)
    secret_file.write_bytes(b"new")
    assert source.get(API, SCOPES).value


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/oauth/token", "ConnectionError"),
        ("https://[", "InvalidURL"),
        ("https:", "InvalidURL"),
    ],
)
def test_the_error_names_the_server_that_did_not_answer(source: TokenSource, url: str, why: str) -> None:
    source.token_url = url
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == f"unreachable: {url} did not answer ({why})"


def test_a_netrc_file_does_not_replace_the_credentials(
    source: TokenSource, endpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    source.get(API, SCOPES)
    assert endpoint.requests[0].authorization.password != "other"


@pytest.mark.requirement("RFC 6749 10.3 confidential tokens")
def test_a_repr_shows_neither_token_nor_secret(source: TokenSource, endpoint: Any) -> None:
    token = source.get(API, SCOPES)
    assert token.value not in repr(token)
    assert endpoint.secret not in repr(source)


def test_an_interrupt_releases_waiting_threads(source: TokenSource) -> None:
    class InterruptedSession(requests.Session):
        def request(self, *_: Any, **__: Any) -> requests.Response:
            raise KeyboardInterrupt

    session = source.session
    source.session = InterruptedSession()
    with pytest.raises(KeyboardInterrupt):
        source.get(API, SCOPES)
    source.session = session
    assert source.get(API, SCOPES).value


@pytest.mark.requirement("RFC 8414 3 GET", "RFC 8414 3.1 path", "RFC 9700 2.6 metadata")
@pytest.mark.parametrize("path", ["", "/tenant/one", "/X"])
def test_finds_the_token_endpoint_in_the_issuers_metadata_at_each_call(
    source: TokenSource, endpoint: Any, serve: Any, path: str
) -> None:
    asked = []

    def metadata(request: Request) -> Response:
        asked.append(request.path)
        return Response(json.dumps({"issuer": source.issuer, "token_endpoint": endpoint.url}))

    source.token_url, source.issuer = None, serve(metadata) + path
    source.get(API, SCOPES)
    endpoint.url = endpoint.url.replace("127.0.0.1", "localhost")
    source.get(OTHER_API, SCOPES)
    assert asked == ["/.well-known/oauth-authorization-server" + path] * 2
    assert [request.host.partition(":")[0] for request in endpoint.requests] == ["127.0.0.1", "localhost"]


@pytest.mark.parametrize("path", ["", "/", "/tenants/acme"])
def test_finds_it_in_metadata_that_is_published_as_openid_connect_has_it(
    source: TokenSource, endpoint: Any, serve: Any, path: str
) -> None:
    asked = []

    def metadata(request: Request) -> Response:
        asked.append(request.path)
        if "openid" not in request.path:
            return Response("Not Found", 404)
        return Response(json.dumps({"issuer": source.issuer, "token_endpoint": endpoint.url}))

    source.token_url = None
    source.issuer = serve(metadata) + path
    source.get(API, SCOPES)
    path = path.rstrip("/")
    assert asked == [
        f"/.well-known/oauth-authorization-server{path}",
        f"{path}/.well-known/openid-configuration",
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_asks_a_server_only_once_that_is_busy(source: TokenSource, serve: Any, status: int) -> None:
    asked = []

    def metadata(request: Request) -> Response:
        asked.append(request.path)
        return Response("", status, {"Retry-After": "2"})

    source.token_url = None
    source.issuer = serve(metadata)
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert (error.value.status, error.value.retry_after, len(asked)) == (status, 2, 1)


@pytest.mark.requirement("RFC 8414 3.3 same issuer")
@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "http://other", "token_endpoint": "https://other/token"},
        {"issuer": "ISSUER/", "token_endpoint": "https://other/token"},
        {"issuer": "ISSUER"},
        {"issuer": "ISSUER", "token_endpoint": "file:///token"},
        {"issuer": "ISSUER", "token_endpoint": ["https://other/token"]},
    ],
)
def test_refuses_metadata_of_another_issuer_or_without_endpoint(
    source: TokenSource, endpoint: Any, serve: Any, metadata: dict[str, str]
) -> None:
    source.token_url = None
    source.issuer = serve(lambda _: Response(json.dumps(metadata).replace("ISSUER", source.issuer)))
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert (
        str(error.value) == f"bad_metadata: the metadata is not {source.issuer}'s, or has no token_endpoint"
    )
    assert endpoint.calls == 0


def test_the_error_repeats_the_answer_of_the_metadata_endpoint(
    source: TokenSource, endpoint: Any, serve: Any
) -> None:
    source.token_url = None
    source.issuer = serve(lambda _: endpoint.error(404, "not_found", "no metadata here"))
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert (str(error.value), error.value.status) == ("not_found: no metadata here", 404)


@pytest.mark.requirement("RFC 6749 10.9 certificates", "RFC 6750 5.3 certificates", "RFC 8414 6.1 TLS")
def test_trusts_the_cas_of_its_session_whatever_the_environment_names(
    source: TokenSource,
    serve: Any,
    endpoint: Any,
    *,
    certificate: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca_file, context = certificate
    source.token_url = serve(endpoint, context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    with pytest.raises(TokenError, match="SSLError"):
        source.get(API, SCOPES)
    source.session.verify = str(ca_file)
    assert source.get(API, SCOPES).value


def test_every_thread_that_waits_gets_the_error_and_no_token(source: TokenSource, endpoint: Any) -> None:
    """Each waits for the same call: the first thread is in it when the others come."""
    endpoint.hold = threading.Event()
    endpoint.answers = [endpoint.error(500, "server_error")]
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(source.get, API, SCOPES)
        assert endpoint.arrived.wait(10)
        (pending,) = source._pending.values()
        endpoint.hold.set()
        assert isinstance(first.exception(10), TokenError)
    assert isinstance(pending.exception(10), TokenError)


def test_masks_the_longer_form_of_a_credential_before_a_shorter_one_in_it(
    source: TokenSource, endpoint: Any, secret_file: Path
) -> None:
    secret_file.write_text("pass%")
    endpoint.answers = [endpoint.error(400, "odd", "pass%25 is wrong")]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert str(error.value) == "odd: *** is wrong"


def test_cuts_off_a_long_error(source: TokenSource, endpoint: Any) -> None:
    endpoint.answers = [endpoint.error(400, "odd", "x" * 1000)]
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert error.value.description == "x" * 300


def test_keeps_no_connection_to_the_token_endpoint(source: TokenSource, endpoint: Any) -> None:
    source.get(API, SCOPES)
    assert endpoint.requests[0].headers["Connection"] == "close"


class Recorded(requests.Session):
    """A session that sends nothing, gets these answers, and keeps what it was asked to send."""

    def __init__(self, *answers: requests.Response) -> None:
        super().__init__()
        self._answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def request(self, *sent: Any, **options: Any) -> requests.Response:
        """Return the next answer."""
        self.calls.append((sent[0], options))
        return self._answers.pop(0)


def answer_of(status: int, document: dict[str, Any], **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps(document).encode()
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    response.request = requests.Request("GET", API).prepare()
    return response


@pytest.mark.requirement("RFC 8414 3 GET")
@pytest.mark.parametrize("endpoint_url", ["http://localhost:1/token", "https://localhost/token"])
def test_asks_for_metadata_with_its_timeout_and_takes_the_endpoint_of_clients_without_a_certificate(
    endpoint_url: str,
) -> None:
    metadata: dict[str, Any] = {"issuer": "http://localhost:1", "token_endpoint": endpoint_url}
    metadata |= {"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.example/token"}}
    session = Recorded(answer_of(404, {}), answer_of(200, metadata))
    assert find_token_endpoint(session, "http://localhost:1", (1, 2)) == endpoint_url
    assert [(method, options["timeout"]) for method, options in session.calls] == [("GET", (1, 2))] * 2


def test_a_source_asks_for_metadata_with_its_own_timeout(source: TokenSource) -> None:
    session = Recorded(answer_of(503, {}))
    source.token_url, source.session, source.timeout = None, session, (1, 2)
    with pytest.raises(TokenError):
        source.get(API, SCOPES)
    assert session.calls[0][1]["timeout"] == (1, 2)


def test_a_date_of_a_refusal_counts_from_now_if_it_names_no_other(source: TokenSource) -> None:
    source.session = Recorded(answer_of(503, {}, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"))
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert error.value.retry_after == LONGEST_RETRY_AFTER
