"""Starting: again, in the wrong order, with another tenant, with bad settings, with a port in use."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Callable

import pytest
import requests
from live_stack import NO_ANSWER, Stack, eventually

NewStack = Callable[[], Stack]


@pytest.mark.long
def test_the_api_started_without_the_authorization_server_serves_with_the_keys_that_it_kept(
    stack: Stack,
) -> None:
    """Both workers do; an API that has no keys yet answers 503 (protected-api/tests/test_workers.py)."""
    token = stack.token("payroll-report")
    eventually(lambda: stack.api("GET", "/timesheets", token).ok or None, "the API has the keys")
    stack.stop("auth-server", "protected-api")
    try:
        stack.start("protected-api")
        first = eventually(lambda: answer(stack, token), "the API answers")
        others = [stack.api("GET", "/timesheets", token).status_code for _ in range(20)]
        assert {first.status_code, *others} == {200}
    finally:
        stack.start("auth-server")


def answer(stack: Stack, token: str) -> requests.Response | None:
    try:
        return stack.api("GET", "/timesheets", token)
    except NO_ANSWER:
        return None


@pytest.mark.long
def test_a_scope_changed_in_the_tenant_is_what_make_up_prints(stack: Stack, new_stack: NewStack) -> None:
    changed = new_stack()
    changed.edit("auth-server/tenant.yaml", "batch:upload", "batch:import")
    changed.edit("docker-compose.yml", "SCOPE: batch:upload", "SCOPE: batch:import")
    shown = changed.run("make", "up")
    assert "batch:upload" in stack.first_output
    assert '"scope": "batch:import"' in shown.stdout
    assert "batch:upload" in shown.stdout + shown.stderr, "the API names the scope that its route demands"
    assert shown.returncode != 0


def test_make_up_again_changes_nothing_and_make_down_keeps_the_data(new_stack: NewStack) -> None:
    stack = new_stack()
    stack.make("up")
    key = requests.get(f"{stack.url['auth-server']}/.well-known/jwks.json", timeout=5).json()
    before = stack.processes()
    stack.make("up")
    assert stack.processes() == before
    stack.make("down", COLUMNS="40")  # a narrow terminal, in which ps shortens its output
    assert stack.processes() == set()
    for command in ("flow", "try", "logs"):
        assert "not running; make up starts them" in stack.run("make", command).stderr
    shown = stack.make("up")
    assert requests.get(f"{stack.url['auth-server']}/.well-known/jwks.json", timeout=5).json() == key
    stack.make("flow", RUNTIME="")  # the runtime that runs
    assert re.search(r"234 rows +0 booked +234 unchanged", shown)
    stack.make("clean")
    assert not [*stack.folder.glob(".secrets"), *stack.folder.glob(".local*")]


@pytest.mark.long
def test_without_explanations_make_up_and_flow_and_try_say_how_to_switch_them_on(new_stack: NewStack) -> None:
    stack = new_stack()
    for target in ("up", "flow"):
        shown = stack.make(target, EXPLAIN="0")
        assert "`EXPLAIN=1 make up`" in shown
        links = re.findall(r"http://localhost:\d+/\S+", shown.partition("Where to look next")[2])
        assert [requests.get(link, timeout=5).status_code for link in links] == [200]
    refused = stack.run("make", "try", "CASE=wrong-secret")
    assert (refused.returncode != 0, "EXPLAIN=1 make up" in refused.stderr) == (True, True)
    assert "/flow/" in stack.make("up", EXPLAIN="1")


@pytest.mark.long
def test_data_without_its_secrets_stops_the_start_before_it_makes_new_ones(new_stack: NewStack) -> None:
    stack = new_stack()
    stack.make("up")
    shutil.rmtree(stack.folder / ".secrets")
    failed = stack.run("make", "up")
    assert failed.returncode != 0
    assert re.search(r"data .*whose secrets are not .* make clean", failed.stderr), failed.stderr
    assert not (stack.folder / ".secrets").exists()


def test_secrets_are_made_once_and_a_changed_private_key_renews_its_public_half(new_stack: NewStack) -> None:
    stack = new_stack()
    private, public = ".secrets/calling-service/approvals-bot.pem", ".secrets/auth-server/approvals-bot.jwks"

    def made() -> dict[str, tuple[int, str]]:
        done = stack.run("stack/secrets", sys.executable, "stack/local.py", "exec", "calling-service")
        assert done.returncode == 0, done.stderr
        files = stack.folder.glob(".secrets/*/*")
        return {
            str(path.relative_to(stack.folder)): (path.stat().st_mtime_ns, path.read_text()) for path in files
        }

    first = made()
    assert "PRIVATE" not in "".join(text for name, (_, text) in first.items() if "auth-server" in name)
    assert made() == first
    (stack.folder / private).unlink()
    changed = {name for name, state in made().items() if state != first[name]}
    assert changed == {private, public}


BAD_SETTINGS = {
    "missing secret": (
        "docker-compose.yml",
        "/run/secrets/key-encryption-key",
        "/run/secrets/no-such-file",
        "KEY_ENCRYPTION_KEY_FILE",
    ),
    "missing client secret": (
        "docker-compose.yml",
        "/run/secrets/timesheets-import-job",
        "/run/secrets/none",
        "CLIENT_SECRET_FILE",
    ),
    "unreadable tenant": (
        "docker-compose.yml",
        "TENANT_FILE: tenant.yaml",
        "TENANT_FILE: no-tenant.yaml",
        "TENANT_FILE",
    ),
    "grant of an unknown scope": (
        "auth-server/tenant.yaml",
        "exampleco.example\n    scopes: [read:invoices]",
        "exampleco.example\n    scopes: [pay:invoices]",
        "pay:invoices",
    ),
    "issuer with a fragment": (
        "docker-compose.yml",
        "ISSUER: http://localhost:${AUTH_SERVER_PORT:-9000}",
        "ISSUER: http://localhost:${AUTH_SERVER_PORT:-9000}/#here",
        "ISSUER",
    ),
    "database that cannot be opened": (
        "docker-compose.yml",
        "/data/auth-server.db",
        "/no/such/folder.db",
        "DATABASE_URL",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_stop_the_start_and_make_up_shows_why(new_stack: NewStack, case: str) -> None:
    file, old, new, named = BAD_SETTINGS[case]
    stack = new_stack()
    stack.edit(file, old, new)
    failed = stack.run("make", "up")
    assert failed.returncode != 0
    assert "cannot start" in failed.stderr, failed.stderr
    assert named in failed.stderr.partition("cannot start")[2]
    assert "Traceback" not in failed.stderr


def test_a_port_in_use_is_named_with_its_holder_and_the_setting_that_changes_it(new_stack: NewStack) -> None:
    stack = new_stack()
    with socket.create_server(("127.0.0.1", stack.ports["calling-service"])):
        failed = stack.run("make", "up")
    assert failed.returncode != 0
    assert f"Port {stack.ports['calling-service']} is in use by process {os.getpid()} (" in failed.stderr
    assert "CALLING_SERVICE_PORT=" in failed.stderr
    assert stack.processes() == set(), "no service starts if one of them cannot"


def test_another_stack_of_the_checkout_on_the_same_ports_is_named_with_the_command_that_stops_it(
    new_stack: NewStack,
) -> None:
    stack = new_stack()
    stack.state.with_name(stack.state.name + "-tls").mkdir()
    with socket.create_server(("127.0.0.1", stack.ports["calling-service"])):
        failed = stack.run("make", "up")
    assert "has the same ports: OVERLAY=tls make down stops it, if it is running." in failed.stderr
    assert "OVERLAY=tls make down" in stack.make("down"), "stopping what does not run names what may run"
