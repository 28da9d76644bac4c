"""docs/drills.md: the texts of the drills, and the tables that they printed, which are kept in `printed/`."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

from drills.drill import Drill

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs/drills.md"
PRINTED = HERE / "printed"
WIDTH = 128
INTRODUCTION = """\
# Drills: what happens when something breaks

A drill breaks one thing in a stack of its own, counts what happens to calls and bookings, and fails if that is not what it
expects. Its wrong twin leaves one protection out and shows the damage that the protection prevents. A drill needs no stack of
yours and does not touch its data: it runs a copy of the checkout on ports of its own, and removes it at the end.
It takes up to half a minute, with PostgreSQL up to two minutes, and is stopped if it takes much longer.

```sh
make drill                               # lists the drills
make drill NAME=token-stampede           # runs one
make drill NAME=token-stampede WRONG=1   # runs its wrong twin
make drill NAME=all                      # runs all of them with their twins, in about twenty minutes
```

The columns of the tables:

| column | what it counts |
|---|---|
| calls | all calls; each row is one kind of client |
| failed | calls that got no answer, or not the one that their caller wanted |
| refused rightly | calls that had to be refused, and were; with "not sent", those that the client had to hold back, and did |
| late | calls that were answered, but after more than a second or the time that the drill allows |
| booked twice | entries that were booked more than once |
| lost | entries that were sent or acknowledged, and are not booked |

`make drill NAME=… RECORD=1` writes this page again. The figures come from one run, on two cores that other programs used too.

| drill | what breaks |
|---|---|
"""


def keep(name: str, table: str, *, wrong: bool) -> None:
    """Keep the table of a drill or of its wrong twin."""
    _file(name, wrong=wrong).write_text(f"{table}\n", encoding="utf-8")


def all_are_kept(drills: Mapping[str, Drill]) -> bool:
    """Return whether each drill and each twin has a table."""
    return all(_file(name, wrong=wrong).exists() for name in drills for wrong in (False, True))


def page(drills: Mapping[str, Drill]) -> str:
    """Return the page."""
    rows = [f"| [`{name}`](#{_anchor(drill.title)}) | {drill.title} |\n" for name, drill in drills.items()]
    sections = ["\n".join(_section(name, drill)) for name, drill in drills.items()]
    return "\n".join([INTRODUCTION + "".join(rows), *sections])


def _section(name: str, drill: Drill) -> Iterator[str]:
    yield f"## {drill.title}\n"
    needs = " It needs Docker." if drill.needs_docker else ""
    yield _filled(f"`make drill NAME={name}`.{needs} {drill.breaks}")
    yield _filled(f"**Expected.** {drill.expects}")
    yield f"```text\n{_printed(name, wrong=False)}```\n"
    yield _filled(f"**The wrong twin.** {drill.left_out} {drill.damage}")
    yield f"```text\n{_printed(name, wrong=True)}```\n"
    yield _filled(f"**What it teaches.** {drill.teaches}")


def _printed(name: str, *, wrong: bool) -> str:
    return _file(name, wrong=wrong).read_text(encoding="utf-8")


def _file(name: str, *, wrong: bool) -> Path:
    return PRINTED / f"{name}{'-wrong' if wrong else ''}.txt"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _anchor(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")
