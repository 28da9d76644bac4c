"""Starting on machines, in shells and in folders that are set up in other ways than ours.

Not here: what is wrong with the checkout itself (test_start.py).
"""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from live_stack import CHECKOUT, Stack, eventually

pytestmark = pytest.mark.long
ODD = "data/my projects [2026] & (others)"
DEAD = "http://me:pass-word@127.0.0.1:9"
DEAD_PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), DEAD)
TYPO = ("auth-server/tenant.yaml", "client: payroll-report", "client: payroll-raport")

local_only = pytest.mark.skipif(os.environ.get("RUNTIME") != "local", reason="is about local processes")
docker_only = pytest.mark.skipif(os.environ.get("RUNTIME") == "local", reason="is about containers")


@pytest.fixture
def fresh_stack(tmp_path: Path) -> Iterator[Stack]:
    """Return a copy for one test, in which nothing has been started."""
    stack = Stack(tmp_path / "checkout")
    yield stack
    stack.drop()


@pytest.fixture
def odd_stack(tmp_path: Path) -> Iterator[Stack]:
    """Return a copy in a path with blanks and brackets, whose virtual environment is there too."""
    stack = Stack(tmp_path / ODD / "checkout")
    (stack.folder / ".venv").symlink_to(stack.environment.pop("VENV"))
    yield stack
    stack.drop()


def require_one_call(stack: Stack) -> None:
    """Fail unless a token is issued and the API accepts it."""
    answer = stack.api("GET", "/timesheets", stack.token("payroll-report"))
    assert answer.ok, answer.text


def path_without(folder: Path, *missing: str) -> str:
    """Return a PATH on which everything can be found but these programs."""
    folder.mkdir()
    for directory in map(Path, reversed(os.environ["PATH"].split(os.pathsep))):
        for program in directory.glob("*"):
            (folder / program.name).unlink(missing_ok=True)
            (folder / program.name).symlink_to(program)
    for name in missing:
        (folder / name).unlink(missing_ok=True)
    return str(folder)


def program(folder: Path, name: str, script: str) -> str:
    """Return a PATH that begins with a program of this name."""
    folder.mkdir()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@local_only
def test_make_up_works_in_a_path_with_blanks_and_brackets(odd_stack: Stack) -> None:
    odd_stack.make("up")
    require_one_call(odd_stack)


@local_only
def test_make_lint_and_make_test_work_in_a_path_with_blanks_and_brackets(odd_stack: Stack) -> None:
    for cache in CHECKOUT.glob("**/.mypy_cache"):
        shutil.copytree(cache, odd_stack.folder / cache.relative_to(CHECKOUT))
    odd_stack.make("lint")
    collected = odd_stack.make("test", PYTEST_ADDOPTS="--collect-only --quiet")
    assert "auth-server/tests/test_cli.py" in collected
    assert "tests-e2e/test_start.py" in collected


@local_only
def test_pip_installs_into_the_virtual_environment_whatever_the_user_has_set(odd_stack: Stack) -> None:
    (odd_stack.folder / ".venv").unlink()
    locked = (odd_stack.folder / "requirements-dev.txt").read_text()
    one_package = re.search(r"^iniconfig==(?:.*\\\n)+.*\n", locked, re.MULTILINE)
    assert one_package
    (odd_stack.folder / "requirements-dev.txt").write_text(one_package[0])
    elsewhere = str(odd_stack.folder / "elsewhere")
    odd_stack.make("venv", PIP_USER="yes", PIP_TARGET=elsewhere, PYTHONPATH=elsewhere)
    assert [*odd_stack.folder.glob(".venv/lib/python3*/site-packages/iniconfig")]
    assert not Path(elsewhere).exists()


def newer_python() -> str | None:
    """Return a Python 3.13 that starts; pyenv has programs of this name that do not."""
    on_path = [found for found in [shutil.which("python3.13")] if found]
    of_pyenv = map(str, Path.home().glob(".pyenv/versions/3.13*/bin/python3.13"))
    for candidate in (*on_path, *of_pyenv):
        if subprocess.run([candidate, "--version"], check=False, capture_output=True).returncode == 0:
            return candidate
    return None


@local_only
def test_make_up_works_with_python_3_13(odd_stack: Stack) -> None:
    python = newer_python()
    if python is None:
        pytest.skip("there is no Python 3.13")
    (odd_stack.folder / ".venv").unlink()
    odd_stack.make("up", PYTHON=python, PIP_USER="yes")
    assert [*odd_stack.folder.glob(".venv/lib/python3.13/site-packages/gunicorn")]
    require_one_call(odd_stack)


def test_make_up_works_when_new_files_are_for_their_owner_alone(odd_stack: Stack) -> None:
    # Containers are tried in an odd path too, in the same start.
    done = odd_stack.run("sh", "-c", "chmod -R go-rwx . && umask 077 && make up")
    assert done.returncode == 0, done.stderr
    require_one_call(odd_stack)
    for private in (odd_stack.folder, odd_stack.folder / ".secrets"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700


@docker_only
def test_make_up_opens_no_file_that_others_on_the_machine_could_then_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        export = next(stack.folder.glob("calling-service/inbox/*.csv"))
        for path in (Path(folder), stack.folder):
            path.chmod(0o755)
        export.chmod(0o600)
        failed = stack.run("make", "up")
        stack.drop()
        assert failed.returncode != 0
        assert "Run chmod -R o+rX auth-server/actions calling-service/inbox" in failed.stderr
        assert stat.S_IMODE(export.stat().st_mode) == 0o600


def test_make_up_takes_no_proxy_for_the_services_and_the_probes(fresh_stack: Stack, tmp_path: Path) -> None:
    if fresh_stack.environment["RUNTIME"] == "docker":
        fresh_stack.run("docker", "compose", "build")  # pip needs the network
        (tmp_path / "config.json").write_text(
            f'{{"proxies": {{"default": {{"httpProxy": "{DEAD}", "httpsProxy": "{DEAD}"}}}}}}'
        )
    fresh_stack.make("up", DOCKER_CONFIG=str(tmp_path), **DEAD_PROXIES)
    require_one_call(fresh_stack)


@local_only
def test_a_proxy_in_the_way_of_pip_is_named_without_its_password(fresh_stack: Stack, tmp_path: Path) -> None:
    nowhere = {
        "PIP_RETRIES": "0",
        "PIP_INDEX_URL": "http://index.example",
        "PIP_CONFIG_FILE": os.devnull,
    }
    failed = fresh_stack.run(
        "make",
        "up",
        VENV=str(tmp_path / "venv"),
        PIP_NO_BUILD_ISOLATION="1",
        PIP_FIND_LINKS="",
        **nowhere,
        **DEAD_PROXIES,
    )
    assert failed.returncode != 0
    said = failed.stderr.splitlines()
    assert any("A proxy is set" in line and "http_proxy=http://127.0.0.1:9" in line for line in said), said
    assert "pass-word" not in failed.stderr


@local_only
def test_local_processes_start_and_stop_without_ps(fresh_stack: Stack, tmp_path: Path) -> None:
    path = path_without(tmp_path / "bin", "ps", "lsof", "find", "pgrep")
    fresh_stack.make("up", PATH=path)
    require_one_call(fresh_stack)
    masters = [fresh_stack.master(service) for service in fresh_stack.ports]
    fresh_stack.make("down", PATH=path)
    for master in masters:
        command_line = Path(f"/proc/{master}/cmdline")  # an ended process may still be listed, without one
        assert not command_line.exists() or command_line.read_bytes() == b""


def test_a_missing_program_is_named(fresh_stack: Stack, tmp_path: Path) -> None:
    path = path_without(tmp_path / "bin", "awk", "base64")
    for target in ("up", "down", "doctor"):
        failed = fresh_stack.run("make", target, PATH=path)
        assert failed.returncode != 0
        assert "Not found in PATH: awk base64. Install them" in failed.stdout + failed.stderr


@local_only
def test_make_up_works_in_a_clone_with_the_line_ends_of_windows(fresh_stack: Stack) -> None:
    clone = fresh_stack.folder.parent / "clone"
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@exampleco.example")
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*identity, "commit", "--quiet", "--message", "All"),
        ("clone", "--quiet", "-c", "core.autocrlf=true", ".", str(clone)),
    ):
        done = fresh_stack.run("git", *command)
        assert done.returncode == 0, done.stderr
    fresh_stack.folder = clone
    assert b"\r\n" in (clone / "README.md").read_bytes()
    assert not [file for file in (clone / "stack").iterdir() if b"\r" in file.read_bytes()]
    fresh_stack.make("up")
    require_one_call(fresh_stack)


@local_only
def test_variables_of_the_shell_do_not_reach_the_services(fresh_stack: Stack) -> None:
    fresh_stack.make(
        "up",
        ALLOWED_HOSTS="nobody.example",
        TOKEN_LIFETIME="60",
        TRUSTED_PROXIES="nonsense",
        LOG_LEVEL="DEBUG",
        WEB_CONCURRENCY="7",
        FLASK_DEBUG="1",
        PYTHONPATH="/no/such/folder",
        PYTHONHOME="/no/such/folder",
        ISSUER="https://nobody.example",
    )
    assert (
        fresh_stack.ask_for_token("payroll-report", audience=fresh_stack.timesheets_api).json()["expires_in"]
        == 3600
    )
    for service in fresh_stack.ports:
        running = Path(f"/proc/{fresh_stack.master(service)}/environ").read_bytes()
        names = {variable.partition(b"=")[0] for variable in running.split(b"\0")}
        assert b"PATH" in names
        assert not names & {
            b"ALLOWED_HOSTS",
            b"TOKEN_LIFETIME",
            b"WEB_CONCURRENCY",
            b"PYTHONPATH",
            b"PYTHONHOME",
        }


@local_only
def test_an_engine_that_is_too_old_is_named_and_local_processes_run_instead(
    fresh_stack: Stack, tmp_path: Path
) -> None:
    old = 'case "$*" in "compose version"*) echo 2.20.3 ;; version*) echo 24.0.7 ;; *) exit 1 ;; esac'
    path = program(tmp_path / "bin", "docker", old)
    refused = fresh_stack.run("make", "up", PATH=path, RUNTIME="docker")
    assert refused.returncode != 0
    assert re.search(
        r"Docker Engine 24\.0\.7 is too old: .* 25 or newer.* RUNTIME=local make up", refused.stderr
    )
    done = fresh_stack.run("make", "up", PATH=path, RUNTIME="")
    assert done.returncode == 0, done.stderr
    assert "Docker Engine 24.0.7 is too old" in done.stderr
    require_one_call(fresh_stack)


@local_only
def test_the_process_named_on_a_port_is_the_one_to_stop(stack: Stack) -> None:
    for service, port in stack.ports.items():
        failed = stack.run("stack/ports", f"A_PORT={port}")
        assert failed.returncode == 1
        assert f"Port {port} is in use by process {stack.master(service)} (" in failed.stderr


class Stranger(BaseHTTPRequestHandler):
    """Answers everything, /healthz too."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.mark.parametrize("shares", [False, True], ids=["alone", "reuse-port"])
def test_a_program_that_takes_the_port_after_the_check_is_named_and_not_taken_for_ours(
    fresh_stack: Stack, shares: bool
) -> None:
    if shares and fresh_stack.environment["RUNTIME"] == "docker":
        pytest.skip("Docker does not share a port")
    ports = fresh_stack.folder / "stack/ports"
    ports.rename(ports.with_name("ports.checked"))
    ports.write_text(
        '#!/bin/sh\n"$0.checked" "$@" || exit 1\ntouch checked\nuntil [ -e taken ]; do sleep 0.1; done\n'
    )
    ports.chmod(0o755)
    port = fresh_stack.ports["calling-service"]
    server = HTTPServer(("127.0.0.1", port), Stranger, bind_and_activate=False)
    server.allow_reuse_address = True
    if shares:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    checked, taken = fresh_stack.folder / "checked", fresh_stack.folder / "taken"

    def take_the_port() -> None:
        eventually(lambda: checked.exists() or None, "the check is over", seconds=120)
        server.server_bind()
        server.server_activate()
        taken.touch()
        server.serve_forever(poll_interval=0.1)

    thread = threading.Thread(target=take_the_port)
    thread.start()
    try:
        failed = fresh_stack.run("make", "up")
    finally:
        if taken.exists():
            server.shutdown()
        thread.join()
        server.server_close()
    assert failed.returncode != 0
    assert f"Port {port} is in use by process {os.getpid()} (" in failed.stderr
    assert not (fresh_stack.state / "run/calling-service.pid").exists()


def test_a_mistake_in_the_tenant_file_does_not_stop_the_running_server(stack: Stack) -> None:
    before = stack.processes()
    stack.edit(*TYPO)
    try:
        failed = stack.run("make", "up")
        assert failed.returncode != 0
        assert "payroll-raport" in failed.stderr
        assert "so the running services were left as they are" in failed.stderr
        assert stack.processes() == before
        require_one_call(stack)
    finally:
        stack.edit(TYPO[0], TYPO[2], TYPO[1])
    stack.make("up")


def test_make_clean_deletes_what_make_up_made_and_keeps_the_secrets_of_other_clients(
    fresh_stack: Stack,
) -> None:
    made = fresh_stack.run("stack/secrets", sys.executable, "stack/local.py", "exec", "calling-service")
    assert made.returncode == 0, made.stderr
    own = {".secrets/auth-server/shift-planner.sha256", ".secrets/shift-planner/secret"}
    for name in own:
        (fresh_stack.folder / name).parent.mkdir(exist_ok=True)
        (fresh_stack.folder / name).write_text("of my own client\n")
    shown = fresh_stack.make("clean")
    assert {
        str(path.relative_to(fresh_stack.folder)) for path in fresh_stack.folder.glob(".secrets/*/*")
    } == own
    for name in own:
        assert f"Kept, because make up did not make it: {name}" in shown


def test_make_doctor_finds_nothing_in_the_way_where_make_up_works(stack: Stack, fresh_stack: Stack) -> None:
    for checkout in (stack, fresh_stack):
        shown = checkout.make("doctor", **DEAD_PROXIES)
        assert "PROBLEM" not in shown
        assert re.search(r"^ok +(docker +Docker Engine \d|python +Python 3\.\d)", shown, re.MULTILINE)
        assert re.search(r"^ok +proxies .*http_proxy=http://127\.0\.0\.1:9", shown, re.MULTILINE)
        assert "pass-word" not in shown


def test_make_doctor_names_what_is_in_the_way_and_fails(fresh_stack: Stack, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", fresh_stack.ports["protected-api"])):
        failed = fresh_stack.run("make", "doctor", VENV=str(tmp_path), PYTHON="false")
    assert failed.returncode != 0
    assert re.search(
        rf"^PROBLEM +ports .*process {os.getpid()} .* PROTECTED_API_PORT=", failed.stdout, re.MULTILINE
    )
    if fresh_stack.environment["RUNTIME"] == "local":
        assert re.search(r"^PROBLEM +python .*Python 3\.11 or newer is needed", failed.stdout, re.MULTILINE)
