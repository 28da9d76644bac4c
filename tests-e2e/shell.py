"""Run the commands of a page as a reader would: paste them into a shell and compare what they print.

The page's addresses have the usual ports, and a copy has others.

Not here: which pages are run (test_readme.py, test_recipes.py).
"""

import re
import subprocess
from collections.abc import Iterator

from live_stack import SERVICES, Stack


class Shell:
    """A bash that keeps its variables between commands."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.process = subprocess.Popen(
            ["bash"],
            cwd=stack.folder,
            env=stack.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # The pages show gunicorn's spelling of reason phrases and header names; granian has another.
        self.spelling = re.IGNORECASE if stack.environment.get("SERVER") == "granian" else re.NOFLAG

    def run(self, command: str) -> str:
        """Run a command and return what it printed."""
        assert self.process.stdin
        assert self.process.stdout
        # A program that reads its input must not take the commands that follow: docker compose does.
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\necho; echo END-OF-OUTPUT\n")
        self.process.stdin.flush()
        lines = iter(self.process.stdout.readline, "END-OF-OUTPUT\n")
        return "".join(lines).lstrip("\n").rstrip()  # the first line may be indented

    def run_block(self, block: str) -> None:
        """Run the commands of a console block; fail at the first that prints something else than shown."""
        for command, expected in commands(on_ports_of(self.stack, block)):
            printed = self.run(command)
            shown = re.compile(pattern(expected), self.spelling)
            assert shown.fullmatch(printed and f"{printed}\n"), f"$ {command}\n{printed}"

    def __enter__(self) -> "Shell":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate("kill $(jobs -p) 2>/dev/null\n", timeout=10)  # what a page has left running


def on_ports_of(stack: Stack, text: str) -> str:
    """Return a page's text with the ports of a copy in its addresses."""
    for service, port in zip(SERVICES, ("9000", "9001", "9002"), strict=True):
        text = re.sub(rf"(localhost(:|%3A)){port}\b", rf"\g<1>{stack.ports[service]}", text)
    return text


def blocks(page: str, *languages: str) -> list[tuple[str, str]]:
    """Return (language, text) of a page's fenced blocks in these languages, in their order."""
    return re.findall(rf"^```({'|'.join(languages)})\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield (command, expected output); a command continues after a backslash or a pipe at a line's end."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        match = re.match(r"((?:[^\n]*[\\|]\n)*[^\n]*)\n(.*)", part, re.DOTALL)
        assert match, part
        yield match[1], match[2]


def pattern(expected: str) -> str:
    """Return a pattern for the output shown: `…` stands for any text, and alone in a line for any lines."""
    lines = expected.rstrip("\n").splitlines()
    return "".join(
        "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + "\n" for line in lines
    )
