"""The page that tells how to add a route is right to its end: with the grant, the new route serves."""

import re
from collections.abc import Callable

from live_stack import CHECKOUT, Stack
from recipe import follow
from shell import Shell
from test_readme import commands, pattern

PAGE = (CHECKOUT / "docs/add-a-route.md").read_text()


def test_the_new_route_serves_whom_the_tenant_grants_its_scope(new_stack: Callable[[], Stack]) -> None:
    stack = new_stack()
    follow(PAGE, stack.folder)
    [block] = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    with Shell(stack) as shell:
        for command, expected in commands(block):
            printed = shell.run(command)
            assert re.fullmatch(pattern(expected), printed and f"{printed}\n"), f"$ {command}\n{printed}"
    projects = {row["project"] for row in stack.timesheets()}
    summary = stack.api("GET", "/timesheets/summary", stack.token("payroll-report")).json()
    assert [row["project"] for row in summary["projects"]] == sorted(str(project) for project in projects)
    assert stack.api("GET", "/timesheets/summary", stack.token("timesheets-console")).status_code == 403
