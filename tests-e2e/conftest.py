"""The stack that the end-to-end tests share, started by `make up` in the runtime that RUNTIME names."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import chromium
import pytest
from live_stack import Stack
from on_scale import ELSEWHERE, HERE, UNDISTURBED
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from scale_stack import SEED, Kills, ScaleStack

MEASURED = "measured"
ON_SCALE = os.environ.get("OVERLAY") == "scale"
killed_replicas = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what does not fit on the stack on which the tests run, and say why."""
    for item in items:
        reason = ELSEWHERE.get(item.path.stem) if ON_SCALE else HERE.get(item.path.stem)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@contextmanager
def made_stacks(factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stack]]:
    """Return a function that copies the checkout and starts nothing; all copies are removed at the end."""
    stacks: list[Stack] = []

    def make() -> Stack:
        kind = ScaleStack if ON_SCALE else Stack
        stacks.append(kind(factory.mktemp("stack") / "checkout"))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.drop()


@pytest.fixture(scope="module")
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stack]]:
    """Return a function that makes a stack for the tests of a module; it is removed after them."""
    with made_stacks(tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="session")
def lasting_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Stack]]:
    """Return a function that makes a stack for the tests of several modules."""
    with made_stacks(tmp_path_factory) as make:
        yield make


@pytest.fixture(scope="session")
def stack(lasting_stack: Callable[[], Stack]) -> Stack:
    """Return the running stack, which logs at DEBUG."""
    stack = lasting_stack()
    stack.edit("docker-compose.yml", "LOG_LEVEL: INFO", "LOG_LEVEL: DEBUG")
    stack.first_output = stack.make("up")
    return stack


@pytest.fixture(scope="session")
def kills(pytestconfig: pytest.Config) -> Iterator[Kills]:
    """Let replicas be killed until the end."""
    kills = Kills(SEED)
    pytestconfig.stash[killed_replicas] = kills.killed
    with kills.going_on():
        yield kills


@pytest.fixture(autouse=True)
def replicas_killed_meanwhile(request: pytest.FixtureRequest) -> Iterator[None]:
    """Kill replicas of the stack that the test uses, on deploy/scale, unless the test must be undisturbed."""
    if not ON_SCALE or "stack" not in request.fixturenames:
        yield
        return
    stack = request.getfixturevalue("stack")
    request.getfixturevalue("kills").stack = stack
    names = {request.path.stem, request.function.__name__}
    with stack.left_alone() if names & UNDISTURBED.keys() else nullcontext():
        yield


@pytest.fixture
def scale(stack: Stack) -> Iterator[ScaleStack]:
    """Return the shared stack of deploy/scale, of which nothing else is killed during the test."""
    assert isinstance(stack, ScaleStack)
    with stack.left_alone():
        yield stack


@pytest.fixture(scope="session")
def fast_stack(lasting_stack: Callable[[], Stack]) -> Stack:
    """Return a running stack that granian serves (deploy/fast), which logs at DEBUG."""
    if ON_SCALE:
        pytest.skip("deploy/scale runs with gunicorn alone")
    stack = lasting_stack()
    stack.environment["SERVER"] = "granian"
    stack.edit("docker-compose.yml", "LOG_LEVEL: INFO", "LOG_LEVEL: DEBUG")
    stack.first_output = stack.make("up")
    return stack


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the folder of the checkout under test."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Return a function that takes a line of figures and prints it at the end, even if the test fails."""
    return lambda line: record_property(MEASURED, line)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium; without it these tests are skipped, and fail in CI."""
    if (path := chromium.installed()) is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"none of {', '.join(chromium.NAMES)} is installed")
    with chromium.started(path) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a path of the page; fail at the end if anything went wrong in any page."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []
    asked: list[str] = []
    home = stack.url["calling-service"]

    def open_page(path: str = "/", width: int = 1280, **options: Any) -> Page:
        size: ViewportSize = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=size, **{"reduced_motion": "reduce"} | options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: wrong.append(message.text))  # also violations of the CSP
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(home + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(f"{home}/")] == []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of all processes measured."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.getreports(outcome)]
    lines = [str(value) for report in reports for name, value in report.user_properties if name == MEASURED]
    killed = terminalreporter.config.stash.get(killed_replicas, [])
    if killed:
        counts = ", ".join(f"{name} {killed.count(name)} times" for name in sorted({*killed}))
        lines.append(f"replicas killed while the tests ran, with the seed {SEED}: {counts}")
    if lines:
        terminalreporter.section(MEASURED)
        for line in lines:
            terminalreporter.line(line)
