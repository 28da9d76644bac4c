"""`python -m interop`: run the rows of all sides, or of SIDE, or the one that ROW names.

It writes what they measured, and the pages of the docs, which follow from that and from the data files.
PAGES=1 writes the pages and runs nothing.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from live_stack import CHECKOUT

import interop.pages.apis
import interop.pages.clients
import interop.pages.infrastructure
import interop.pages.servers
import interop.sides.apis
import interop.sides.clients
import interop.sides.infrastructure
import interop.sides.servers
from interop.rows import Measured, Row, read_measured, read_rows, write_measured


@dataclass(frozen=True, slots=True)
class Side:
    """A side: what runs its rows, what writes its page, and where that page is."""

    run: Callable[[list[Row]], Measured]
    page: Callable[[list[Row], Measured], str]
    file: Path


SIDES = {
    "apis": Side(interop.sides.apis.run, interop.pages.apis.page, CHECKOUT / "docs/other-apis.md"),
    "clients": Side(
        interop.sides.clients.run, interop.pages.clients.page, CHECKOUT / "docs/other-clients.md"
    ),
    "infrastructure": Side(
        interop.sides.infrastructure.run,
        interop.pages.infrastructure.page,
        CHECKOUT / "docs/infrastructure.md",
    ),
    "servers": Side(
        interop.sides.servers.run, interop.pages.servers.page, CHECKOUT / "docs/other-servers.md"
    ),
}


def run_side(name: str, only: str) -> bool:
    """Run the rows of a side, write what they measured, and its page; return whether there was one.

    Raise SystemExit, and write no page, where a row failed.
    """
    side = SIDES[name]
    rows = read_rows(name)
    chosen = [row for row in rows if not row.not_run and only in {"", row.name}]
    run = [] if "PAGES" in os.environ else chosen
    measured = side.run(run) if run else {}
    for row_name, values in measured.items():
        sys.stdout.write(
            f"\n{row_name}\n" + "".join(f"    {key}: {value}\n" for key, value in values.items())
        )
    write_measured(name, read_measured(name) | measured, [row.name for row in rows])
    failed = [row.name for row in run if row.name not in measured]
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}.")
    side.file.write_text(side.page(rows, read_measured(name)))
    return bool(chosen)


def main() -> None:
    """Run what SIDE and ROW name, or everything."""
    only = os.environ.get("ROW", "")
    sides = [os.environ["SIDE"]] if os.environ.get("SIDE") else list(SIDES)
    unknown = set(sides) - set(SIDES)
    if unknown:
        raise SystemExit(f"SIDE must be one of {', '.join(SIDES)}.")
    found = [run_side(side, only) for side in sides]
    if not any(found):
        raise SystemExit(f"No row has the name {only!r}.")


if __name__ == "__main__":
    main()
