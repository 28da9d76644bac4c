"""The rows of a CSV file as cells, in bounded memory whatever the file holds (RFC 4180, or with semicolons).

Not here: what the cells mean (entry_rows.py).
"""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_ROW = 1 << 20  # characters


@dataclass(frozen=True, slots=True)
class Cells:
    """One row: if it cannot be split, its only cell is its first line; if that is too long, it has none."""

    line: int  # the number of its first one
    cells: tuple[str, ...]
    fault: str = ""  # what is wrong with the row


def separator_of(file: TextIO) -> str:
    """Return what separates the cells of the first line, and leave the file at its start."""
    first = file.readline(LONGEST_ROW)
    file.seek(0)
    return max(",;", key=first.count)


def read_rows(file: TextIO, separator: str) -> Iterator[Cells]:
    """Yield the rows of a file opened with newline="", also those that are not CSV or have another width.

    If such a row has several lines, a quote may be missing in the first. Then that line alone is at fault,
    and the lines that the row has run over are read again.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True, delimiter=separator)
    width = 0
    while True:
        lines.begin_row()
        fault = ""
        try:
            cells = tuple(next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            cells = lines.first
            fault = f"cannot be read as CSV: {error}"
        width = width or len(cells)
        if not fault and cells and len(cells) != width:
            fault = f"has {len(cells)} cells, the header {width}"
        if fault and lines.quote_is_open:
            cells = lines.first
            fault += ", and a quote is not closed on this line"
            lines.give_back()
        yield Cells(lines.number, cells, fault)


class _Lines:
    """The lines of a file, row by row; a row that has too many characters is a csv.Error.

    While lines that were given back remain, each row ends with its first line: a quote that is not closed in
    it would run on to the same end as before. So no line is read more than twice.
    """

    def __init__(self, file: TextIO) -> None:
        self.number = 1  # of the row's first line
        self._file = file
        self._row: list[str] = []
        self._again: deque[str] = deque()

    def begin_row(self) -> None:
        self.number += len(self._row)
        self.quote_is_open = False
        self._row = []
        self._room = LONGEST_ROW

    @property
    def first(self) -> tuple[str, ...]:
        """Return the text of the row's first line, as a cell, unless it is too long."""
        text = self._row[0]
        if len(text) >= LONGEST_ROW:
            return ()
        return (text.rstrip("\r\n"),)

    def give_back(self) -> None:
        """Keep the row's first line; the others come again."""
        self._again.extendleft(reversed(self._row[1:]))
        del self._row[1:]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.quote_is_open = bool(self._row)
        if self._row and self._again:
            raise StopIteration
        line = self._take()
        if not line:
            raise StopIteration
        self._row.append(line)
        self._room -= len(line)
        if self._room <= 0:
            raise csv.Error(f"a row has less than {LONGEST_ROW} characters")
        return line

    def _take(self) -> str:
        """Return the next line, but only the beginning of one that is too long."""
        if self._again:
            return self._again.popleft()
        line = rest = self._file.readline(LONGEST_ROW)
        while len(rest) == LONGEST_ROW and rest[-1] not in "\r\n":
            rest = self._file.readline(LONGEST_ROW)
        return line
