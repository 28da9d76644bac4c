"""A class can be held with nothing but `make up`, also in a room without internet (docs/teaching.md)."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from live_stack import CHECKOUT, Stack
from recipe import steps
from shell import Shell

PAGE = (CHECKOUT / "docs/teaching.md").read_text()
ALONE = ("unshare", "--map-root-user", "--net", "sh", "-ec")  # with no network, not even the loopback
LOOPBACK = "ip link set lo up"
# Nothing answers outside; then a start, a case, and the page of an import.
CLASS = """
! curl --silent --max-time 5 --output /dev/null http://192.0.2.1
make up
make try CASE=cached-token
curl --silent --fail --output /dev/null http://localhost:$CALLING_SERVICE_PORT/
make down
"""

local_only = pytest.mark.skipif(os.environ.get("RUNTIME") != "local", reason="is about local processes")
docker_only = pytest.mark.skipif(os.environ.get("RUNTIME") == "local", reason="is about containers")


@local_only
@pytest.mark.long
def test_a_class_needs_no_network_once_the_packages_are_installed(new_stack: Callable[[], Stack]) -> None:
    stack = new_stack()
    if stack.run(*ALONE, LOOPBACK).returncode != 0:
        pytest.skip("this machine lets nobody make a network namespace")
    done = stack.run(*ALONE, f"{LOOPBACK}\n{CLASS}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "234 booked" in done.stdout


@docker_only
def test_a_second_start_runs_no_step_of_a_build_so_it_downloads_nothing(stack: Stack) -> None:
    done = stack.run("docker", "compose", "--progress=plain", "build")
    assert done.returncode == 0, done.stdout + done.stderr
    log = done.stdout + done.stderr
    built = re.findall(r"^#(\d+) \[.*\] (?:RUN|COPY) ", log, re.MULTILINE)
    cached = re.findall(r"^#(\d+) CACHED$", log, re.MULTILINE)
    assert built
    assert set(built) - set(cached) == set()


@local_only
@pytest.mark.long
def test_the_commands_before_the_class_work(new_stack: Callable[[], Stack]) -> None:
    with Shell(new_stack()) as shell:
        for step in steps(PAGE):
            shell.run_block(step.text)


def test_the_timetables_add_up() -> None:
    (head, _, *rows) = re.findall(
        r"^\|.*\|$", PAGE.partition("\n## 45, ")[2].partition("\n## ")[0], re.MULTILINE
    )
    for column, total in enumerate(map(int, re.findall(r"\| (\d+): ", head)), start=2):
        minutes = [re.match(r"\s*(\d*)", row.split("|")[column]) for row in rows]
        assert sum(int(found[1] or 0) for found in minutes if found) == total


def test_every_lesson_that_is_named_takes_the_time_that_the_timetable_gives() -> None:
    for path, minutes in re.findall(r"\[lesson \d\]\(([^)]+)\).*\| (\d+) \|$", PAGE, re.MULTILINE):
        lesson = (Path(CHECKOUT / "docs") / path).read_text()
        assert f"takes about {minutes} minutes" in lesson, path
