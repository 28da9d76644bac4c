"""Actions: an operator's own rules, each a Python file with `on_execute_credentials_exchange(event, api)`.

They run in the order of their file names and can only narrow. One that fails, fails the exchange. They are
the operator's code and run inside the server: this is no sandbox.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auth_server.actions.api import Api, Event, Narrowing, api_on
from auth_server.errors import ServerError

log = logging.getLogger(__name__)

HOOK = "on_execute_credentials_exchange"
_CHECK_SECONDS = 1.0

Hook = Callable[[Event, Api], None]
Version = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    version: Version
    hooks: tuple[Hook, ...]


class Actions:
    """The Actions of a folder, loaded again when a file changes; a look each second tells."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._loaded: _Loaded | None = None
        self._check_at = 0.0

    def narrow(self, event: Callable[[], Event]) -> Narrowing | None:
        """Run all Actions until one denies; None where there are none. Raise ServerError where one fails."""
        try:
            hooks = self._current()
            if not hooks:
                return None
            narrowing = Narrowing()
            happening, api = event(), api_on(narrowing)
            for hook in hooks:
                hook(happening, api)
                if narrowing.denial:
                    break
        except BaseException as error:
            where = self._where(error)
            log.exception("action failed", extra={"event": {"action": where}})
            raise ServerError(reason=f"action failed: {where}") from None
        return narrowing

    def _current(self) -> tuple[Hook, ...]:
        now, loaded = self._now(), self._loaded
        if loaded is None or now >= self._check_at:
            self._loaded = None  # what does not load must not leave the old ones in force
            version = tuple(self._files())
            if loaded is None or version != loaded.version:
                loaded = _Loaded(version, tuple(_load(self._folder / name) for name, *_ in version))
            self._loaded, self._check_at = loaded, now + _CHECK_SECONDS
        return loaded.hooks

    def _files(self) -> Iterator[tuple[str, int, int, int]]:
        with os.scandir(self._folder) as entries:
            found = sorted((entry.name, entry.stat()) for entry in entries if _is_action(entry.name))
        for name, stat in found:
            yield name, stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _where(self, error: BaseException) -> str:
        """Name file and line of what failed: the last one in an Action, or where it does not parse."""
        if isinstance(error, SyntaxError) and error.filename:
            return f"{error.filename}:{error.lineno}"
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).parent == self._folder]
        return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else str(self._folder)


def _is_action(name: str) -> bool:
    # Hidden ones are an editor's or macOS's: `.#name.py`, a link to nowhere, is Emacs's lock.
    return name.endswith(".py") and not name.startswith(".")


def _load(file: Path) -> Hook:
    names: dict[str, Any] = {"__name__": file.stem, "__file__": str(file)}
    exec(compile(file.read_bytes(), file, "exec"), names)  # noqa: S102 an Action is code
    if not callable(names.get(HOOK)):
        raise TypeError(f"{file} defines no function {HOOK}")

    def hook(event: Event, api: Api) -> None:
        # A coroutine has not run yet, and what a Hook of Auth0 returns would narrow: that is no consent.
        if (returned := names[HOOK](event, api)) is not None:
            raise TypeError(f"{HOOK} in {file} must return nothing, not a {type(returned).__name__}")

    return hook
