"""Each exercise works with today's code: its test passes without the bug and fails with it."""

import re
from pathlib import Path

import pytest

from exercises.__main__ import main
from exercises.exercise import CHECKOUT, Exercise, check, read_exercises, table
from exercises.patches import PatchError, apply_patch

EXERCISES = read_exercises()
EACH = pytest.mark.parametrize("exercise", EXERCISES, ids=[each.name for each in EXERCISES])
PAGE = (CHECKOUT / "docs/exercises.md").read_text()


def texts(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*.py")
        if "__pycache__" not in path.parts
    }


@pytest.mark.long
@EACH
def test_the_service_as_it_is_passes(exercise: Exercise, tmp_path: Path) -> None:
    exercise.copy_to(tmp_path / "copy", with_bug=False)
    done = check(tmp_path / "copy")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@EACH
def test_the_bug_makes_the_test_fail(exercise: Exercise, tmp_path: Path) -> None:
    exercise.copy_to(tmp_path / "copy")
    done = check(tmp_path / "copy")
    assert done.returncode == 1, done.stdout + done.stderr
    summary = done.stdout.splitlines()[-1]
    assert re.match(r"\d+ failed, \d+ passed in ", summary), done.stdout  # nothing else breaks, and no error


@EACH
def test_the_solution_is_the_service_as_it_is(exercise: Exercise, tmp_path: Path) -> None:
    exercise.copy_to(tmp_path / "mended")
    exercise.copy_to(tmp_path / "unmodified", with_bug=False)
    assert texts(tmp_path / "mended") != texts(tmp_path / "unmodified")
    apply_patch("\n".join(exercise.solution()), tmp_path / "mended")
    assert texts(tmp_path / "mended") == texts(tmp_path / "unmodified")


@EACH
def test_the_bug_is_small_and_the_reason_is_short(exercise: Exercise) -> None:
    changed = re.findall(r"^[+-](?![+-])", exercise.read("bug.patch"), re.MULTILINE)
    assert 2 <= len(changed) <= 5
    assert len(exercise.read("solution.md").split()) < 100


def test_the_numbers_follow_each_other() -> None:
    assert [each.number for each in EXERCISES] == list(range(1, len(EXERCISES) + 1))


def test_the_page_lists_every_exercise() -> None:
    assert table(EXERCISES) in PAGE


def test_a_patch_that_no_longer_fits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\ntwo\n")
    patch = "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n one\n-three\n+four\n"
    with pytest.raises(PatchError, match=r"a\.py does not have these lines"):
        apply_patch(patch, tmp_path)


def test_a_learner_begins_checks_and_mends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exercise = EXERCISES[0]
    before = texts(CHECKOUT / exercise.service)
    assert main({"N": "1"}, tmp_path) == 0
    begun = capsys.readouterr().out
    assert exercise.title in begun
    assert str(tmp_path / exercise.name) in begun

    assert main({"N": "1"}, tmp_path) == 1
    assert "Not mended yet" in capsys.readouterr().out
    apply_patch("\n".join(exercise.solution()), tmp_path / exercise.name)
    assert main({"N": "1"}, tmp_path) == 0
    assert "Mended" in capsys.readouterr().out
    assert texts(CHECKOUT / exercise.service) == before


def test_the_solution_is_shown_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main({"N": "1", "SOLUTION": "1"}, tmp_path) == 0
    shown = capsys.readouterr().out
    assert "+    if policy.audience not in audiences" in shown
    assert EXERCISES[0].read("solution.md") in shown
    assert list(tmp_path.iterdir()) == []


def test_without_a_number_all_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main({}, tmp_path) == 0
    listed = capsys.readouterr().out
    assert [each.title for each in EXERCISES if each.title not in listed] == []


def test_an_unknown_number_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main({"N": "99"}, tmp_path) == 2
    assert "There is no exercise 99." in capsys.readouterr().err
