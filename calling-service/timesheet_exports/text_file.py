"""An export as text: UTF-8, or UTF-16 with a byte order mark. What else it is, the message says.

Not here: rows and cells (csv_rows.py).
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

START = 1 << 16  # bytes by which a file is recognised
SAVE_AS = 'save it as "CSV UTF-8"'
IN_A_SPREADSHEET = f"open it in a spreadsheet and {SAVE_AS}"
EXPORT_AGAIN = "export the entries as CSV"

SIGNATURES = {  # of files that are sometimes named .csv
    b"\xff\xfe\0\0": f"is UTF-32; {SAVE_AS}",
    b"\0\0\xfe\xff": f"is UTF-32; {SAVE_AS}",
    b"\xd0\xcf\x11\xe0": f"is an Excel workbook (xls); {IN_A_SPREADSHEET}",
    b"%PDF-": f"is a PDF document; {EXPORT_AGAIN}",
    b"\x1f\x8b": "is compressed with gzip; unpack it",
    b"\xfd7zXZ\0": "is compressed with xz; unpack it",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it",
    b"BZh": "is compressed with bzip2; unpack it",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it",
}
ZIP = b"PK\x03\x04"
IN_A_ZIP = {  # by a name within it
    b"application/vnd.oasis.opendocument": f"is an OpenDocument file (ods); {IN_A_SPREADSHEET}",
    b"[Content_Types].xml": f"is an Excel workbook (xlsx); {IN_A_SPREADSHEET}",
    b"docProps/": f"is an Excel workbook (xlsx); {IN_A_SPREADSHEET}",
    b"_rels/": f"is an Excel workbook (xlsx); {IN_A_SPREADSHEET}",
    b"xl/": f"is an Excel workbook (xlsx); {IN_A_SPREADSHEET}",
    b"Index/": f"is a Numbers spreadsheet; {IN_A_SPREADSHEET}",
    b"": "is a zip archive; unpack it",
}
FIRST_CHARACTERS = {
    "<": f"is HTML or XML; {EXPORT_AGAIN}, or {IN_A_SPREADSHEET}",
    "{": f"is not CSV but perhaps JSON; {EXPORT_AGAIN}",
    "[": f"is not CSV but perhaps JSON; {EXPORT_AGAIN}",
}
UNDECODED = re.compile("[\udc80-\udcff]")  # how surrogateescape decodes a byte that is not UTF-8
NOT_UTF_8 = "is not UTF-8, perhaps Windows-1252; save the export as UTF-8"


class ExportError(Exception):
    """The file is not an export: what it is, and how to save it anew."""


def not_utf_8(text: str) -> bool:
    """Return whether the text was read from bytes that are not UTF-8."""
    return bool(UNDECODED.search(text))


def encoding_of(start: bytes) -> str:
    """Return the encoding of a text by its byte order mark."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


@contextmanager
def opened_export(path: Path) -> Iterator[TextIO]:
    """Open an export for `csv_rows`; raise ExportError if it is not text that can be read.

    A byte that is not UTF-8 becomes a surrogate (see `not_utf_8`), so that only its row is lost. What is
    broken in UTF-16 becomes U+FFFD.
    """
    with path.open("rb") as file:
        start = file.read(START)
        _check_signature(start)
        encoding = encoding_of(start)
        errors = "surrogateescape"
        if encoding == "utf-16":
            errors = "replace"
        _check_first_line(codecs.getincrementaldecoder(encoding)(errors).decode(start))
        file.seek(0)
        with io.TextIOWrapper(file, encoding, errors, newline="") as text:
            yield text


def _check_signature(start: bytes) -> None:
    if start.startswith(ZIP):
        raise ExportError(next(what for name, what in IN_A_ZIP.items() if name in start))
    for signature, what in SIGNATURES.items():
        if start.startswith(signature):
            raise ExportError(what)


def _check_first_line(text: str) -> None:
    first = re.split("[\r\n]", text.lstrip("\ufeff\0\r\n\t ;,|"), maxsplit=1)[0]
    what = FIRST_CHARACTERS.get(first[:1])
    if what:
        raise ExportError(what)
    if "\0" in first or ("\0" in text and not_utf_8(first)):
        raise ExportError(f"is not text, or is UTF-16 without a byte order mark; {SAVE_AS}")
    if not_utf_8(first):
        raise ExportError(f"has a first line that {NOT_UTF_8}")
