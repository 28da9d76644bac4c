"""`make exercise`: without N, list the exercises; with N, make a copy with a bug, and from then on check it.

SOLUTION=1 shows ours. The copies are in exercises-of-mine/, and nothing else of the checkout is written to.
"""

import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from exercises.exercise import CHECKOUT, Exercise, check, read_exercises

COPIES = CHECKOUT / "exercises-of-mine"


def main(environ: Mapping[str, str], copies: Path) -> int:
    """Do what the variables N and SOLUTION ask for; return the exit status."""
    exercises = {str(each.number): each for each in read_exercises()}
    number = environ.get("N", "")
    exercise = exercises.get(number)
    if exercise is None:
        return list_exercises(exercises, number)
    if environ.get("SOLUTION") == "1":
        return show_solution(exercise)
    copy = copies / exercise.name
    if copy.exists():
        return check_copy(exercise, copy)
    return begin(exercise, copy)


def list_exercises(exercises: Mapping[str, Exercise], number: str) -> int:
    """Print the list; the status is 2 if a number was named that is not in it."""
    for each in exercises.values():
        print(f"N={each.number:<2}  {each.title} ({each.service})")
    print("\nChoose one: make exercise N=1")
    if not number:
        return 0
    print(f"There is no exercise {number}.", file=sys.stderr)
    return 2


def begin(exercise: Exercise, copy: Path) -> int:
    """Make the copy, and say what a user notices."""
    exercise.copy_to(copy)
    print(f"Exercise {exercise.number}: {exercise.title}\n")
    print(textwrap.fill(exercise.symptom, 100))
    print(f"\nA copy of {exercise.service} with the bug is in {copy}")
    print("Find the cause there, and mend it. The checkout has no bug and stays as it is.")
    print(f"To check your mend, as often as you like: make exercise N={exercise.number}")
    return 0


def check_copy(exercise: Exercise, copy: Path) -> int:
    """Run the test on the copy, and say whether the bug is mended."""
    done = check(copy)
    print(done.stdout + done.stderr)
    if done.returncode == 0:
        print(f"Mended. Ours, with the reason: make exercise N={exercise.number} SOLUTION=1")
        return 0
    print(textwrap.fill(f"Not mended yet. {exercise.symptom}", 100))
    print(f"\nThe copy is in {copy}\nTo begin again, delete it.")
    return 1


def show_solution(exercise: Exercise) -> int:
    """Print what mends the bug, and why."""
    print("\n".join(exercise.solution()))
    print(f"\n{exercise.read('solution.md')}")
    print(f"What it teaches: {exercise.lesson} To read: {exercise.rfc}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ, COPIES))
