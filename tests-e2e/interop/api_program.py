"""A running API of another framework (apis/), whose clock can be moved."""

import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from live_stack import free_ports

from interop.environments import Environment
from interop.rows import FOLDER, Row

SECONDS = 60
DRIVERS = FOLDER / "drivers"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "interop", "version": "1"},
    },
}


class ApiProgram:
    """One process that serves GET /timesheets, or the same by MCP, on a port of its own."""

    def __init__(self, environment: Environment, row: Row, variables: Mapping[str, str]) -> None:
        path = FOLDER / row.program
        if path.suffix == ".mjs":
            environment.command(DRIVERS / "serving.mjs")  # copied beside the program
        (self.port,) = free_ports(1)
        self._mcp = row.extra.get("request") == "mcp"
        self._host = urlsplit(variables["AUDIENCE"]).netloc
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 closed when the program ends
        self._process = subprocess.Popen(
            environment.command(path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env={
                "PATH": environment.path,
                "HOME": str(environment.folder),
                "NO_PROXY": "*",
                "PORT": str(self.port),
                "PYTHONPATH": str(DRIVERS),
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            },
            cwd=environment.folder,
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.05)
        self._errors.seek(0)
        said = self._errors.read()[-2000:]
        self.__exit__()
        raise RuntimeError(f"the program does not start:\n{said}")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def call(self, authorization: str | None) -> tuple[int, str]:
        """Return the status and the challenge; the Host is that of the audience."""
        headers = {"Host": self._host}
        if authorization:
            headers["Authorization"] = authorization
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            if self._mcp:
                accept = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
                connection.request("POST", "/timesheets", json.dumps(INITIALIZE), headers | accept)
            else:
                connection.request("GET", "/timesheets", headers=headers)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        return answer.status, answer.headers.get("WWW-Authenticate", "")
