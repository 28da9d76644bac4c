"""The APIs that CI runs do what docs/other-apis.md says, and every recipe gets right what it is there for."""

from collections.abc import Iterator

import pytest
from live_stack import CHECKOUT, Stack

from interop.issuer import ALGORITHMS
from interop.pages.leaked_key import leaked_key
from interop.pages.markdown import parts
from interop.rows import FOLDER, Row, read_measured, read_rows
from interop.sides.apis import at_the_stack, real_stack, run_row

ROWS = [row for row in read_rows("apis") if not row.not_run]
RECIPE_LINES = 15
IN_CI = [pytest.param(row, id=row.name) for row in ROWS if row.ci]
ALL = [pytest.param(row, id=row.name) for row in ROWS]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start a stack for all APIs."""
    with real_stack(tmp_path_factory.mktemp("interop")) as started:
        yield started


@pytest.mark.interop
@pytest.mark.parametrize("row", IN_CI)
def test_an_api_does_what_the_tables_say(row: Row, stack: Stack) -> None:
    seen = run_row(row, stack)
    assert {**seen, "date": ""} == {**read_measured("apis")[row.name], "date": ""}


@pytest.mark.interop
@pytest.mark.parametrize("name", ["BlackSheep", "python-jose"])
def test_an_api_with_rs256_takes_the_tokens_with_the_whole_key_set(name: str, stack: Stack) -> None:
    """By default, both refuse a key set for one key of another kind than RSA and EC."""
    (row,) = (row for row in ROWS if row.name == name)
    assert at_the_stack(row, stack, "defaults")[0] == 200


@pytest.mark.parametrize("row", ALL)
def test_a_recipe_is_short(row: Row) -> None:
    lines = [line for part in parts((FOLDER / row.program).read_text()) for line in part.splitlines()]
    assert len([line for line in lines if line.strip()]) <= RECIPE_LINES


@pytest.mark.parametrize("row", ALL)
def test_a_recipe_got_right_what_it_is_there_for(row: Row) -> None:
    found = read_measured("apis")[row.name]
    assert found["recipe_takes"] == row.extra.get("left_to_the_server", [])  # by an API that introspects
    assert found["recipe_refuses"] == found["recipe_answers"] == []
    assert set(found["recipe_no_challenge"]) <= {"no token"}  # a client that sent none has none to renew
    assert set(found["algorithms"]) <= set(ALGORITHMS)
    assert "RS256" in found["algorithms"]
    assert found["stack"] == "200 403 401"


def test_the_page_on_a_leaked_key_agrees_with_what_was_measured() -> None:
    page = (CHECKOUT / "docs/authorization-server.md").read_text()
    assert leaked_key(ROWS, read_measured("apis")) in page, "replace the table by this one"
