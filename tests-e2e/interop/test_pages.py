"""The data files are well formed, and the pages of the docs are what follows from them."""

import os

import pytest

from interop.__main__ import SIDES
from interop.rows import FOLDER, Row, read_measured, read_rows

REGISTRIES = {"PyPI", "npm", "Debian", "Docker Hub", "none"}


@pytest.mark.parametrize("side", SIDES)
def test_the_page_is_as_generated(side: str) -> None:
    page = SIDES[side].page(read_rows(side), read_measured(side))
    assert SIDES[side].file.read_text() == page, "run: PAGES=1 make interop"


@pytest.mark.parametrize("side", SIDES)
def test_every_row_was_run_or_says_why_not(side: str) -> None:
    rows = read_rows(side)
    measured = read_measured(side)
    assert {row.name for row in rows if not row.not_run} == set(measured)


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"{side}-{row.name}") for side in SIDES for row in read_rows(side)]
)
def test_a_row_is_well_formed(row: Row) -> None:
    assert row.registry in REGISTRIES
    assert row.settings.endswith((".", ":"))
    assert all(surprise.endswith(".") for surprise in row.surprises)
    if row.registry == "PyPI":
        assert all("==" in package for package in row.packages)
    if row.registry == "npm":
        assert all(package.rfind("@") > 0 for package in row.packages)
    assert (FOLDER / row.test).exists()
    if not row.not_run:
        assert (FOLDER / row.program).is_file()
        assert (FOLDER / row.recipe).exists()


def test_every_program_belongs_to_a_row() -> None:
    for side in SIDES:
        programs = {FOLDER / row.program for row in read_rows(side) if row.program}
        files = {file for file in (FOLDER / side).rglob("*") if file.suffix in {".py", ".mjs"}}
        assert {os.fspath(file) for file in files - programs} == set()


def test_the_stack_saw_what_the_play_saw() -> None:
    for name, seen in read_measured("clients").items():
        first, refused, third = seen["stack"].split()
        assert (first, third) == ("200", "200"), name
        if "after_401" in seen:
            assert (refused == "200") == (seen["after_401"] == "renews and repeats"), name
