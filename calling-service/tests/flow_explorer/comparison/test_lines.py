import json
from dataclasses import replace
from typing import Any

import pytest
from flow_explorer.comparison.lines import MEMBERS, Line, by_key, of_checks, of_message
from recording.exchange import DecodedToken, Message
from recording.server_timing import Check, ServerCall

EMPTY = Message("GET / HTTP/1.1", (), "", 0, body_shortened=False, token=None)
JSON = (("Content-Type", "application/json"),)
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)


def lines(message: Message) -> list[tuple[str, str, str]]:
    return [(line.where, line.name, line.value) for line in of_message(message, 0) if line.where != "header"]


def test_a_message_without_headers_and_body_has_no_lines() -> None:
    assert of_message(EMPTY, 0) == []


def test_a_form_has_a_line_for_each_parameter() -> None:
    message = replace(EMPTY, headers=FORM, body="scope=a+b&audience=http%3A%2F%2Fx&empty=")
    assert lines(message) == [
        ("body", "scope", "a b"),
        ("body", "audience", "http://x"),
        ("body", "empty", ""),
    ]


def test_json_has_a_line_for_each_value_named_by_its_path() -> None:
    body = {"a": {"b": [1, {"c": None}], "d": {}}, "e": "x"}
    message = replace(EMPTY, headers=JSON, body=json.dumps(body))
    assert lines(message) == [
        ("body", "a.b[0]", "1"),
        ("body", "a.b[1].c", "null"),
        ("body", "a.d", "{}"),
        ("body", "e", "x"),
    ]
    assert lines(replace(message, body="3")) == [("body", "body", "3")]


@pytest.mark.parametrize("body", ['{"a": 1, "b', "[" * 4096, "not JSON"])
def test_a_body_that_is_cut_off_or_no_json_is_one_line(body: str) -> None:
    assert lines(replace(EMPTY, headers=JSON, body=body)) == [("body", "body", body)]
    assert lines(replace(EMPTY, body=body)) == [("body", "body", body)]


def test_of_many_members_the_last_are_one_line_which_still_tells_them_apart() -> None:
    def last(value: int) -> Line:
        body = json.dumps([*range(MEMBERS), 0, value])
        *_, line = of_message(replace(EMPTY, headers=JSON, body=body), 0)
        return line

    assert (last(1).name, last(1).value) == ("…", "2 more members")
    assert last(1) == last(1)
    assert last(1).essence != last(2).essence


def test_a_token_and_a_proof_have_a_line_for_each_member() -> None:
    token = DecodedToken({"alg": "RS256"}, {"exp": 3600, "iat": 0, "cnf": {"jkt": "k"}})
    proof = DecodedToken({"typ": "dpop+jwt"}, {"jti": "1"})
    assert lines(replace(EMPTY, token=token, proof=proof)) == [
        ("JWT header", "alg", "RS256"),
        ("JWT payload", "exp", "3600 (3,600 seconds after iat)"),
        ("JWT payload", "iat", "0"),
        ("JWT payload", "cnf.jkt", "k"),
        ("proof header", "typ", "dpop+jwt"),
        ("proof payload", "jti", "1"),
    ]


def test_a_check_and_a_call_have_a_line_each(exchange: Any) -> None:
    made = exchange(
        checks=(Check("size", 0.1, None), Check("typ", 0.1, "It is JWT.")),
        calls=(ServerCall("jwks", "GET http://a/jwks.json", "200", 0.1, 1),),
    )
    assert [(line.where, line.name, line.value) for line in of_checks(made)] == [
        ("check", "size", "passed"),
        ("check", "typ", "failed: It is JWT."),
        ("call", "jwks", "GET /jwks.json → 200"),
    ]


def test_lines_of_one_name_are_numbered_whatever_their_case() -> None:
    named = by_key([Line("header", name, name, "") for name in ("Vary", "vary", "A")])
    assert [(key.name, key.number, line.value) for key, line in named.items()] == [
        ("vary", 0, "Vary"),
        ("vary", 1, "vary"),
        ("a", 0, "A"),
    ]
