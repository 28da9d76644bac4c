"""A run as text is made from its JSON alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from click import unstyle
from flow_explorer.terminal import flow as terminal
from flow_explorer.terminal.columns import cells

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
URI = "https://exampleco.example/department"


def test_prints_the_labels_that_the_run_gives() -> None:
    message = {
        "start_line": "X /y",
        "headers": [["A", "\x1b[31mred"]],
        "body": "b" * 5000,
        "body_size": 9000,
        "body_shortened": True,
        "token": {"payload": {"exp": 1795521600, "nbf": 0, "iat": 1e300, "list": ["é"], URI: "Payroll"}},
    }
    exchange = {
        "steps": [
            {"number": 7, "label": "美咲 does a thing that nobody foresaw", "shows": ["request", "response"]}
        ],
        "from": "One",
        "to": "Two",
        "status": 500,
        "request": message,
        "response": message | {"body": ""},
        "elapsed": 1.5,
        "failure": None,
        "failed_before": ["503", "ReadTimeoutError"],
        "started_at": "2026-11-24T12:00:00.000Z",
        "calls": [{"name": "jwks", "request": "GET http://k/", "answer": "200", "duration": 0.0123}],
        "checks": [
            {"name": "size", "duration": 0.00001, "reason": None},
            {"name": "well-formed", "duration": 0.000123, "reason": None},
            {"name": "signature", "duration": 0.001, "reason": "The signature of the token is wrong."},
        ],
    }
    silent = exchange | {
        "response": None,
        "status": None,
        "failure": "ConnectTimeout",
        "calls": [],
        "checks": [],
    }
    checked = silent | {"steps": [{"number": 8, "label": "checks", "shows": []}]}
    answered = silent | {"steps": [{"number": 9, "label": "none", "shows": ["response"]}]}
    run = {
        "id": "r",
        "state": "failed",
        "exchanges": [exchange, silent, checked, answered],
        "exchanges_omitted": 12345,
        "files": [],
        "rejects": [],
        "rejected": 3,
        "error": {"error": "odd", "message": "what happened " * 20, "hint": "do this"},
    }
    lines = list(terminal.flow(run, [], NOW, 60))
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
        "and 3 more: the rejects files have all",
        "What to do: do this",
        '["é"]',
        f"             {URI}\n                   Payroll",
    ):
        assert shown in text
    plain = [unstyle(line) for line in lines]
    assert max(cells(line) for line in plain) <= 60


ACCESS = {"header": {"typ": "application/AT+JWT"}, "payload": {"sub": "a"}}
ASSERTION = {"header": {"typ": "JWT"}, "payload": {"sub": "a"}}


def text_of(run: dict[str, Any]) -> str:
    shown = {"id": "r", "state": "completed", "error": None, "files": [], "rejects": [], "rejected": 0} | run
    return unstyle("\n".join(terminal.flow(shown, [], NOW, 110)))


def test_decodes_each_token_once_whichever_message_brings_it(recorded: Any) -> None:
    asked = recorded(request_token=ASSERTION, response_token=ACCESS, receiver="Authorization Server")
    text = text_of({"exchanges": [asked, recorded(request_token=ACCESS), recorded(request_token=ASSERTION)]})
    assert text.count("The token, decoded:") == 1
    assert text.count("The JWT, which is no access token, decoded:") == 1


EXPECTED = {"status": 401, "error": "invalid_token", "check": "typ"}
CASE = {"title": "A case", "changes": "One thing.", "teaches": "A lesson.", "rfc": "RFC 9068 4"}


@pytest.mark.parametrize(
    ("answered", "lines"),
    [
        (EXPECTED, ["✓ As expected: 401 invalid_token at the check typ"]),
        (
            {"status": 200, "error": None, "check": None},
            ["✗ Not as expected: 200, instead of 401 invalid_token at the check typ"],
        ),
        (
            None,
            ["✗ Not as expected: not played to its end, instead of 401 invalid_token at the check typ"],
        ),
    ],
)
def test_says_of_a_case_whether_it_came_as_expected_and_what_it_teaches(
    answered: dict[str, Any] | None, lines: list[str]
) -> None:
    case = CASE | {"expected": EXPECTED, "answered": answered, "as_expected": answered == EXPECTED}
    text = text_of({"exchanges": [], "case": case, "files": None})
    shown = text.partition("━━ What came of it: A case ━")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert [line.strip() for line in shown.splitlines()] == [
        *lines,
        "One thing. A lesson. (See RFC 9068 4.)",
    ]


def test_says_what_kept_a_case_from_its_end() -> None:
    case = CASE | {"expected": EXPECTED, "answered": None, "as_expected": None}
    error = {"error": "unreachable", "message": "nobody answers", "hint": "look"}
    text = text_of({"exchanges": [], "case": case, "state": "failed", "error": error})
    assert "! unreachable: nobody answers\n  What to do: look\n" in text
