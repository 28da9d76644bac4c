"""The data files: the rows of a side, and what the last run measured of each."""

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
Measured = dict[str, dict[str, Any]]  # by the name of the row


@dataclass(frozen=True, slots=True)
class Row:
    """One program of another project: what it is, what one must set, and what surprises.

    The page shows `recipe` where a program has one: the configuration that it runs.
    What its packages depend on is as it was at `as_of`, an RFC 3339 time.
    `extra` has what one side alone knows. A row with `not_run`, which says why, was read and not run.
    """

    name: str
    registry: str
    packages: list[str]
    settings: str
    surprises: list[str]
    program: str = ""
    recipe: str = ""
    test: str = ""
    ci: bool = False
    not_run: str = ""
    as_of: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_rows(side: str) -> list[Row]:
    """Return the rows of a side in the order of its data file; what stands above them is for all of them."""
    known = set(Row.__dataclass_fields__)
    file = tomllib.loads((FOLDER / f"{side}.toml").read_text())
    for_all = {name: value for name, value in file.items() if name != "row"}
    rows = []
    for table in file["row"]:
        named = {name: value for name, value in table.items() if name in known}
        extra = {name: value for name, value in table.items() if name not in known}
        rows.append(Row(**(for_all | named), extra=extra))
    return rows


def read_measured(side: str) -> Measured:
    """Return what the last run measured, by the name of the row."""
    file = FOLDER / "measured" / f"{side}.toml"
    return tomllib.loads(file.read_text()) if file.exists() else {}


def write_measured(side: str, measured: Measured, names: Iterable[str]) -> None:
    """Write what was measured; `names` are the rows that there are, in their order."""
    lines = ["# Written by `make interop`: what the last run measured. Do not edit.\n"]
    for name in names:
        if name in measured:
            values = [f"{key} = {_toml(value)}\n" for key, value in measured[name].items()]
            lines.append(f"\n[{json.dumps(name)}]\n" + "".join(values))
    (FOLDER / "measured" / f"{side}.toml").write_text("".join(lines))


def _toml(value: object) -> str:
    """Return a string, number, truth value or list of these as TOML, which writes them as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def each(rows: list[Row], run: Callable[[Row], dict[str, Any]], at_once: int = 2) -> Measured:
    """Run rows, some at once; return what each measured, without those that failed."""

    def attempt(row: Row) -> dict[str, Any]:
        try:
            return run(row)
        except Exception as failure:  # noqa: BLE001  whatever it is, the other rows go on
            what = "\n".join([f"{type(failure).__name__}: {failure}", *getattr(failure, "__notes__", [])])
            sys.stderr.write(f"{row.name} failed: {what}\n")
            return {}

    with ThreadPoolExecutor(at_once) as pool:
        seen = zip([row.name for row in rows], pool.map(attempt, rows), strict=True)
        return {name: measured for name, measured in seen if measured}
