"""What a cell says, whatever a spreadsheet made of it. Not here: hours (durations.py), dates (dates.py)."""

import re
from functools import lru_cache

from timesheet_exports import names
from timesheet_exports.text_file import NOT_UTF_8, not_utf_8

LONGEST = {"external_id": 64, "user_id": 64, "project": 100}  # characters
FORMULA = re.compile(r'=\s*(T\()?"((?:[^"]|"")*)"(?(1)\))', re.IGNORECASE)  # one that yields this text
FAILED = re.compile(r"#[¡¿]?[A-Z0/]{2,8}[!?]|#N/A|#N/D|#NV|#{4,}|Err:5[0-9]{2}")  # or a column too narrow
MARKED = re.compile(r"'[0-9=+@.-]")
EXPONENT = re.compile(r"[0-9]{1,3}(?:[.,][0-9]+[eE][+-]?|[eE][+-])[0-9]{1,3}")


class CellError(ValueError):
    """A cell cannot be used: what is wrong with it."""


def text_of(cell: str) -> str:
    """Return a cell's text, without the means by which spreadsheets keep text as text.

    '0012, ="0012" and =T("0012") are all 0012. An apostrophe before a letter belongs to the text: 't Hooft.
    """
    text = cell.strip()
    if text[:1] not in {"'", "="}:
        return text
    if MARKED.match(text):
        text = text[1:]
    formula = FORMULA.fullmatch(text)
    if formula:
        return formula[2].replace('""', '"').strip()
    return text


def identifier(cell: str) -> str:
    """Return a text that identifies something; raise CellError if a spreadsheet has changed it."""
    text = text_of(cell).removeprefix("'")
    if EXPONENT.fullmatch(text):
        raise CellError(f"{text} is a number that a spreadsheet has rounded; take it from the tool again")
    if text.startswith("="):
        raise CellError("is a formula; save the file with what it yields")
    return text


@lru_cache(4096)  # the same few come again and again
def user_id(cell: str) -> str:
    """Return the user that a cell names; raise CellError if the API would refuse it."""
    return require_text("user_id", names.normalised(identifier(cell)))


@lru_cache(4096)
def project(cell: str) -> str:
    """Return the project that a cell names; raise CellError if the API would refuse it."""
    return require_text("project", names.normalised(text_of(cell)))


def require_text(field: str, text: str) -> str:
    """Return the value of a field that is text; raise CellError if the API would refuse it."""
    if not_utf_8(text):
        raise CellError(NOT_UTF_8)
    if FAILED.fullmatch(text):
        raise CellError(
            f"{text} is what a spreadsheet shows in place of a value; take it from the tool again"
        )
    if len(text) > LONGEST[field]:
        raise CellError(f"is longer than {LONGEST[field]} characters")
    reason = names.reason(text)
    if reason:
        raise CellError(reason)
    return text
