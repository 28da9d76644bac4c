"""Follow a page of the docs that tells how to change the project: its steps, in a copy.

The page introduces a change with `New file`, `At the end of` or `In` (for a diff) and the name of the file. A
console block is a step too: its commands are run.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STEP = re.compile(
    r"(?:(New file|At the end of|In) `([^`\n]+)`:\n\n```\w+|^```console)\n(.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step; a console block has no `where` and no `file`."""

    where: str
    file: str
    text: str

    def change(self, folder: Path) -> None:
        """Make the change in this folder."""
        file = folder / self.file
        if self.where == "New file":
            assert not file.exists(), f"{self.file} exists"
            file.write_text(self.text)
        elif self.where == "At the end of":
            file.write_text(f"{file.read_text()}\n\n{self.text}")
        else:
            _patch(file, self.text.splitlines())


def steps(page: str) -> Iterator[Step]:
    """Yield the steps of a page in their order."""
    for where, file, text in STEP.findall(page):
        yield Step(where, file, text)


def _patch(file: Path, diff: list[str]) -> None:
    before = "".join(f"{line[1:]}\n" for line in diff if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in diff if not line.startswith("-"))
    text = file.read_text()
    assert text.count(before) == 1, f"{file.name} does not have these lines exactly once:\n{before}"
    file.write_text(text.replace(before, after))
