"""The rows of a CSV file as cells, in bounded memory whatever the file holds (RFC 4180, or other separators).

Not here: the encoding (text_file.py); what the cells mean (entry_rows.py).
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TextIO

from timesheet_exports.names import normalised
from timesheet_exports.text_file import ExportError

LONGEST_ROW = 1 << 20  # characters
SEPARATORS = ",;\t|"
BLANK_LINE = re.compile(rf'["\s{SEPARATORS}]*')
NOT_BLANK = re.compile(rf"[^\s{SEPARATORS}]")
QUOTED_CELL = re.compile(rf'(?<![^{SEPARATORS}])"[^"]*(?:""[^"]*)*"?')
NAMED_SEPARATOR = re.compile(rf'\ufeff*"?sep=([^\r\n])"?[\s{SEPARATORS}]*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cells:
    """One row: if it cannot be split, its only cell is its first line; if that is too long, it has none."""

    line: int  # the number of its first one
    cells: tuple[str, ...]
    fault: str = ""  # what is wrong with the row


def separator_of(file: TextIO) -> str:
    """Return what separates the cells of the first row, and leave the file at its start.

    Excel's `sep=;` decides; otherwise it is the separator that stands there most often outside of quotes.
    Raise ExportError if `sep=` names another character.
    """
    row = _first_row(file)
    file.seek(0)
    named = NAMED_SEPARATOR.fullmatch(row)
    if not named:
        return max(SEPARATORS, key=QUOTED_CELL.sub("", row).count)
    if named[1] not in SEPARATORS:
        raise ExportError(f"has {named[1]!r} between its cells; use a comma, a semicolon, a tab or |")
    return named[1]


def _first_row(file: TextIO) -> str:
    """Return the first row that is not blank, with all lines of its quoted cells."""
    lines: list[str] = []
    quotes = 0
    room = LONGEST_ROW
    while line := file.readline(room):
        if lines or not BLANK_LINE.fullmatch(line):
            lines.append(line)
            room -= len(line)
            quotes += line.count('"')
            if quotes % 2 == 0:
                break
    return "".join(lines)


def read_rows(file: TextIO, separator: str) -> Iterator[Cells]:
    """Yield the rows of a file opened with newline="", also those that are not CSV or have another width.

    The first row is the header: it comes without blanks around its names and unnamed columns at its end.
    Rows whose cells are all blank are left out, also those of another separator, and so is a first line
    `sep=;`. Blank cells of a row beyond the header's width are cut off. A row may not have fewer cells: any
    of them may be the missing one.

    If a faulty row has several lines, a quote may be missing in the first. Then that line alone is at fault,
    and the lines that the row has run over are read again.
    """
    lines = _Lines(file)
    width = 0
    for split in _split(lines, separator):
        row = split
        if _is_blank(row) or (not width and _names_separator(row, separator)):
            continue
        if not width:
            row = _header(row)
            width = len(row.cells)
        row = _fitted(row, width)
        if row.fault and lines.quote_is_open:
            row = Cells(row.line, lines.first, f"{row.fault}, and a quote is not closed on this line")
            lines.give_back()
        yield row


def _split(lines: "_Lines", separator: str) -> Iterator[Cells]:
    reader = csv.reader(lines, strict=True, delimiter=separator)
    while True:
        lines.begin_row()
        try:
            cells = tuple(next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            yield Cells(lines.number, lines.first, f"cannot be read as CSV: {error}")
        else:
            yield Cells(lines.number, cells)


def _is_blank(row: Cells) -> bool:
    return not row.fault and not NOT_BLANK.search("".join(row.cells))


def _names_separator(row: Cells, separator: str) -> bool:
    return NAMED_SEPARATOR.fullmatch(separator.join(row.cells)) is not None


def _header(row: Cells) -> Cells:
    """Return the header with clean names; a byte order mark remains where two files were joined."""
    names = [normalised(cell.replace("\ufeff", "").strip()) for cell in row.cells]
    while names and not names[-1]:
        names.pop()
    return replace(row, cells=tuple(names))


def _fitted(row: Cells, width: int) -> Cells:
    """Return the row with as many cells as the header, or with a fault."""
    if row.fault or len(row.cells) == width:
        return row
    if len(row.cells) > width and not any(map(str.strip, row.cells[width:])):
        return replace(row, cells=row.cells[:width])
    return replace(row, fault=f"has {len(row.cells)} cells, the header {width}")


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
            raise csv.Error(f"the row is longer than {LONGEST_ROW} characters")
        return line

    def _take(self) -> str:
        """Return the next line, but only the beginning of one that is too long."""
        if self._again:
            return self._again.popleft()
        line = rest = self._file.readline(LONGEST_ROW)
        while len(rest) == LONGEST_ROW and rest[-1] not in "\r\n":
            rest = self._file.readline(LONGEST_ROW)
        return line
