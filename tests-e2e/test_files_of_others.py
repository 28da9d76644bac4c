# ruff: noqa: RUF001  names in other scripts
"""Files as other people's tools and spreadsheets write them, byte for byte, imported through the real API."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from live_stack import Stack
from other_tools import import_as

pytestmark = pytest.mark.long
HEADER = "Date,Client,Project,Task,Notes,Hours,Employee Id,External Reference URL,entry_id\n"
SEMICOLONS = HEADER.replace(",", ";")
ROW = "2026-11-16,Acme,Shop,Dev,note {0},1.50,C-1001,,{0}\n"


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    stack = new_stack()
    stack.make("up")
    return stack


def inbox(stack: Stack, name: str) -> Path:
    folder = stack.folder / "calling-service/inbox" / name
    folder.mkdir(exist_ok=True)
    return folder


def run(stack: Stack, name: str, export_format: str = "exampleco") -> tuple[int, str]:
    status, printed = import_as(stack, name, export_format)
    return status, " ".join(printed.split())


def import_files(stack: Stack, name: str, files: Mapping[str, tuple[Any, ...]]) -> tuple[int, str]:
    """Import one file for each case, in an inbox with this name."""
    for case, (content, *_) in files.items():
        encoded = content if isinstance(content, bytes) else content.encode()
        (inbox(stack, name) / f"{case}.csv").write_bytes(encoded)
    return run(stack, name)


def booked(stack: Stack, *entry_ids: str) -> list[tuple[object, object]]:
    """Return project and hours of the entries with these ids, as far as they are booked."""
    found = {entry["external_id"]: entry for entry in stack.timesheets()}
    return [(found[name]["project"], found[name]["hours"]) for name in entry_ids if name in found]


TAKEN = {  # what is in the file, the id of its entry, and its project and hours
    "a quoted decimal comma between commas": (
        f'{HEADER}2026-11-16,Acme,Shop,Dev,Notes,"7,5",C-1001,,9900000001\n',
        "9900000001",
        ("Shop", "7.50"),
    ),
    "the unused rows of a spreadsheet": (
        HEADER + ROW.format("9900000002") + ",,,,,,,,\n" * 50 + ";;;;\n" + " , ,\t, ,,,,,\n",
        "9900000002",
        ("Shop", "1.50"),
    ),
    "hours with more digits than two": (
        HEADER + ROW.format("9900000003").replace("1.50", "1.50000"),
        "9900000003",
        ("Shop", "1.50"),
    ),
    "a text mark before the id": (HEADER + ROW.format("'9900000004"), "9900000004", ("Shop", "1.50")),
    "an id as a formula": (
        HEADER + ROW.format("x").replace(",x", ',"=""9900000005"""'),
        "9900000005",
        ("Shop", "1.50"),
    ),
    "an id as a formula with a function": (
        HEADER + ROW.format("y").replace(",y", ',"=T(""9900000006"")"'),
        "9900000006",
        ("Shop", "1.50"),
    ),
    "a no-break space": (
        HEADER + ROW.format("9900000007").replace("Shop", "Refonte\u00a0: phase 2"),
        "9900000007",
        ("Refonte : phase 2", "1.50"),
    ),
    "a narrow no-break space": (
        HEADER + ROW.format("9900000008").replace("Shop", "Refonte\u202f: phase 2"),
        "9900000008",
        ("Refonte : phase 2", "1.50"),
    ),
    "an ideographic space and a soft hyphen": (
        HEADER + ROW.format("9900000009").replace("Shop", "Re\u00adfonte\u3000phase 2"),
        "9900000009",
        ("Refonte phase 2", "1.50"),
    ),
    "a joiner in Persian": (
        HEADER + ROW.format("9900000010").replace("Shop", "می\u200cخواهم"),
        "9900000010",
        ("می\u200cخواهم", "1.50"),
    ),
    "a joiner in Hindi": (
        HEADER + ROW.format("9900000011").replace("Shop", "क्\u200dष"),
        "9900000011",
        ("क्\u200dष", "1.50"),
    ),
    "composed emoji": (
        HEADER + ROW.format("9900000012").replace("Shop", "👩\u200d💻 Team"),
        "9900000012",
        ("👩\u200d💻 Team", "1.50"),
    ),
    "a first line sep=;": (
        f"sep=;\n{SEMICOLONS}2026-11-16;Acme;Shop;Dev;sep;7,5;C-1001;;9900000013\n",
        "9900000013",
        ("Shop", "7.50"),
    ),
    "tabs": (
        (HEADER + ROW.format("9900000014")).replace(",", "\t"),
        "9900000014",
        ("Shop", "1.50"),
    ),
    "Excel's Unicode text": (
        (HEADER + ROW.format("9900000015")).replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
        "9900000015",
        ("Shop", "1.50"),
    ),
}


@pytest.fixture(scope="module")
def taken(stack: Stack) -> dict[object, dict[str, object]]:
    """Return the entries that are booked once all these files were imported, by their ids."""
    status, printed = import_files(stack, "taken", TAKEN)
    assert (status, printed.count("1 booked")) == (0, len(TAKEN)), printed
    return {entry["external_id"]: entry for entry in stack.timesheets()}


@pytest.mark.parametrize("case", TAKEN)
def test_is_booked(taken: dict[object, dict[str, object]], case: str) -> None:
    _, entry_id, entry = TAKEN[case]
    assert (taken[entry_id]["project"], taken[entry_id]["hours"]) == entry


REFUSED = {
    "a third of an hour": (
        HEADER + ROW.format("9900000020").replace("1.50", "0.3333"),
        "0.3333 is not a whole number of hundredths",
    ),
    "an id in exponent form": (HEADER + ROW.format("9.9E+09"), "is a number that a spreadsheet has rounded"),
    "a direction mark": (HEADER + ROW.format("9900000021").replace("Shop", "Sh\u202eop"), "contains U+202E"),
    "Windows-1252": (
        HEADER.encode() + ROW.format("9900000022").replace("Shop", "Büro").encode("cp1252"),
        "is not UTF-8, perhaps Windows-1252; save the export as UTF-8",
    ),
}


def test_is_rejected_with_the_reason(stack: Stack) -> None:
    before = stack.timesheets()
    status, printed = import_files(stack, "refused", REFUSED)
    assert (status, printed.count("1 rejected")) == (3, len(REFUSED)), printed
    for _, reason in REFUSED.values():
        assert reason in printed
    assert stack.timesheets() == before


def test_a_file_that_a_spreadsheet_saved_does_not_double_the_books(stack: Stack) -> None:
    for name, first, second in (("f", "0990000030", "990000030"), ("g", "990000031", "0990000031")):
        folder = inbox(stack, name)
        row = ROW.format(first)
        (folder / "1.csv").write_text(HEADER + row)
        assert run(stack, name)[0] == 0
        (folder / "2.csv").write_text(HEADER + row.replace(f",{first}", f",{second}"))
        status, printed = run(stack, name)
        assert (status, f"equals {first} (1.csv line 2)" in printed) == (3, True), printed
        assert booked(stack, first, second) == [("Shop", "1.50")]


def test_a_file_from_the_future_without_a_last_line_end_is_complete_at_the_second_look(stack: Stack) -> None:
    path = inbox(stack, "future") / "a.csv"
    path.write_text(HEADER + ROW.format("9900000040").rstrip("\n"))
    os.utime(path, (time.time() + 7200, time.time() + 7200))
    status, printed = run(stack, "future")
    assert (status, "1 booked" in printed) == (0, True), printed


def test_a_corrected_rejects_file_is_booked(stack: Stack) -> None:
    folder = inbox(stack, "rejects")
    export = f"sep=;\n{SEMICOLONS}2026-11-16;Acme;Shop;Dev;Notes;77,5;C-1001;;9900000041\n"
    (folder / "a.csv").write_bytes(export.encode("utf-16"))
    assert run(stack, "rejects")[0] == 3
    written = stack.inside("calling-service", "sh", "-c", 'cat "$STATE_DIR/rejects/rejects/a.csv"')
    (folder / "a-corrected.csv").write_text(written.replace("77,5", "7,5"))
    status, printed = run(stack, "rejects")
    assert (status, "1 booked" in printed) == (0, True), printed
    assert booked(stack, "9900000041") == [("Shop", "7.50")]
