"""What a token response may say (RFC 6749 5.1)."""

from typing import Any

import pytest
from calling_service.oauth_client.token_request import LONGEST_LIFE
from calling_service.oauth_client.token_source import TokenError, TokenSource
from werkzeug.wrappers import Response

API = "https://api.example"
SCOPES = ("b", "a")
NO_SECONDS: list[Any] = ["", "soon", "3600s", "-1", "0", "1e3", "٣٦٠٠", " 3600"]
NO_SECONDS += [True, False, 0, -1, float("nan"), float("inf"), [3600], {}]


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


def test_a_slow_answer_shortens_the_life_of_its_token(source: TokenSource, endpoint: Any, clock: Any) -> None:
    def slow(**_: Any) -> Response:
        clock.now += 9
        return Response('{"access_token": "t", "expires_in": 100}')

    endpoint.token = slow
    assert source.get(API, SCOPES).life == 91
