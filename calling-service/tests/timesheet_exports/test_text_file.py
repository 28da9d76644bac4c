import bz2
import gzip
import io
import lzma
import re
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timesheet_exports.text_file import (
    EXPORT_AGAIN,
    IN_A_SPREADSHEET,
    NOT_UTF_8,
    SAVE_AS,
    START,
    ExportError,
    not_utf_8,
    opened_export,
)

TEXT = "Date,Project\r\n2026-11-09,Café 👩\u200d💻\r\n"
XLSX = f"is an Excel workbook (xlsx); {IN_A_SPREADSHEET}"
WEB_PAGE = f"is HTML or XML; {EXPORT_AGAIN}, or {IN_A_SPREADSHEET}"
NO_MARK = f"is not text, or is UTF-16 without a byte order mark; {SAVE_AS}"


def read(path: Path) -> str:
    with opened_export(path) as text:
        return text.read()


def archive(*names: str, content: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name in names:
            members.writestr(name, content)
    return file.getvalue()


ODS = archive("mimetype", "content.xml", content="application/vnd.oasis.opendocument.spreadsheet")


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_reads_utf_8_and_utf_16_with_a_byte_order_mark(tmp_path: Path, encoding: str, mark: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{mark}{TEXT}".encode(encoding))
    if mark or encoding == "utf-8":
        assert read(path) == TEXT
    else:
        with pytest.raises(ExportError, match=re.escape(NO_MARK)):
            read(path)


@pytest.mark.fuzz
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff")), data=st.data())
def test_reads_any_text_after_the_header(
    tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("text") / "a.csv"
    path.write_bytes(f"Date\r\n{text}".encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))))
    assert read(path) == f"Date\r\n{text}"


@pytest.mark.fuzz
@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"a,b\n"]))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, before: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "a.csv"
    path.write_bytes(before + content)
    with suppress(ExportError):
        read(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), XLSX),
        (archive("docProps/app.xml", "xl/workbook.xml"), XLSX),
        (archive("_rels/.rels"), XLSX),
        (ODS, f"is an OpenDocument file (ods); {IN_A_SPREADSHEET}"),
        (archive("Index/Document.iwa"), "is a Numbers spreadsheet; "),
        (archive("a.csv"), "is a zip archive; unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"is an Excel workbook (xls); {IN_A_SPREADSHEET}"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", f"is a PDF document; {EXPORT_AGAIN}"),
        (gzip.compress(TEXT.encode()), "is compressed with gzip; unpack it"),
        (bz2.compress(TEXT.encode()), "is compressed with bzip2; unpack it"),
        (lzma.compress(TEXT.encode()), "is compressed with xz; unpack it"),
        (TEXT.encode("utf-32"), f"is UTF-32; {SAVE_AS}"),
        (b"\0\0\xfe\xff" + TEXT.encode("utf-32-be"), f"is UTF-32; {SAVE_AS}"),
        (TEXT.encode("utf-32-le"), NO_MARK),
        ("\r\n\r\nDate,Project\r\n".encode("utf-16-le"), NO_MARK),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", NO_MARK),
        (b"<!DOCTYPE html><table>", WEB_PAGE),
        ("\ufeff \r\n<?xml version='1.0'?>".encode(), WEB_PAGE),
        ("\ufeff<table>".encode("utf-16-le"), WEB_PAGE),
        (b'{"entries": []}', f"is not CSV but perhaps JSON; {EXPORT_AGAIN}"),
        (b'[{"entry": 1}]', f"is not CSV but perhaps JSON; {EXPORT_AGAIN}"),
        ("Tätigkeit,Stunden\n".encode("cp1252"), f"has a first line that {NOT_UTF_8}"),
        ("\n;;\nTätigkeit;Stunden\n".encode("mac-roman"), f"has a first line that {NOT_UTF_8}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives have the time in their bytes
)
def test_says_what_a_file_is_that_is_not_taken(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ExportError) as refused:
        read(path)
    assert str(refused.value).startswith(reason)


def test_a_byte_that_is_not_utf_8_spoils_only_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\nCaf\xe9\nCaf\xc3\xa9\n")
    assert [not_utf_8(line) for line in read(path).splitlines()] == [False, True, False]


@pytest.mark.parametrize("broken", [b"\x00\xd8", b"\x00\xdc", b"\x41"])
def test_what_is_broken_in_utf_16_becomes_a_replacement_character(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffa\r\nb".encode("utf-16-le") + broken)
    assert read(path) == "a\r\nb\ufffd"


def test_a_character_across_the_end_of_what_is_looked_at_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x" * (START - 1) + "é\n", encoding="utf-8")
    assert read(path).endswith("xé\n")
