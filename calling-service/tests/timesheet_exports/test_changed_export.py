"""An export with any change is read or refused, and each row becomes a right entry or a reject."""

import io
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from timesheet_exports.column_map import read_column_map
from timesheet_exports.entry_rows import HeaderError, read_entry_rows
from timesheet_exports.text_file import ExportError, opened_export

SERVICE = Path(__file__).parents[2]
SAMPLES = {"exampleco": SERVICE / "inbox/timesheets-2026-W46-late.csv"} | {
    path.stem.partition("-")[0]: path for path in (SERVICE / "sample-exports").glob("*.csv")
}
FORMATS = {path.stem for path in (SERVICE / "timesheet_exports/formats").iterdir()}
pytestmark = pytest.mark.fuzz
fuzzed = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(name=st.sampled_from(sorted(SAMPLES.keys() & FORMATS)), data=st.data())
def test_the_sample_of_each_tool_with_a_change_is_read_or_refused(
    tmp_path: Path, change: Callable[[Any, str], str], name: str, data: st.DataObject
) -> None:
    lines = SAMPLES[name].read_text(encoding="utf-8-sig").splitlines(keepends=True)[:4]
    file = tmp_path / "a.csv"
    file.write_bytes(change(data, "".join(lines)).encode(errors="surrogatepass"))
    with suppress(ExportError, HeaderError), opened_export(file) as text:
        _, rows = read_entry_rows(text, read_column_map(name))
        for row in rows:
            assert (row.entry is None) == bool(row.problems)
            if row.entry:
                assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", row.entry.date)
                assert 0 < float(row.entry.hours) <= 24
                assert row.entry.project.strip()


@fuzzed
@given(st.text("\",;\t\r\n =+-@'0aß\u200b\ufeff\0", max_size=200))
def test_any_cells_are_read(text: str) -> None:
    with suppress(HeaderError):
        _, rows = read_entry_rows(io.StringIO(text, newline=""), read_column_map("exampleco"))
        assert all((row.entry is None) == bool(row.problems) for row in rows)
