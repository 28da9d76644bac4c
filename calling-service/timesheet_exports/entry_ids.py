"""Ids for the entries of a tool that exports none, and the likeness by which an entry with a new id is known.

Both are digests of cells in a normal form, which a spreadsheet's round trip does not change. Not here: which
cells (formats/), and what is done about two entries that are alike (the import's ledger).
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from timesheet_exports.cells import CellError, text_of
from timesheet_exports.column_map import ColumnMap
from timesheet_exports.dates import iso_date
from timesheet_exports.names import normalised

TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.0+)?)?(?: ?([AP])\.?M\.?)?", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


@lru_cache(4096)  # users and projects come again and again
def normal_form(cell: str, order: str) -> str:
    """Return what a cell says in a form that does not depend on how it is written.

    09:00, 9:00:00 AM and 09:00:00 are one; so are 0012 and 12, 16.11.2026 and 2026-11-16 in the order DMY,
    and numbers of which a spreadsheet kept the first 15 digits.
    """
    text = text_of(cell)
    if not text.isascii():
        text = normalised(text)
    text = " ".join(text.split())
    if not text[:1].isdecimal():
        return text
    time = TIME.fullmatch(text)
    if time:
        hour, minute, second, half = time.groups("")
        if half:
            hour = str(int(hour) % 12 + 12 * (half in "Pp"))
        return f"{hour:0>2}:{minute}:{second:0>2}"
    if NUMBER.fullmatch(text):
        return f"{float(text.replace(',', '.')):.15g}"
    try:
        return iso_date(text, order)
    except CellError:
        return text


def likeness(cells: Iterable[str], canonical: str, order: str) -> int:
    """Return a number of 64 bits that is the same for entries that differ in nothing but their ids.

    `canonical` has what is in its normal form already.
    """
    return int.from_bytes(_digest(cells, canonical, order, 8), signed=True)


class IdMaker:
    """Makes the ids of one file, in the order of its rows; keeps about 100 bytes for each."""

    def __init__(self, column_map: ColumnMap) -> None:
        self._map = column_map
        self._seen: Counter[bytes] = Counter()
        self._made = re.compile(rf"{column_map.id_prefix}-[0-9a-f]{{32}}(-[0-9]{{1,6}})?")

    def is_made(self, text: str) -> bool:
        """Return whether this is an id that was made for this export format."""
        return bool(self._map.id_prefix and self._made.fullmatch(text))

    def next_id(self, cells: Iterable[str]) -> str:
        """Return the id of the next row; the second with the same cells gets one that ends in -2."""
        digest = _digest(cells, "", self._map.order, 16)
        self._seen[digest] += 1
        number = self._seen[digest]
        made = f"{self._map.id_prefix}-{digest.hex()}"
        return made if number == 1 else f"{made}-{number}"


def _digest(cells: Iterable[str], canonical: str, order: str, size: int) -> bytes:
    joined = "\x1f".join([canonical, *[normal_form(cell, order) for cell in cells]])
    return blake2b(joined.encode(errors="surrogateescape"), digest_size=size).digest()
