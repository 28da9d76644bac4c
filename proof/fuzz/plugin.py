"""A plugin of pytest that gives every test marked `fuzz` the same share of FUZZ_SECONDS, and prints a table.

Failing inputs are kept in .fuzz and tried first in the next run. FUZZ_SEED makes a run repeatable: then
nothing is kept. Without FUZZ_SECONDS these are ordinary tests.
"""

import functools
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 0)
SEED = os.environ.get("FUZZ_SEED")
KEPT = Path(__file__).parents[2] / ".fuzz"
CHUNK = 200  # inputs between two looks at the clock
MOST_CPU = 5.0  # seconds for one input
MOST_MEMORY = 512  # MiB by which a test may make the process grow
ROW = "fuzz"
shares = dict[str, float]()  # seconds, by the process that runs the tests


@dataclass
class Counted:
    """The inputs of one test."""

    inputs: int = 0
    slowest: float = 0.0  # CPU seconds
    began: float = field(default_factory=time.monotonic)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count an input, and fail if it takes too long."""
        before = time.thread_time()
        yield
        spent = time.thread_time() - before
        self.inputs += 1
        self.slowest = max(self.slowest, spent)
        if spent > MOST_CPU:
            pytest.fail(f"one input took {spent:.1f} s of CPU")


def pytest_configure() -> None:
    """Let hypothesis keep what fails, and go on where it stopped."""
    if SECONDS:
        kept = DirectoryBasedExampleDatabase(KEPT)
        hypothesis.settings.register_profile(
            "fuzz", hypothesis.settings.get_profile("untimed"), max_examples=CHUNK, database=kept
        )
        hypothesis.settings.load_profile("fuzz")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Share the time among the tests, which several processes may run."""
    workers = int(getattr(session.config, "workerinput", {}).get("workercount", 1))
    count = sum(each.get_closest_marker("fuzz") is not None for each in session.items)
    shares["each"] = SECONDS * workers / max(1, count)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a marked test again and again until its share of the time is over."""
    if not SECONDS or pyfuncitem.get_closest_marker("fuzz") is None:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    counted = Counted()
    try:
        _repeat(pyfuncitem.obj, arguments, counted)
    finally:
        seconds = time.monotonic() - counted.began
        pyfuncitem.user_properties.append((ROW, (counted.inputs, seconds, counted.slowest)))
    return True


def _repeat(test: Any, arguments: dict[str, Any], counted: Counted) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    inner = test.hypothesis.inner_test
    test.hypothesis.inner_test = _counting(inner, counted)
    try:
        for turn in range(1_000_000):
            if SEED:
                hypothesis.seed(f"{SEED} {turn}")(test)
            test(**arguments)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
            if grown > MOST_MEMORY:
                pytest.fail(f"the process has grown by {grown:.0f} MiB")
            if time.monotonic() - counted.began >= shares["each"]:
                return
    finally:
        test.hypothesis.inner_test = inner


def _counting(inner: Callable[..., Any], counted: Counted) -> Callable[..., Any]:
    @functools.wraps(inner)
    def call(*args: Any, **kwargs: Any) -> Any:
        with counted.one():
            return inner(*args, **kwargs)

    return call


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what each test tried, and whether it found something."""
    rows = [
        (report.nodeid, report.outcome, *value)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if name == ROW and report.when == "call"
    ]
    if not rows:
        return
    terminalreporter.section("fuzzing")
    for name, outcome, inputs, seconds, slowest in sorted(rows):
        found = "nothing found" if outcome == "passed" else "FOUND SOMETHING"
        rate = inputs / seconds
        terminalreporter.line(
            f"{inputs:9,} inputs {rate:6.0f}/s, slowest {slowest * 1000:5.0f} ms, {found}: {name}"
        )
    total = sum(row[2] for row in rows)
    terminalreporter.line(f"{total:9,} inputs in {len(rows)} tests")


Change = Callable[[Any, str], str]
EDITS = hypothesis.strategies.lists(
    hypothesis.strategies.tuples(
        hypothesis.strategies.floats(0, 1),  # where in the text
        hypothesis.strategies.integers(0, 4),  # how many characters go
        hypothesis.strategies.text(max_size=3) | hypothesis.strategies.sampled_from(list('.=-_"{}[],:\n\0 ')),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture
def change() -> Change:
    """Return a function that draws a few small edits of a text that is right."""

    def edited(data: Any, text: str) -> str:
        for where, gone, piece in data.draw(EDITS, "edits"):
            start = int(where * len(text))
            text = text[:start] + piece + text[start + gone :]
        return text

    return edited
