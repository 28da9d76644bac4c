"""A Valkey of one test, in a container, which the test may stop, pause and start again."""

import os
import secrets
import subprocess

from live_stack import eventually, free_ports

IMAGE = "valkey/valkey:8"
PASSWORD = "of-the-test"


def why_no_valkey() -> str:
    """Return why no container can be started here; empty: one can."""
    try:
        engine = subprocess.run(["docker", "info"], check=False, capture_output=True)
        image = subprocess.run(["docker", "image", "inspect", IMAGE], check=False, capture_output=True)
    except OSError:
        return "there is no Docker"
    if engine.returncode:
        return "no Docker Engine answers"
    if image.returncode and "CI" not in os.environ:
        return f"the image is not here; docker pull {IMAGE}"
    return ""


class ValkeyServer:
    """A server on a port of its own, so that it keeps its address when it is started again."""

    def __init__(self) -> None:
        (port,) = free_ports(1)
        self.url = f"valkey://127.0.0.1:{port}"
        self.name = f"valkey-of-a-test-{secrets.token_hex(4)}"
        publish = f"127.0.0.1:{port}:6379"
        serve = ["valkey-server", "--requirepass", PASSWORD, "--save", ""]
        self._run("run", "--detach", "--name", self.name, "--publish", publish, IMAGE, *serve)
        self._wait()

    def docker(self, verb: str) -> None:
        """Do this to the container: stop, start, restart, pause or unpause."""
        self._run(verb, *(["--time", "0"] if verb in {"stop", "restart"} else []), self.name)
        if verb in {"start", "restart"}:
            self._wait()

    def keys(self) -> list[str]:
        """Return the names of what the server has stored."""
        return sorted(self._ask("keys", "*").split())

    def forget(self) -> None:
        """Delete everything that the server has stored."""
        self._ask("flushall")

    def remove(self) -> None:
        """Remove the container."""
        self._run("rm", "--force", "--volumes", self.name)

    def _wait(self) -> None:
        eventually(lambda: self._ask("ping").strip() == "PONG" or None, "Valkey answers")

    def _ask(self, *command: str) -> str:
        client = ["exec", "--env", f"REDISCLI_AUTH={PASSWORD}", self.name, "valkey-cli", *command]
        return subprocess.run(["docker", *client], check=False, capture_output=True, text=True).stdout

    def _run(self, *command: str) -> None:
        subprocess.run(["docker", *command], check=True, capture_output=True, timeout=60)
