"""The rows of a CSV file as cells, in bounded memory whatever the file holds (RFC 4180, or with semicolons).

Not here: what the cells mean, see export.py.
"""

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_ROW = 1 << 20  # characters


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one row and the number of its first line; why it is at fault, if it is.

    Where they cannot be told apart, the line is the one cell; where it is too long, there is none.
    """

    line: int
    cells: tuple[str, ...]
    fault: str = ""


def separator_of(file: TextIO) -> str:
    """Return what separates the cells of the first line, which is left to be read."""
    first = file.readline(LONGEST_ROW)
    file.seek(0)
    return max(",;", key=first.count)


def read_rows(file: TextIO, separator: str) -> Iterator[Cells]:
    """Yield the rows of a file opened with newline="", those too that are no CSV or not as wide as the first.

    If such a row has several lines, a quote may be missing in the first. That line alone is at fault then,
    and those that the row has run over are read again.
    """
    lines, width = _Lines(file), 0
    reader = csv.reader(lines, strict=True, delimiter=separator)
    while True:
        lines.begin_row()
        try:
            cells, fault = tuple(next(reader)), ""
        except StopIteration:
            return
        except csv.Error as error:
            cells, fault = lines.first, f"cannot be read as CSV: {error}"
        width = width or len(cells)
        if not fault and len(cells) not in {0, width}:
            fault = f"has {len(cells)} cells, the header {width}"
        if fault and lines.quote_is_open:
            cells, fault = lines.first, f"{fault}, and a quote is not closed on this line"
            lines.give_back()
        yield Cells(lines.number, cells, fault)


class _Lines:
    """The lines of a file for one row after another; one for which its row has no room is a csv.Error.

    Of the lines that a row has given back, each but the last is a row by itself: from a quote that is not
    closed in one of them, a row would run to where that one did. So no line is read more than twice.
    """

    def __init__(self, file: TextIO) -> None:
        self._file, self._again = file, deque[str]()
        self.number, self._row = 1, list[str]()  # of the row: the number of its first line, and its lines

    def begin_row(self) -> None:
        self.number += len(self._row)
        self._row, self._room, self.quote_is_open = [], LONGEST_ROW, False

    @property
    def first(self) -> tuple[str, ...]:
        """Return the text of the row's first line, as a cell, unless it is too long."""
        (text,) = self._row[:1]
        return (text.rstrip("\r\n"),) if len(text) < LONGEST_ROW else ()

    def give_back(self) -> None:
        """Leave the row its first line; the others come again."""
        self._again.extendleft(reversed(self._row[1:]))
        del self._row[1:]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.quote_is_open = bool(self._row)
        if not (line := "" if self._row and self._again else self._take()):
            raise StopIteration
        self._row.append(line)
        self._room -= len(line)
        if self._room <= 0:
            raise csv.Error(f"a row has less than {LONGEST_ROW} characters")
        return line

    def _take(self) -> str:
        """Return the next line, of one that is too long the beginning alone."""
        if self._again:
            return self._again.popleft()
        line = rest = self._file.readline(LONGEST_ROW)
        while len(rest) == LONGEST_ROW and rest[-1] not in "\r\n":
            rest = self._file.readline(LONGEST_ROW)
        return line
