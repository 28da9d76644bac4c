"""Follow a page of the docs that tells how to change the project: make its changes in a copy."""

import re
from pathlib import Path

CHANGE = re.compile(
    r"^(New file|At the end of|In) `([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


def follow(page: str, folder: Path) -> list[str]:
    """Make every change of the page in this folder, and return the names of the new files."""
    new = []
    for where, name, block in CHANGE.findall(page):
        file = folder / name
        if where == "New file":
            assert not file.exists(), f"{name} exists"
            file.write_text(block)
            new.append(name)
        elif where == "At the end of":
            file.write_text(f"{file.read_text()}\n\n{block}")
        else:
            _patch(file, block.splitlines())
    return new


def _patch(file: Path, diff: list[str]) -> None:
    before = "".join(f"{line[1:]}\n" for line in diff if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in diff if not line.startswith("-"))
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name} does not have these lines exactly once:\n{before}"
    file.write_text(text.replace(before, after))
