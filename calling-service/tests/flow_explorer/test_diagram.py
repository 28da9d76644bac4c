from typing import Any

import pytest
from calling_service.runs.case import CaseReport, Outcome
from flow_explorer.diagram import draw
from recording.exchange import DecodedToken
from recording.server_timing import Check, ServerCall

TOKEN = DecodedToken({"alg": "RS256"}, {"exp": 1795521660, "jti": "1"})
CASE = CaseReport("x", "", "", "", "", Outcome(401, None, None))
PARTICIPANTS = ("Timesheets Import Job", "Authorization Server", "Timesheets API")


def test_a_run_without_exchanges_has_its_participants(recorded: Any) -> None:
    drawn = draw(recorded())
    assert (drawn.participants, drawn.items) == (PARTICIPANTS, ())


def test_an_item_is_named_after_its_exchange_and_part_and_has_the_step_that_begins_there(
    exchange: Any,
    recorded: Any,
) -> None:
    calls = (ServerCall("jwks", "GET http://[x/a", "200", 0.2, 0),) * 2
    checks = (Check("size", 0.1, None),) * 2
    drawn = draw(recorded(exchange(), exchange("GET /x", calls=calls, checks=checks, receiver="X")))
    assert drawn.participants == (*PARTICIPANTS, "X")
    assert drawn.items[3].text == "GET /a → 200"
    assert [(item.id, item.step and item.step.number, item.seconds) for item in drawn.items] == [
        ("1-request", 4, None),
        ("1-response", None, 0.01),
        ("2-request", 4, None),
        ("2-call-1", None, 0.2),
        ("2-call-2", None, 0.2),
        ("2-checks", None, 0.2),
        ("2-response", None, 0.01),
    ]


def test_exchanges_that_look_alike_share_their_items_and_add_up_their_times(
    exchange: Any, recorded: Any
) -> None:
    items = draw(recorded(exchange(), exchange(elapsed=0.5), exchange())).items
    assert [(item.id, item.times, item.seconds) for item in items] == [
        ("1-request", 3, None),
        ("1-response", 3, 0.52),
    ]


CHECK = Check("size", 0.1, None)


@pytest.mark.parametrize(
    "other",
    [
        {"start_line": "GET /upload"},
        {"status": 500},
        {"request_token": TOKEN},
        {"steps": ()},
        {"receiver": "Another API"},
        {"checks": (Check("size", 0.1, "too long"),)},
        {"calls": (ServerCall("jwks", "GET /", "200", 1, 0),)},
        {"response_body": '{"error": "x"}'},
    ],
)
def test_exchanges_that_differ_in_what_is_drawn_stay_apart(
    exchange: Any, recorded: Any, other: dict[str, Any]
) -> None:
    first, second = exchange(), exchange(**other)
    run = recorded(first, first, second)
    assert [item.times for item in draw(run).items if item.kind == "request"] == [2, 1]


def test_a_gap_in_a_long_run_is_drawn_where_it_is(exchange: Any, recorded: Any) -> None:
    run = recorded(*[exchange() for _ in range(40)], omitted=1234)
    items = draw(run).items
    assert [item.id for item in items] == [
        "1-request",
        "1-response",
        "21-omitted",
        "21-request",
        "21-response",
    ]
    assert items[2].text == "1,234 more exchanges are not kept"


def test_shows_the_result_of_each_exchange(exchange: Any, recorded: Any) -> None:
    refused = exchange(status=403, response_body='{"error": "insufficient_scope"}')
    run = recorded(exchange(), refused, exchange(status=None))
    assert [(item.text, item.result) for item in draw(run).items if item.kind == "response"] == [
        ("200 OK", "ok"),
        ("403 NO, insufficient_scope", "refused"),
        ("no answer: Timeout", "unanswered"),
    ]


def test_a_token_from_the_cache_is_drawn_before_the_call_that_used_it(exchange: Any, recorded: Any) -> None:
    items = draw(recorded(exchange(), exchange(request_token=TOKEN))).items
    assert [item.id for item in items[2:]] == ["2-cached", "2-request", "2-response"]
    assert (items[2].receiver, items[2].seconds) == ("Authorization Server", 60)


def test_only_the_api_is_said_to_check_a_token(
    exchange: Any,
    recorded: Any,
) -> None:
    asked = exchange(receiver="Authorization Server", request_token=TOKEN, checks=(CHECK,), steps=())
    called = exchange(request_token=TOKEN, checks=(CHECK,), steps=())
    items = draw(recorded(asked, called, case=CASE)).items
    assert [item.text for item in items if item.kind == "checks"] == [
        "Every check passes",
        "The token passes every check",
    ]


def test_a_token_in_a_url_is_drawn_shortened(exchange: Any, recorded: Any) -> None:
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.[signature cut]"
    (request, _) = draw(recorded(exchange(f"GET /x?access_token={token}"))).items
    assert request.text == "GET /x?access_token=eyJhbGciO….eyJzdWIiO….[signature cut]"
