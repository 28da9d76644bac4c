from typing import Any

from click import unstyle
from flow_explorer.gallery.case import gallery
from flow_explorer.terminal.side_by_side import ROWS, side_by_side

GOOD = gallery()["cached-token"].report()


def text(left: Any, right: Any) -> str:
    return unstyle("\n".join(side_by_side(left, right, 100)))


def test_what_differs_is_shown_on_both_sides_and_the_rest_by_name(exchange: Any, recorded: Any) -> None:
    headers = (("Date", "1"), ("Server", "x"), ("Retry-After", "1"))
    others = (("Date", "2"), ("Server", "x"), ("Retry-After", "2"))
    left = recorded(exchange(response_headers=headers), case=GOOD)
    right = recorded(exchange(status=503, response_headers=others))
    assert text(left, right).splitlines() == [
        "  left   A second call with the token from the cache. The client calls the API twice and asks for a",
        "    token once.",
        "  right  The import",
        "",
        "━━ 1  Timesheets Import Job → Timesheets API: differs " + "━" * 46,
        "",
        "  = Request: same",
        "             POST /upload",
        "  ≠ Response: differs",
        "    left     200 OK",
        "    right    503 NO",
        "  ≠ Retry-After (header): differs",
        "    left     1",
        "    right    2",
        "    = the same: Server",
        "    ~ varies: Date",
    ]


def test_what_one_run_alone_did_is_shown_on_its_side(exchange: Any, recorded: Any) -> None:
    assert "← Request: only left\n    left     POST /upload\n" in text(recorded(exchange()), recorded())


def test_the_rows_of_a_part_are_bounded(exchange: Any, recorded: Any) -> None:
    runs = [
        recorded(exchange(request_headers=tuple((f"X-{n}", side) for n in range(ROWS + 5)))) for side in "ab"
    ]
    shown = text(*runs)
    assert shown.count(": differs\n    left     a") == ROWS
    assert "and 5 more" in shown


def test_nothing_recorded_controls_the_terminal(exchange: Any, recorded: Any) -> None:
    runs = [
        recorded(exchange(request_headers=(("X\x1b[2J", f"\x1b{side}"), ("Date\x1b", "1")))) for side in "ab"
    ]
    assert "\x1b" not in text(*runs)


def test_many_lines_that_one_side_alone_has_are_shown_as_one(exchange: Any, recorded: Any) -> None:
    left, right = (
        recorded(exchange(response_headers=tuple((f"{side}-{n}", "x") for n in range(6)))) for side in "ab"
    )
    assert "← header: only left\n    left     6 members: a-0, a-1, a-2, a-3, a-4, a-5\n" in text(left, right)
