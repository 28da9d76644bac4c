"""A recorded run as text."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from calling_service.runs.case import CaseReport, Outcome
from calling_service.runs.run import Failure, Run
from click import unstyle
from flow_explorer.columns import cells
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.terminal import flow as terminal
from recording.exchange import DecodedToken, Exchange, Message, Step
from recording.server_timing import Check, ServerCall

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URI = "https://exampleco.example/department"


def test_prints_the_labels_that_the_run_has() -> None:
    claims = {"exp": 1795521600, "nbf": 0, "iat": 1e300, "list": ["é"], URI: "Payroll"}
    message = Message(
        "X /y", (("A", "\x1b[31mred"),), "b" * 5000, 9000, body_shortened=True, token=DecodedToken({}, claims)
    )
    answered = Exchange(
        steps=(Step(7, "美咲 does a thing that nobody foresaw", ("request", "response")),),
        sender="One",
        receiver="Two",
        method="X",
        url="http://two/y",
        status=500,
        request=message,
        response=replace(message, body=""),
        failure=None,
        failed_before=("503", "ReadTimeoutError"),
        started_at=NOW,
        elapsed=1.5,
        calls=(ServerCall("jwks", "GET http://k/", "200", 0.0123, 0),),
        checks=(
            Check("size", 0.00001, None),
            Check("well-formed", 0.000123, None),
            Check("signature", 0.001, "The signature of the token is wrong."),
        ),
    )
    silent = replace(answered, response=None, status=None, failure="ConnectTimeout", calls=(), checks=())
    checked = replace(silent, steps=(Step(8, "checks", ()),))
    unanswered = replace(silent, steps=(Step(9, "none", ("response",)),))
    error = Failure("odd", "what happened " * 20, "do this")
    failed = Run("r", "web", "t", NOW, state="failed", error=error)
    run = RecordedRun(failed, (answered, silent, checked, unanswered), 12345)
    lines = list(terminal.flow(run, "http://localhost:9002", NOW, 60))
    text = unstyle("\n".join(lines))
    for shown in (
        "美咲 does a thing",
        "One",
        "1500\N{NO-BREAK SPACE}ms and 503, ReadTimeoutError",
        "\N{REPLACEMENT CHARACTER}[31mred",
        "… shortened: the body has 9,000 bytes",
        "1795521600  Tue 24 Nov 2026 12:00:00 UTC,",
        "0  Thu 01 Jan 1970 00:00:00 UTC, valid",
        " 20781 days 12 hours",
        "no answer: ConnectTimeout",
        "Two: no answer: ConnectTimeout",
        "Two ⇢ Authorization Server  after 12\N{NO-BREAK SPACE}ms",
        "GET / → 200",
        "✓ size 0.01\N{NO-BREAK SPACE}ms, well-formed 0.12\N{NO-BREAK SPACE}ms",
        "✗ signature: The signature of the token is wrong.",
        "12,345 more exchanges",
        "What to do: do this",
        '["é"]',
        f"             {URI}\n                   Payroll",
    ):
        assert shown in text
    plain = [unstyle(line) for line in lines]
    assert max(cells(line) for line in plain) <= 60


ACCESS = DecodedToken({"typ": "application/AT+JWT"}, {"sub": "a"})
ASSERTION = DecodedToken({"typ": "JWT"}, {"sub": "a"})


def text_of(run: RecordedRun) -> str:
    return unstyle("\n".join(terminal.flow(run, "http://localhost:9002", NOW, 110)))


def test_decodes_each_token_once(exchange: Any, recorded: Any) -> None:
    asked = exchange(request_token=ASSERTION, response_token=ACCESS, receiver="Authorization Server")
    called = (exchange(request_token=token) for token in (ACCESS, ASSERTION))
    text = text_of(recorded(asked, *called))
    assert text.count("The token, decoded:") == 1
    assert text.count("The JWT, which is not an access token, decoded:") == 1


def test_shortens_exchanges_that_look_alike(exchange: Any, recorded: Any) -> None:
    text = text_of(recorded(*[exchange(status=None)] * 3))
    assert text.count("again  POST /upload HTTP/1.1 → no answer: Timeout\n") == 2


EXPECTED = Outcome(401, "invalid_token", "typ")
CASE = CaseReport("a", "A case", "A lesson.", "One thing.", "RFC 9068 4", EXPECTED)


@pytest.mark.parametrize(
    ("answered", "line"),
    [
        (EXPECTED, "✓ As expected: 401 invalid_token at the check typ"),
        (
            Outcome(200, None, None),
            "✗ Not as expected: 200, instead of 401 invalid_token at the check typ",
        ),
        (
            None,
            "✗ Not as expected: not played to its end, instead of 401 invalid_token at the check typ",
        ),
    ],
)
def test_prints_whether_a_case_was_answered_as_expected_and_what_it_teaches(
    recorded: Any, answered: Outcome | None, line: str
) -> None:
    text = text_of(recorded(case=replace(CASE, answered=answered)))
    shown = text.partition("━━ The outcome: A case ━")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert [line.strip() for line in shown.splitlines()] == [
        line,
        "One thing. A lesson. (See RFC 9068 4.)",
    ]


def test_prints_why_a_case_was_not_played_to_its_end(recorded: Any) -> None:
    error = Failure("unreachable", "nobody answers", "look")
    text = text_of(recorded(case=CASE, state="failed", error=error))
    assert "! unreachable: nobody answers\n  What to do: look\n" in text


def test_says_where_the_key_of_a_verified_token_came_from(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(checks=(Check("signature", 0.001, None),)))
    text = unstyle(" ".join(terminal.flow(run, "http://localhost:9002", NOW, 200)))
    assert "it fetched the authorization server's public keys earlier" in text


def test_prints_what_a_proof_says(exchange: Any, recorded: Any) -> None:
    proof = DecodedToken({"typ": "dpop+jwt"}, {"htm": "POST", "jti": "1"})
    lines = terminal.flow(recorded(exchange(request_proof=proof)), "http://localhost:9002", NOW, 80)
    text = unstyle("\n".join(lines))
    assert "  The DPoP proof, decoded:" in text
    assert "payload  htm" in text
