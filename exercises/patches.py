"""Unified diffs, applied strictly: the lines of each hunk must stand in the file exactly once.

The line numbers of a hunk do not count. So a patch fits as long as these lines stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


class PatchError(Exception):
    """A hunk does not fit its file."""


@dataclass(slots=True)
class Hunk:
    """Lines of a file, before and after."""

    file: str
    lines: list[str] = field(default_factory=list)

    def text_without(self, mark: str) -> str:
        """Return the text on one side: without the lines that have this mark."""
        return "".join(f"{line[1:]}\n" for line in self.lines if not line.startswith(mark))


def hunks(patch: str) -> Iterator[Hunk]:
    """Yield the hunks of a unified diff."""
    file = ""
    hunk = Hunk(file)
    for line in patch.splitlines():
        if line.startswith("+++ b/"):
            file = line.removeprefix("+++ b/")
        elif line.startswith("@@"):
            hunk = Hunk(file)
            yield hunk
        elif not line.startswith(("--- ", "diff ", "index ")):
            hunk.lines.append(line)


def apply_patch(patch: str, folder: Path) -> None:
    """Change the files below a folder; raise PatchError."""
    for hunk in list(hunks(patch)):
        path = folder / hunk.file
        text = path.read_text(encoding="utf-8")
        before = hunk.text_without("+")
        if text.count(before) != 1:
            raise PatchError(f"{hunk.file} does not have these lines exactly once:\n{before}")
        path.write_text(text.replace(before, hunk.text_without("-")), encoding="utf-8")
