"""The output of commands: a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

Row = dict[str, object]


def as_json(rows: Iterable[Row]) -> str:
    """Return rows as JSON."""
    return json.dumps(list(rows), indent=2)


def as_table(rows: Iterable[Row], columns: Mapping[str, str]) -> str:
    """Return rows as a table; `columns` maps headings to the names of values."""
    lines = [list(columns), *([_as_cell(row[name]) for name in columns.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _as_cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(value)
    return "-" if value is None else str(value)


def as_time(seconds: int | None) -> str | None:
    """Return a Unix time in RFC 3339."""
    if seconds is None:
        return None
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
