"""A credential file that another system has written: an editor, Windows, a container platform."""

import os
import traceback
from pathlib import Path

import pytest
from calling_service.oauth_client.credential_file import LONGEST, read_credential

SECRET = "a+b/c d%e:f="
ENCODING = "is not in UTF-8, but perhaps in UTF-16; save it in UTF-8"
EMPTY = "is empty; write the credential into it"
NO_FILE = f"is not a file of at most {LONGEST} bytes; name the file with the credential"


@pytest.mark.parametrize(
    "content",
    [
        SECRET.encode(),
        f"{SECRET}\n".encode(),
        f"{SECRET}\r\n\r\n".encode(),
        f"\n{SECRET}\n\n\n".encode(),
        b"\xef\xbb\xbf" + f"{SECRET}\r\n".encode(),
    ],
)
def test_reads_the_text_without_byte_order_mark_and_outer_line_ends(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    assert read_credential(tmp_path / "secret") == SECRET


@pytest.mark.parametrize("secret", [" a b ", "XaX"])
def test_all_but_line_ends_belongs_to_the_secret(tmp_path: Path, secret: str) -> None:
    (tmp_path / "secret").write_text(f"{secret}\n")
    assert read_credential(tmp_path / "secret") == secret


def test_reads_a_file_of_the_longest_length(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a" * LONGEST)
    assert len(read_credential(tmp_path / "secret")) == LONGEST


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (SECRET.encode("utf-16"), ENCODING),
        (SECRET.encode("utf-16-le"), ENCODING),
        (SECRET.encode("utf-16-be"), ENCODING),
        (SECRET.encode("utf-32"), ENCODING),
        ("geheim-mit-ü".encode("cp1252"), ENCODING),
        (b"", EMPTY),
        (b"\r\n", EMPTY),
        (b"  \n", EMPTY),
        (b"\xef\xbb\xbf", EMPTY),
    ],
)
def test_the_error_says_what_is_wrong_and_quotes_nothing(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ValueError, match=r"^is ") as error:
        read_credential(tmp_path / "secret")
    assert str(error.value) == fault
    printed = "".join(traceback.format_exception(error.value))
    assert not any(part in printed for part in ("a+b", "geheim", "0x", "xfc"))


def test_the_error_names_why_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (("none", "FileNotFoundError"), ("loop", "OSError"), ("loop/x", "OSError")):
        with pytest.raises(ValueError, match=r"^cannot") as error:
            read_credential(tmp_path / name)
        assert str(error.value) == f"cannot be read ({reason}); name a readable file"


def test_what_has_no_end_or_no_writer_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "image").write_bytes(b"a" * (LONGEST + 1))
    for path in (tmp_path / "pipe", tmp_path / "image", tmp_path, Path("/dev/zero")):
        with pytest.raises(ValueError, match=r"^is not a file") as error:
            read_credential(path)
        assert str(error.value) == NO_FILE


def test_a_file_that_kubernetes_swaps_by_a_link_is_read_anew(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "secret").write_text(f"secret-{number}\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "secret").symlink_to("..data/secret")
    assert read_credential(tmp_path / "secret") == "secret-1"
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert read_credential(tmp_path / "secret") == "secret-2"
