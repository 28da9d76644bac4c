"""A shell into which commands are pasted as the docs have them; their addresses lead to a copy's ports."""

import subprocess

from live_stack import SERVICES, Stack


class Shell:
    """A bash that keeps its variables from block to block."""

    def __init__(self, stack: Stack) -> None:
        redirect = " ".join(
            f"--connect-to localhost:{public}:127.0.0.1:{stack.ports[service]}"
            for service, public in zip(SERVICES, (9000, 9001, 9002), strict=True)
        )
        self.process = subprocess.Popen(
            ["bash"],
            cwd=stack.folder,
            env=stack.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run(f'curl() {{ command curl {redirect} "$@"; }}')

    def run(self, command: str) -> str:
        """Run a command and return what it printed."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{command}\necho; echo END-OF-OUTPUT\n")
        self.process.stdin.flush()
        lines = iter(self.process.stdout.readline, "END-OF-OUTPUT\n")
        return "".join(lines).strip()

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=10)
