"""Lists as an operator sees them: a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any


def as_json(values: Iterable[Any]) -> str:
    """Write dataclasses for a program."""
    return json.dumps([asdict(value) for value in values], indent=2)


def as_table(rows: Iterable[Sequence[str]]) -> str:
    """Write rows for a person; the first one is the heading."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def as_time(seconds: int | None) -> str | None:
    """Write seconds since 1970 in RFC 3339."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
