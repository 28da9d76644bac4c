"""The rows of a CSV file as cells, in bounded memory whatever the file holds (RFC 4180, or with semicolons).

Not here: what the cells mean, see export.py.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

LONGEST_ROW = 1 << 20  # characters


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one row and the number of its first line; or, with no cells, why it cannot be read."""

    line: int
    cells: tuple[str, ...]
    fault: str = ""


def separator_of(file: TextIO) -> str:
    """Return what separates the cells of the first line, which is left to be read."""
    first = file.readline(LONGEST_ROW)
    file.seek(0)
    return max(",;", key=first.count)


def read_rows(file: TextIO, separator: str) -> Iterator[Cells]:
    """Yield the rows of a file opened with newline="", those that are no CSV too; after one, it goes on."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True, delimiter=separator)
    while True:
        line, lines.room = lines.number + 1, LONGEST_ROW
        try:
            row = Cells(line, tuple(next(reader)))
        except StopIteration:
            return
        except csv.Error as error:
            row = Cells(line, (), f"cannot be read as CSV: {error}")
        yield row


class _Lines:
    """The lines of a file, counted; one for which its row has no room is passed over, as a csv.Error."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.number, self.room = file, 0, LONGEST_ROW

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = rest = self._file.readline(LONGEST_ROW)
        if not line:
            raise StopIteration
        self.number += 1
        self.room -= len(line)
        while len(rest) == LONGEST_ROW and rest[-1] not in "\r\n":
            rest = self._file.readline(LONGEST_ROW)
        if self.room <= 0:
            raise csv.Error(f"a row has less than {LONGEST_ROW} characters")
        return line
