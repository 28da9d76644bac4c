"""Drive a client program: `drive.py PROGRAM` obeys lines on standard input and prints a JSON line for each.

The program has two functions, plain or async: `new_client()`, and `call(client)`, which makes one call to the
API and returns the status. The lines are `call`, `calls N` (at once: threads or tasks), `new` (from
cold) and `url URL` (what to call from now on).
"""

import asyncio
import importlib.util
import inspect
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a library prints is no answer


def load(path: str) -> ModuleType:
    """Import a program by its path."""
    spec = importlib.util.spec_from_file_location("program", path)
    assert spec
    assert spec.loader
    program = importlib.util.module_from_spec(spec)
    sys.modules["program"] = program
    spec.loader.exec_module(program)
    return program


def failed(error: BaseException) -> dict[str, Any]:
    """Return the first line of an error, without the secret."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    text = f"{type(error).__name__}: {error}".splitlines()[0]
    secret = Path(os.environ["CLIENT_SECRET_FILE"]).read_text()
    return {"error": text.replace(secret, "…")[:300]}


class Driver:
    """A program and its one client object."""

    def __init__(self, program: ModuleType) -> None:
        self.program = program
        self.loop = asyncio.Runner()
        self.client: Any = None

    def obey(self, line: str) -> dict[str, Any]:
        """Do what a line says; return what is printed."""
        command, _, rest = line.strip().partition(" ")
        try:
            if command == "new" or self.client is None:
                self.client = self.wait(self.program.new_client())
        except Exception as error:  # noqa: BLE001  any error of a library is an answer
            return failed(error)
        if command == "url":
            os.environ["API_URL"] = rest
        if command == "call":
            return self.once()
        if command == "calls":
            return {"statuses": self.at_once(int(rest))}
        return {}

    def wait(self, value: Any) -> Any:
        """Return a value, or what it becomes if it is awaitable."""
        return self.loop.run(_awaited(value)) if inspect.isawaitable(value) else value

    def once(self) -> dict[str, Any]:
        """Make one call."""
        try:
            return {"status": self.wait(self.program.call(self.client))}
        except Exception as error:  # noqa: BLE001  as above
            return failed(error)

    def at_once(self, count: int) -> list[dict[str, Any]]:
        """Make calls at once, as tasks or in threads."""
        if inspect.iscoroutinefunction(self.program.call):
            statuses: list[dict[str, Any]] = self.loop.run(self.tasks(count))
            return statuses
        start = threading.Barrier(count)

        def in_a_thread(_: int) -> dict[str, Any]:
            start.wait()
            return self.once()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(in_a_thread, range(count)))

    async def tasks(self, count: int) -> list[dict[str, Any]]:
        """Make calls as tasks of the loop."""
        calls = (self.program.call(self.client) for _ in range(count))
        statuses = await asyncio.gather(*calls, return_exceptions=True)
        return [failed(one) if isinstance(one, BaseException) else {"status": one} for one in statuses]


async def _awaited(value: Any) -> Any:
    return await value


driver = Driver(load(sys.argv[1]))
for asked in sys.stdin:
    print(json.dumps(driver.obey(asked)), file=OUT, flush=True)
