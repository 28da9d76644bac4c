"""The file that holds a client's secret or private key, whatever system has written it.

The text is not kept: each token request reads the file again, so that a file that is replaced counts at once.
If it is missing or empty while it is replaced, that request alone fails, and valid tokens stay in use.
"""

from codecs import BOM_UTF8
from pathlib import Path

LONGEST = 64 * 1024  # bytes


def read_credential(file: Path) -> str:
    """Return the text in the file; raise ValueError, whose message quotes nothing of it.

    A byte order mark, and line ends before and after the text, are no part of it.
    """
    try:
        size = file.stat().st_size
        # Reading a named pipe would wait for its writer, and a device may have no end.
        if not file.is_file() or size > LONGEST:
            raise ValueError(f"is not a file of at most {LONGEST} bytes; name the file with the credential")
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read ({type(error).__name__}); name a readable file") from None
    try:
        text = content.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # as in UTF-16 without a byte order mark
        raise ValueError("is not in UTF-8, but perhaps in UTF-16; save it in UTF-8")
    if not text.strip():
        raise ValueError("is empty; write the credential into it")
    return text.strip("\r\n")
