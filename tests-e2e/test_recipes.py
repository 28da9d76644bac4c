"""The recipes work: each is followed from its first line to its last, in a stack of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_stack import CHECKOUT, Stack
from recipe import steps
from shell import Shell

pytestmark = pytest.mark.long
DESCRIBE = """
from protected_api.app import create_app
from protected_api.settings import Settings

client = create_app(Settings("http://localhost:9000", "http://localhost:9001", "not opened")).test_client()
print(client.get("/openapi.json").text)
print(client.get("/.well-known/oauth-protected-resource").text.strip())
"""


@pytest.fixture
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack of local processes: there, the tenant file that a reader edits is the one in use."""
    stack = new_stack()
    stack.environment["RUNTIME"] = "local"
    return stack


def follow(stack: Stack, *recipes: str) -> None:
    """Take every step of these pages: make their changes, run their commands, compare what they print."""
    text = "".join((CHECKOUT / f"docs/{recipe}.md").read_text() for recipe in recipes)
    with Shell(stack) as shell:
        for step in steps(text):
            if step.where:
                step.change(stack.folder)
            else:
                shell.run_block(step.text)


def python(service: Path, *arguments: str) -> str:
    """Run Python in a service's folder and return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=service,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_colleagues_service_is_given_access_and_loses_it_again(stack: Stack) -> None:
    follow(stack, "give-access")


def test_a_client_climbs_the_ladder_rung_by_rung(stack: Stack) -> None:
    lessons = sorted(path.stem for path in (CHECKOUT / "docs/ladder").glob("[1235]-*.md"))
    follow(stack, *(f"ladder/{lesson}" for lesson in [*lessons, "README"]))


def test_a_partner_with_an_api_key_becomes_a_client(stack: Stack) -> None:
    follow(stack, "from-api-keys")


def test_the_checklist_for_production_is_gone_through_line_by_line(stack: Stack) -> None:
    follow(stack, "production")


def test_an_exercise_is_begun_and_checked_as_its_page_says(stack: Stack) -> None:
    follow(stack, "exercises")


def test_a_new_route_serves_the_clients_that_are_granted_its_scope(stack: Stack) -> None:
    follow(stack, "add-a-route")
    summary = stack.api("GET", "/timesheets/summary", stack.token("payroll-report")).json()
    projects = {str(row["project"]) for row in stack.timesheets()}
    assert [row["project"] for row in summary["projects"]] == sorted(projects)
    assert stack.api("GET", "/timesheets/summary", stack.token("timesheets-console")).status_code == 403

    api = stack.folder / "protected-api"
    options = ("--import-mode=importlib", "-p", "no:cacheprovider", "-q", "-k", "not as_described")
    endpoints = [f"tests/endpoints/test_{name}.py" for name in ("summary", "metadata", "openapi")]
    python(api, "-m", "pytest", *options, *endpoints)
    description, metadata = map(json.loads, python(api, "-c", DESCRIBE).splitlines())
    described = description["paths"]["/timesheets/summary"]["get"]
    assert described["security"] == [{"client_credentials": ["read:summary"]}]
    assert "Summary" in description["components"]["schemas"]
    assert "read:summary" in metadata["scopes_supported"]
