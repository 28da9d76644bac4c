"""One process with one client object, which does what lines on its standard input say (drivers/)."""

import json
import subprocess
import threading
from collections.abc import Mapping
from typing import Any, Self, cast

from interop.environments import Environment
from interop.rows import FOLDER

SECONDS = 90


class ClientProgram:
    """A running client program; each method is one of its commands."""

    def __init__(self, environment: Environment, program: str, variables: Mapping[str, str]) -> None:
        path = FOLDER / program
        driver = FOLDER / "drivers" / ("drive.mjs" if path.suffix == ".mjs" else "drive.py")
        command = [*environment.command(driver), environment.command(path)[-1]]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PATH": environment.path, "HOME": str(environment.folder), "NO_PROXY": "*", **variables},
            cwd=environment.folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.stdout
        self._process.stdout.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def call(self) -> dict[str, Any]:
        """Make one call; return `{"status": 200}` or `{"error": "Name: message"}`."""
        return self._do("call")

    def calls(self, count: int) -> list[dict[str, Any]]:
        """Make calls at once; return what each came to."""
        return cast(list[dict[str, Any]], self._do(f"calls {count}")["statuses"])

    def new(self) -> None:
        """Drop the client object and make another one, which has no token."""
        self._do("new")

    def turn_to(self, url: str) -> None:
        """Let the program call another route of the API."""
        self._do(f"url {url}")

    def _do(self, line: str) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        late = threading.Timer(SECONDS, self._process.kill)
        late.start()
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            printed = self._process.stdout.readline()
        finally:
            late.cancel()
        assert printed, f"the program ended, or did not answer {line!r} within {SECONDS} seconds"
        return cast(dict[str, Any], json.loads(printed))
