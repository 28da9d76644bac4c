"""`make drill`: list the drills; with NAME run one, with WRONG=1 its wrong twin.

RECORD=1 keeps what it printed, and writes docs/drills.md.
"""

import argparse
import re
import signal
import sys
import textwrap
import time

from drills.drill import Drill, read_drills
from drills.page import PAGE, all_are_kept, keep, page
from drills.stage import staged
from drills.tally import Tally

WIDTH = 100
ALL = "all"
VERDICTS = {  # by whether it was the wrong twin, and whether it showed what it should
    (True, True): "The damage shows.",
    (True, False): "THE DAMAGE DOES NOT SHOW.",
    (False, True): "The expectation holds.",
    (False, False): "THE EXPECTATION DOES NOT HOLD.",
}
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")


def main() -> int:
    """Do what the command line says; return 0 if what the drill expects has happened."""
    drills = read_drills()
    asked = _command_line(drills)
    if not asked.name:
        return list_drills(drills)
    runs = [(asked.name, asked.wrong)]
    if asked.name == ALL:
        runs = [(name, wrong) for name in drills for wrong in (False, True)]
    missed = [name for name, wrong in runs if not run(name, drills[name], wrong=wrong, record=asked.record)]
    if asked.record and not missed and all_are_kept(drills):
        PAGE.write_text(page(drills), encoding="utf-8")
    return int(bool(missed))


def _command_line(drills: dict[str, Drill]) -> argparse.Namespace:
    """Read the command line; exit unless it names a drill, all drills or none."""
    parser = argparse.ArgumentParser(prog="python -m drills")
    parser.add_argument("name", nargs="?", help=f"the drill to run, or {ALL}; without a name, list them")
    parser.add_argument("--wrong", action="store_true", help="run its wrong twin")
    parser.add_argument("--record", action="store_true", help=f"keep the table for docs/{PAGE.name}")
    asked = parser.parse_args()
    if asked.name and asked.name != ALL and asked.name not in drills:
        parser.error(f"there is no drill {asked.name}; without a name they are listed")
    return asked


def list_drills(drills: dict[str, Drill]) -> int:
    """Print the names and titles."""
    for name, drill in drills.items():
        note = ""
        if drill.needs_docker:
            note = " (needs Docker)"
        print(f"{name:<26} {drill.title}{note}")
    print("\nChoose one: make drill NAME=token-stampede; WRONG=1 leaves out what protects from damage.")
    return 0


def run(name: str, drill: Drill, *, wrong: bool, record: bool) -> bool:
    """Run a drill or its twin and print its texts and its table; return whether it shows what it should."""
    print(f"{drill.title}\n\n{_filled(drill.breaks)}\n\n{_filled(_claim(drill, wrong=wrong))}", flush=True)
    began = time.monotonic()
    tally = _played(drill, wrong=wrong)
    seconds = time.monotonic() - began
    shows = drill.holds
    if wrong:
        shows = drill.damaged
    shown = shows(tally)
    table = tally.text()
    print(f"\n{table}\n\n{VERDICTS[wrong, shown]} ({seconds:.0f} s)\n")
    print(f"{_filled(drill.teaches)}\n", flush=True)
    if record and shown:
        keep(name, table, wrong=wrong)
    return shown


def _played(drill: Drill, *, wrong: bool) -> Tally:
    """Play a drill within its time on a stage of its own, and return what it counted."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.signal(signal.SIGTERM, _ended)
    signal.alarm(drill.seconds)
    with staged(wrong=wrong) as stage:
        drill.play(stage)
        signal.alarm(0)
    return stage.tally


def _claim(drill: Drill, *, wrong: bool) -> str:
    if wrong:
        return f"Left out: {drill.left_out} Damage: {drill.damage}"
    return f"Expected: {drill.expects}"


def _filled(text: str) -> str:
    return textwrap.fill(LINK.sub(r"\1", text), WIDTH, break_on_hyphens=False)


def _too_long(_number: int, _frame: object) -> None:
    raise TimeoutError("the drill takes too long and was broken off")


def _ended(number: int, _frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
