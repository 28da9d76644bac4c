"""The folder of Actions: each a Python file with `on_execute_credentials_exchange(event, api)`.

They run in the order of their file names; if one fails, the request fails. They are the operator's code and
run inside the server, which is not a sandbox.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auth_server.actions.api import Api, Event, Narrowing, api_on
from auth_server.errors import ServerError

log = logging.getLogger(__name__)

HOOK = "on_execute_credentials_exchange"
_CHECK_SECONDS = 1.0

Hook = Callable[[Event, Api], None]
Files = list[tuple[str, int, int, int]]  # an edit changes the time, the size or the inode behind the name


@dataclass(frozen=True, slots=True)
class _Loaded:
    files: Files
    hooks: tuple[Hook, ...]


class Actions:
    """The Actions of a folder; once a second it looks for changed files, and then loads all again."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._loaded: _Loaded | None = None
        self._check_at = 0.0

    def narrow(self, make_event: Callable[[], Event]) -> Narrowing:
        """Run the Actions until one denies; raise ServerError if one fails. Without any, make no event."""
        narrowing = Narrowing()
        try:
            hooks = self._current()
            if hooks:
                _run(hooks, make_event(), narrowing)
        except BaseException as error:
            where = self._where(error)
            log.exception("action failed", extra={"action": where})
            raise ServerError(reason=f"action failed: {where}") from None
        return narrowing

    def _current(self) -> tuple[Hook, ...]:
        now = self._now()
        loaded = self._loaded
        if loaded is None or now >= self._check_at:
            self._loaded = None  # if a file does not load, the old ones must not stay in force
            files = self._files()
            if loaded is None or loaded.files != files:
                loaded = _Loaded(files, tuple(_load(self._folder / name) for name, *_ in files))
            self._loaded = loaded
            self._check_at = now + _CHECK_SECONDS
        return loaded.hooks

    def _files(self) -> Files:
        with os.scandir(self._folder) as entries:
            # Hidden files are an editor's or macOS's: Emacs locks a file with `.#name.py`, a link to nowhere.
            actions = [entry for entry in entries if entry.name.endswith(".py") and entry.name[0] != "."]
            found = sorted((entry.name, entry.stat()) for entry in actions)
        return [(name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in found]

    def _where(self, error: BaseException) -> str:
        """Return file and line of the failure: the last one in an Action, or where it does not parse."""
        if isinstance(error, SyntaxError) and error.filename:
            return f"{error.filename}:{error.lineno}"
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).parent == self._folder]
        return f"{ours[-1].filename}:{ours[-1].lineno}" if ours else str(self._folder)


def _run(hooks: tuple[Hook, ...], event: Event, narrowing: Narrowing) -> None:
    api = api_on(narrowing)
    for hook in hooks:
        hook(event, api)
        if narrowing.denial:
            return


def _load(file: Path) -> Hook:
    names: dict[str, Any] = {"__name__": file.stem, "__file__": str(file)}
    exec(compile(file.read_bytes(), file, "exec"), names)  # noqa: S102 an Action is code
    if not callable(names.get(HOOK)):
        raise TypeError(f"{file} does not define a function {HOOK}")

    def hook(event: Event, api: Api) -> None:
        returned = names[HOOK](event, api)
        # A coroutine has not run yet, and a Hook of Auth0 narrows by what it returns: neither is consent.
        if returned is not None:
            raise TypeError(f"{HOOK} in {file} must return nothing, not a {type(returned).__name__}")

    return hook
