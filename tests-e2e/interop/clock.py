"""A clock that moves for one process: Debian's libfaketime, unpacked into an environment."""

import os
from pathlib import Path

from interop.environments import prepare
from interop.rows import Row

LIBRARY = Row("libfaketime", "Debian", ["libfaketime"], settings="", surprises=[])


def library() -> Path:
    """Return the library to preload."""
    return next(prepare(LIBRARY).folder.glob("usr/lib/*/faketime/libfaketimeMT.so.1"))


class Clock:
    """The clock of processes that were started with `variables`; it can be moved forward while they run."""

    def __init__(self, library: Path, file: Path) -> None:
        self._file = file
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
        }
        self.move(0)

    def move(self, seconds: int) -> None:
        """Let the clock be so many seconds ahead of the real one."""
        new = self._file.with_suffix(".new")
        new.write_text(f"+{seconds}\n")
        os.replace(new, self._file)  # noqa: PTH105 atomic: a process may read at any time
