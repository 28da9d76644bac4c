"""An exercise: what its folder says, its copy of a service, and the check of the copy."""

import difflib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from exercises.patches import apply_patch, hunks

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", "test_*.py")
TEST = "tests/test_exercise.py"
# The settings of the checkout's tests would put the checkout's services on the path.
PYTEST = ("-m", "pytest", "-c", "pyproject.toml", "-o", "pythonpath=.", "--import-mode=importlib")
QUIET = ("-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-W", "error")


@dataclass(frozen=True, slots=True)
class Exercise:
    """What the files of an exercise say."""

    name: str  # of its folder: a number of two digits and a few words
    title: str
    service: str
    symptom: str
    lesson: str
    rfc: str

    @property
    def number(self) -> int:
        """Return the number by which a learner chooses the exercise."""
        return int(self.name.partition("-")[0])

    def read(self, file: str) -> str:
        """Return the text of one of its files."""
        return (HERE / self.name / file).read_text(encoding="utf-8")

    def copy_to(self, folder: Path, *, with_bug: bool = True) -> None:
        """Copy the service and the test of the exercise into a new folder; raise PatchError."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as unfinished:
            copy = Path(unfinished) / "copy"
            shutil.copytree(CHECKOUT / self.service, copy, ignore=NOT_COPIED)
            (copy / TEST).write_text(self.read("test_exercise.py"), encoding="utf-8")
            if with_bug:
                apply_patch(self.read("bug.patch"), copy)
            copy.rename(folder)  # so that an interrupted copy is never taken for a whole one

    def solution(self) -> Iterator[str]:
        """Yield the lines of a diff from the bug to the service as it is."""
        with TemporaryDirectory() as temporary:
            bugged = Path(temporary) / "copy"
            self.copy_to(bugged)
            for file in dict.fromkeys(hunk.file for hunk in hunks(self.read("bug.patch"))):
                before = (bugged / file).read_text(encoding="utf-8").splitlines()
                after = (CHECKOUT / self.service / file).read_text(encoding="utf-8").splitlines()
                yield from difflib.unified_diff(before, after, f"a/{file}", f"b/{file}", lineterm="")


def check(copy: Path) -> subprocess.CompletedProcess[str]:
    """Run the test of an exercise on its copy; the status is 0 if all passes, 1 if something fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON", "COV"))}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a third of the time, and no plugin is needed
    return subprocess.run(
        [sys.executable, *PYTEST, *QUIET, TEST],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def read_exercises() -> list[Exercise]:
    """Return all exercises in their order."""
    files = sorted(HERE.glob("[0-9][0-9]-*/exercise.toml"))
    return [Exercise(file.parent.name, **tomllib.loads(file.read_text(encoding="utf-8"))) for file in files]


def table(exercises: Iterable[Exercise]) -> str:
    """Return the rows of the list in docs/exercises.md."""
    head = "| N | what a user notices | service | to read |\n|---|---|---|---|\n"
    rows = (f"| {each.number} | {each.title} | `{each.service}` | {each.rfc} |\n" for each in exercises)
    return head + "".join(rows)
