from typing import Any

import pytest
from calling_service.diagram import cached_token, draw

TOKEN: dict[str, Any] = {"header": {"alg": "RS256"}, "payload": {"exp": 1795521660, "jti": "1"}}
PARTICIPANTS = ("Timesheets Import Job", "Authorization Server", "Timesheets API")


def kinds(run: dict[str, Any]) -> list[str]:
    return [item.id for item in draw(run).items]


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


def test_a_token_that_the_run_brought_is_not_from_the_cache(recorded: Any) -> None:
    run = {"exchanges": [recorded(response_token=TOKEN), recorded(request_token=TOKEN)]}
    assert cached_token(run) is None
    assert cached_token({"exchanges": [recorded()]}) is None


def test_a_token_that_no_exchange_brought_is_from_the_cache(recorded: Any) -> None:
    another = {"header": {}, "payload": {"jti": "2"}}
    exchanges = [
        recorded(response_token=another),
        recorded(request_token=TOKEN),
        recorded(request_token=another),
    ]
    assert cached_token({"exchanges": exchanges}) == (1, 60)
    assert kinds({"exchanges": exchanges})[2:4] == ["2-cached", "2-request"]
    assert draw({"exchanges": exchanges}).items[2].receiver == "Authorization Server"


@pytest.mark.parametrize(("status", "cached"), [(200, (0, 60)), (401, None), (None, None)])
def test_a_token_of_a_case_is_from_the_cache_only_if_the_api_accepted_it(
    recorded: Any, status: int | None, cached: tuple[int, float] | None
) -> None:
    run = {"case": {"id": "tampered"}, "exchanges": [recorded(status=status, request_token=TOKEN)]}
    assert cached_token(run) == cached


@pytest.mark.parametrize(
    ("expiry", "left"),
    [
        (1795521600, 0),
        (0, 0),
        ("soon", 0),
        (None, 0),
        (float("inf"), 1e10),
        (float("nan"), 0),
        (10**400, 1e10),
    ],
)
def test_the_seconds_left_are_a_number_whatever_the_token_says(
    recorded: Any, expiry: object, left: float
) -> None:
    token = {"header": {}, "payload": {"exp": expiry}}
    assert cached_token({"exchanges": [recorded(request_token=token)]}) == (0, left)
