"""The output of commands: a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any


def as_json(values: Iterable[Any]) -> str:
    """Return dataclasses as JSON."""
    return json.dumps([asdict(value) for value in values], indent=2)


def as_table(values: Iterable[Any], columns: Mapping[str, str]) -> str:
    """Return objects as a table; `columns` maps headings to the names of attributes."""
    rows = [list(columns)]
    rows += [[_as_cell(getattr(value, name)) for name in columns.values()] for value in values]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join(cells).rstrip() for cells in lines)


def _as_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value)
    return "-" if value is None else str(value)


def as_time(seconds: int | None) -> str | None:
    """Return a Unix time in RFC 3339."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
