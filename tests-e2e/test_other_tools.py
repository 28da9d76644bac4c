"""The sample exports of other tools: each entry is booked once, also if a spreadsheet has saved the file."""

import re
from collections.abc import Callable

import pytest
from live_stack import CHECKOUT, Stack
from other_tools import ENTRIES, SAMPLES, TOOLS, booked, import_as, inbox, saved_anew

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    stack = new_stack()
    stack.make("up")
    return stack


@pytest.mark.parametrize("tool", TOOLS)
def test_a_sample_that_is_imported_twice_books_each_entry_once(stack: Stack, tool: str) -> None:
    folder = inbox(stack, tool)
    status, printed = import_as(stack, tool)
    assert (status, f"{ENTRIES} booked" in printed) == (0, True), printed
    assert "rounding to hundredths of an hour" in printed
    before = booked(stack, tool)
    assert len(before) == ENTRIES
    sample = (SAMPLES / f"{tool}.csv").read_text()
    for american in (True, False):  # another content under the same name
        (folder / "week.csv").write_text(saved_anew(sample, american=american))
        status, printed = import_as(stack, tool)
        assert (status, f"{ENTRIES} unchanged" in printed) == (0, True), printed
    (folder / "week again.csv").write_text(sample.replace("\n", "\r\n"))  # beside it
    status, printed = import_as(stack, tool)
    assert (status, f"{ENTRIES} rejected" in printed, "repeats" in printed) == (3, True, True), printed
    assert booked(stack, tool) == before


def test_the_column_map_of_the_documentation_works(stack: Stack) -> None:
    page = (CHECKOUT / "docs/import-job.md").read_text()
    (column_map,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    folder = stack.folder / "calling-service/inbox/ours"
    folder.mkdir()
    (folder / "ours.toml").write_text(column_map)
    (folder / "a.csv").write_text(
        "Day;Person;Client;Job;Spent;No\n16.11.2026;Zoë;Acme;Shop;1:20;0071\nSum;;;;1:20;\n"
    )
    status, printed = import_as(stack, "ours", "inbox/ours/ours.toml")
    assert (status, "1 booked" in printed) == (0, True), printed
    (entry,) = [entry for entry in stack.timesheets() if entry["external_id"] == "0071"]
    assert (entry["user_id"], entry["project"], entry["hours"]) == ("Zoë", "Acme Shop", "1.33")


def test_a_file_of_another_tool_names_the_format_that_it_has(stack: Stack) -> None:
    folder = inbox(stack, "toggl")
    (folder / "wrong.csv").write_text((SAMPLES / "kimai.csv").read_text())
    status, printed = import_as(stack, "toggl")
    (folder / "wrong.csv").unlink()
    assert status == 3
    assert "set EXPORT_FORMAT to kimai" in " ".join(printed.split())
