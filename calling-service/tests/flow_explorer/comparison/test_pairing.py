from typing import Any

from flow_explorer.comparison.lines import Line, by_key
from flow_explorer.comparison.pairing import Role, aligned, paired, role
from hypothesis import given
from hypothesis import strategies as st
from recording.story import API, AUTHORIZATION_SERVER

TOKEN: Role = (AUTHORIZATION_SERVER, "POST", "token")
KEYS: Role = (AUTHORIZATION_SERVER, "GET", "jwks.json")
READ: Role = (API, "GET", "/timesheets")
UPLOAD: Role = (API, "POST", "/timesheets/upload")
ROLES = st.lists(st.sampled_from([TOKEN, KEYS, READ, UPLOAD]), max_size=8)
LINES = st.lists(
    st.builds(Line, st.sampled_from(["header", "body"]), st.sampled_from("abc"), st.text(), st.text())
)


def test_an_exchange_is_paired_with_the_one_of_the_same_method_and_path() -> None:
    assert aligned([TOKEN, READ], [TOKEN, KEYS, READ]) == [(0, 0), (None, 1), (1, 2)]


def test_calls_of_the_api_are_paired_whatever_they_ask_for() -> None:
    assert aligned([TOKEN, READ], [TOKEN, UPLOAD]) == [(0, 0), (1, 1)]
    assert aligned([READ], [UPLOAD, READ]) == [(None, 0), (0, 1)]


def test_a_token_request_is_paired_with_nothing_else_that_the_server_is_asked() -> None:
    assert sorted(aligned([TOKEN], [KEYS]), key=str) == [(0, None), (None, 0)]


@given(left=ROLES, right=ROLES)
def test_each_exchange_is_in_one_pair_in_its_order(left: list[Role], right: list[Role]) -> None:
    pairs = aligned(left, right)
    assert [here for here, _ in pairs if here is not None] == list(range(len(left)))
    assert [there for _, there in pairs if there is not None] == list(range(len(right)))


@given(left=ROLES, right=ROLES)
def test_swapped_sides_give_the_same_pairs_swapped(left: list[Role], right: list[Role]) -> None:
    assert aligned(right, left) == [(there, here) for here, there in aligned(left, right)]


@given(roles=ROLES)
def test_a_run_is_paired_with_itself_exchange_by_exchange(roles: list[Role]) -> None:
    assert aligned(roles, roles) == [(place, place) for place in range(len(roles))]


@given(left=LINES, right=LINES)
def test_lines_are_paired_by_name_and_none_is_lost(left: list[Line], right: list[Line]) -> None:
    pairs = paired(by_key(left), by_key(right))
    assert sum(one is not None for _, one, _ in pairs) == len(left)
    assert sum(other is not None for _, _, other in pairs) == len(right)
    assert paired(by_key(right), by_key(left)) == [(key, other, one) for key, one, other in pairs]


def test_the_role_of_an_exchange_has_neither_ids_nor_a_query(exchange: Any) -> None:
    assert role(exchange("DELETE /timesheets/17?a=b")) == (API, "DELETE", "/timesheets/{id}")
    asked = exchange("POST /with/a/path/oauth/token", receiver=AUTHORIZATION_SERVER)
    assert role(asked) == TOKEN
