from typing import Any

import pytest
from flow_explorer.diagram import draw

TOKEN: dict[str, Any] = {"header": {"alg": "RS256"}, "payload": {"exp": 1795521660, "jti": "1"}}
PARTICIPANTS = ("Timesheets Import Job", "Authorization Server", "Timesheets API")


def test_a_run_without_exchanges_has_its_participants() -> None:
    drawn = draw({"exchanges": []})
    assert (drawn.participants, drawn.items) == (PARTICIPANTS, ())


def test_an_item_names_its_exchange_and_part_and_takes_its_number_from_the_step_that_begins_there(
    recorded: Any,
) -> None:
    calls = [{"name": "jwks", "request": "GET http://[x/a", "answer": "200", "duration": 0.2}] * 2
    checks = [{"name": "size", "duration": 0.1, "reason": None}] * 2
    drawn = draw({"exchanges": [recorded(), recorded("GET /x", calls=calls, checks=checks, receiver="X")]})
    assert drawn.participants == (*PARTICIPANTS, "X")
    assert drawn.items[3].text == "GET /a → 200"
    assert [(item.id, item.number, item.seconds) for item in drawn.items] == [
        ("1-request", 4, None),
        ("1-response", None, 0.01),
        ("2-request", 4, None),
        ("2-call-1", None, 0.2),
        ("2-call-2", None, 0.2),
        ("2-checks", None, 0.2),
        ("2-response", None, 0.01),
    ]


def test_exchanges_that_look_alike_share_their_items_and_add_up_their_times(recorded: Any) -> None:
    items = draw({"exchanges": [recorded(), recorded(elapsed=0.5), recorded()]}).items
    assert [(item.id, item.times, item.seconds) for item in items] == [
        ("1-request", 3, None),
        ("1-response", 3, 0.52),
    ]


CHECK = {"name": "size", "duration": 0.1, "reason": None}


@pytest.mark.parametrize(
    "other",
    [
        {"start_line": "GET /upload"},
        {"status": 500},
        {"request_token": TOKEN},
        {"steps": []},
        {"receiver": "Another API"},
        {"checks": [CHECK | {"reason": "too long"}]},
        {"calls": [{"name": "jwks", "request": "GET /", "answer": "200", "duration": 1}]},
        {"response_body": '{"error": "x"}'},
    ],
)
def test_exchanges_that_differ_in_what_is_drawn_stay_apart(recorded: Any, other: dict[str, Any]) -> None:
    first, second = recorded(), recorded(**other)
    run = {"exchanges": [first, first, second]}
    assert [item.times for item in draw(run).items if item.kind == "request"] == [2, 1]


def test_a_gap_in_a_long_run_is_drawn_where_it_is(recorded: Any) -> None:
    run = {"exchanges": [recorded() for _ in range(40)], "exchanges_omitted": 1234}
    items = draw(run).items
    assert [item.id for item in items] == [
        "1-request",
        "1-response",
        "21-omitted",
        "21-request",
        "21-response",
    ]
    assert items[2].text == "1,234 more exchanges are not kept"


def test_says_what_came_of_each_exchange(recorded: Any) -> None:
    refused = recorded(status=403, response_body='{"error": "insufficient_scope"}')
    run = {"exchanges": [recorded(), refused, recorded(status=None)]}
    assert [(item.text, item.outcome) for item in draw(run).items if item.kind == "response"] == [
        ("200 OK", "ok"),
        ("403 NO, insufficient_scope", "refused"),
        ("no answer: Timeout", "unanswered"),
    ]


def test_a_token_from_the_cache_is_drawn_before_the_call_that_used_it(recorded: Any) -> None:
    items = draw({"exchanges": [recorded(), recorded(request_token=TOKEN)]}).items
    assert [item.id for item in items[2:]] == ["2-cached", "2-request", "2-response"]
    assert (items[2].receiver, items[2].seconds) == ("Authorization Server", 60)


def test_what_the_api_checks_is_a_token_and_what_the_authorization_server_checks_a_request(
    recorded: Any,
) -> None:
    asked = recorded(receiver="Authorization Server", request_token=TOKEN, checks=[CHECK], steps=[])
    called = recorded(request_token=TOKEN, checks=[CHECK], steps=[])
    items = draw({"exchanges": [asked, called], "case": {"id": "x"}}).items
    assert [item.text for item in items if item.kind == "checks"] == [
        "Every check passes",
        "The token passes every check",
    ]


def test_a_token_in_an_address_is_drawn_by_its_beginnings(recorded: Any) -> None:
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.[signature cut]"
    (request, _) = draw({"exchanges": [recorded(f"GET /x?access_token={token}")]}).items
    assert request.text == "GET /x?access_token=eyJhbGciO….eyJzdWIiO….[signature cut]"
