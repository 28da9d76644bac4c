"""Two stacks of one checkout, on other ports, run side by side and are driven at once: they never meet."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from live_stack import Stack
from shell import Shell, blocks

pytestmark = pytest.mark.long
Two = tuple[Stack, Stack]


@pytest.fixture(scope="module")
def two(new_stack: Callable[[], Stack]) -> Iterator[Two]:
    """Return two stacks of one checkout; nothing but their ports tells them apart."""
    first = new_stack()
    second = Stack(first.folder)
    for stack in (first, second):
        del stack.environment["COMPOSE_PROJECT_NAME"]
        stack.project = f"call-my-api-{'-'.join(map(str, stack.ports.values()))}"
        stack.first_output = stack.make("up")
    yield first, second
    second.drop()


def at_once(act: Callable[[Stack], object], two: Two) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, two))


def require_only(stack: Stack, text: str) -> None:
    """Fail unless the text has addresses on this machine, and each leads to this stack."""
    ports = set(re.findall(r"localhost(?::|%3A)(\d+)", text))
    assert ports
    assert ports <= set(map(str, stack.ports.values()))


def test_what_each_prints_advertises_and_exports_leads_to_that_stack_alone(two: Two) -> None:
    for stack in two:
        require_only(stack, stack.first_output)
        for path in ("oauth-authorization-server", "openid-configuration"):
            metadata = requests.get(f"{stack.url['auth-server']}/.well-known/{path}", timeout=5)
            require_only(stack, metadata.text)
            assert metadata.json()["issuer"] == stack.issuer
        resource = requests.get(
            f"{stack.url['protected-api']}/.well-known/oauth-protected-resource", timeout=5
        )
        assert resource.json()["resource"] == stack.timesheets_api
        assert resource.json()["authorization_servers"] == [stack.issuer]
        challenge = stack.api("GET", "/timesheets").headers["WWW-Authenticate"]
        require_only(stack, challenge)
        require_only(stack, stack.run("stack/stack", "flow", "--curl").stdout)
        run = stack.run_import(resend=True)
        for page in ("", f"flow/{run['id']}", f"flow/{run['id']}/1-request", f"flow/{run['id']}/curl"):
            shown = requests.get(f"{stack.url['calling-service']}/{page}", timeout=5)
            assert shown.ok
            require_only(stack, shown.text)


def test_both_are_driven_at_once(two: Two) -> None:
    def drive(stack: Stack) -> None:
        for _ in range(3):
            run = stack.run_import(resend=True, fresh_token=True)
            assert (run["state"], run["error"]) == ("completed", None)
            (token,) = (each["response"]["token"] for each in run["exchanges"] if each["response"]["token"])
            assert token["payload"]["iss"] == stack.issuer
            assert token["payload"]["aud"] == stack.timesheets_api
        assert "As expected" in stack.make("try", "CASE=another-audience")

    at_once(drive, two)


def test_each_refuses_the_tokens_of_the_other(two: Two) -> None:
    tokens = [stack.token("payroll-report") for stack in two]
    for stack, own, other in zip(two, tokens, reversed(tokens), strict=True):
        assert stack.api("GET", "/timesheets", own).ok
        refused = stack.api("GET", "/timesheets", other)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    first, second = two
    refused = first.ask_for_token("payroll-report", audience=second.timesheets_api)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


def test_the_walk_of_the_readme_works_on_both_at_once(two: Two) -> None:
    def walk(stack: Stack) -> None:
        readme = (stack.folder / "README.md").read_text()
        page = readme.partition("\n## Walk it by hand\n")[2].partition("\n## ")[0]
        page = page.replace("nightly-report", f"nightly-report-{stack.ports['auth-server']}")
        with Shell(stack) as shell:
            for _, block in blocks(page, "console"):
                shell.run_block(block)

    at_once(walk, two)


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        ({"AUTH_SERVER_PORT": "65536"}, "Each must be a number from 1 to 65535"),
        ({"PROTECTED_API_PORT": "http"}, "Each must be a number from 1 to 65535"),
        ({"CALLING_SERVICE_PORT": "09002"}, "Each must be a number from 1 to 65535"),
        ({"AUTH_SERVER_PORT": "9001", "PROTECTED_API_PORT": "9001"}, "Make them three different ones"),
        ({"PROTECTED_API_PORT": "9001", "CALLING_SERVICE_PORT": "9001"}, "Make them three different ones"),
        ({"AUTH_SERVER_PORT": "9001", "CALLING_SERVICE_PORT": "9001"}, "Make them three different ones"),
    ],
)
def test_ports_that_cannot_be_are_refused(two: Two, ports: dict[str, str], said: str) -> None:
    refused = two[0].run("make", "up", **ports)
    assert refused.returncode != 0
    assert said in refused.stderr


def test_stopping_and_deleting_one_leaves_the_other(two: Two) -> None:
    first, second = two
    running = second.processes()
    first.make("doctor")
    first.make("down")
    assert (first.processes(), second.processes()) == (set(), running)
    here = "-".join(map(str, second.ports.values()))
    stopped = first.run("make", "flow").stderr
    assert "not running; make up starts them" in stopped
    assert f"This checkout has other stacks: {here}." in stopped
    assert all(f"_PORT={port} " in stopped for port in second.ports.values())
    cleaned = first.make("clean")
    assert "The secrets are kept, because other stacks use them." in cleaned
    assert f"has other stacks: {here}." in first.make("down")
    assert second.processes() == running
    second.make("flow")
    second.make("clean")
    assert not [*second.folder.glob(".local*")]
    kept = {path.name for path in second.folder.glob(".secrets/*/*")}
    assert kept == {f"nightly-report-{stack.ports['auth-server']}.sha256" for stack in two}
