"""Two runs compared: what stands out, and what holds for any two."""

from collections.abc import Callable
from typing import Any

import pytest
from flow_explorer.comparison.comparing import Pair, compare
from flow_explorer.comparison.rows import Row
from flow_explorer.recorded_run import RecordedRun
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording.exchange import DecodedToken, Exchange
from recording.server_timing import Check
from recording.story import API, AUTHORIZATION_SERVER

FAILED = (Check("size", 0.1, None), Check("audience", 0.1, "It is for another."))
TOKENS = st.builds(
    DecodedToken,
    st.dictionaries(st.sampled_from(["alg", "typ"]), st.text(max_size=3)),
    st.dictionaries(
        st.sampled_from(["aud", "exp", "iat", "jti", "cnf"]),
        st.text(max_size=3) | st.integers() | st.dictionaries(st.text(max_size=1), st.text(max_size=1)),
    ),
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["Date", "Vary", "Content-Type"]), st.sampled_from(["application/json", "b"]))
)
CHANGES = st.fixed_dictionaries(
    {
        "start_line": st.sampled_from(["POST /oauth/token", "GET /timesheets/1", "POST /timesheets/upload"]),
        "receiver": st.sampled_from([API, AUTHORIZATION_SERVER]),
        "status": st.sampled_from([200, 401, None]),
        "request_headers": HEADERS.map(tuple),
        "request_body": st.sampled_from(["", '{"a": [1, 2]}', '{"a": [1, 3], "b": 1}', "{"]),
        "request_token": st.none() | TOKENS,
        "checks": st.sampled_from([(), FAILED, FAILED[:1]]),
    }
)
RUNS = st.lists(CHANGES, max_size=4)
ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

Recorded = Callable[..., RecordedRun]


@pytest.fixture
def made(exchange: Callable[..., Exchange], recorded: Recorded) -> Callable[..., RecordedRun]:
    """Return a function that makes a run of what its exchanges change."""
    return lambda changes: recorded(*(exchange(**each) for each in changes))


def facts(pairs: list[Pair], *, mirrored: bool = False) -> list[Any]:
    """Return everything that a comparison says, with the sides swapped if wanted."""
    found: list[Any] = []
    for pair in pairs:
        found.append([pair.right, pair.left] if mirrored else [pair.left, pair.right])
        for part in pair.parts:
            rows = [_swapped(row) if mirrored else row for row in (part.caption, *part.rows)]
            found.append((part.name, sorted(map(str, rows))))
    return found


def _swapped(row: Row) -> Row:
    mark = {"left": "right", "right": "left"}.get(row.mark, row.mark)
    return Row(row.where, row.name, left=row.right, right=row.left, mark=mark)  # type: ignore[arg-type]


def test_a_good_token_and_a_bad_one_differ_in_what_is_bad_about_it(exchange: Any, recorded: Any) -> None:
    def run(jti: str, audience: str, *, status: int, checks: tuple[Check, ...]) -> RecordedRun:
        token = DecodedToken({"alg": "RS256"}, {"aud": audience, "jti": jti})
        return recorded(exchange(request_token=token, status=status, checks=checks))  # type: ignore[no-any-return]

    _cached, pair = compare(
        run("1", "a", status=200, checks=(*FAILED[:1], Check("audience", 0.2, None))),
        run("2", "b", status=401, checks=FAILED),
    )
    request, checks, response = pair.parts
    assert pair.differs
    assert pair.item.receiver == API
    assert [(row.where, row.name, row.left, row.right) for row in request.differing] == [
        ("JWT payload", "aud", "a", "b")
    ]
    assert (request.names("varies"), request.names("same")) == (["jti"], ["alg"])
    assert [row.name for row in checks.differing] == ["audience"]
    assert (checks.caption.left, checks.caption.right) == (
        "The token passes every check",
        "Refused at the check “audience”",
    )
    assert (response.caption.left, response.caption.right) == ("200 OK", "401 NO")


def test_a_token_from_the_cache_stands_beside_the_request_for_a_token(exchange: Any, recorded: Any) -> None:
    token = DecodedToken({}, {"exp": 1795521660})
    asked = exchange("POST /oauth/token", receiver=AUTHORIZATION_SERVER, response_token=token)
    called = exchange(request_token=token)
    first, second = compare(recorded(asked, called), recorded(called))
    (request, response) = first.parts
    assert request.caption.left == "POST /oauth/token"
    assert str(request.caption.right).startswith("No token request: the cached token has")
    assert (request.rows, response.rows, response.caption.mark) == ((), (), "left")
    assert not second.differs


def test_what_one_run_alone_did_has_no_other_side(exchange: Any, recorded: Any) -> None:
    (pair,) = compare(recorded(exchange()), recorded())
    assert (pair.left is not None, pair.right, pair.differs) == (True, None, True)
    assert {part.caption.mark for part in pair.parts} == {"left"}
    with pytest.raises(LookupError):
        _ = Pair(None, None, ()).item


def test_calls_that_look_alike_count_once_and_their_number_is_compared(exchange: Any, recorded: Any) -> None:
    (pair,) = compare(recorded(exchange(), exchange()), recorded(exchange()))
    assert (pair.parts[0].caption.left, pair.parts[0].caption.right) == (
        "POST /upload, 2 times",
        "POST /upload",
    )
    assert pair.differs


def test_exchanges_that_the_history_omits_are_no_difference(exchange: Any, recorded: Any) -> None:
    many = recorded(exchange(), exchange(), omitted=5)
    more = recorded(exchange(), exchange(), omitted=6)
    assert [pair.differs for pair in compare(many, more)] == [False, False, False]


def test_no_response_differs_from_one(exchange: Any, recorded: Any) -> None:
    (pair,) = compare(recorded(exchange()), recorded(exchange(status=None)))
    assert pair.parts[-1].caption.right == "no answer: Timeout"
    assert pair.differs


@ANY
@given(changes=RUNS)
def test_a_run_compared_with_itself_has_no_mark(made: Callable[..., RecordedRun], changes: Any) -> None:
    run = made(changes)
    rows = [row for pair in compare(run, run) for part in pair.parts for row in (part.caption, *part.rows)]
    assert {row.mark for row in rows} <= {"same"}


@ANY
@given(left=RUNS, right=RUNS)
def test_swapped_sides_give_the_same_comparison_mirrored(
    made: Callable[..., RecordedRun], left: Any, right: Any
) -> None:
    here, there = made(left), made(right)
    assert facts(compare(here, there)) == facts(compare(there, here), mirrored=True)
