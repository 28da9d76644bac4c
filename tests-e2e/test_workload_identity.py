"""The import job runs without a secret: a platform vouches for it (deploy/workload-identity)."""

import json
import socket
import subprocess
import sys
import textwrap
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import pytest
import requests
from live_stack import Stack, eventually, four_threads, free_ports

pytestmark = pytest.mark.long
OVERLAY = "deploy/workload-identity"
PLATFORM = {
    "ISSUER": "https://cluster.exampleco.example",
    "SUBJECT": "system:serviceaccount:timesheets:import-job",
    "RENEWAL": "0.2",
}


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Iterator[Stack]:
    """Start the stack with the platform, in Docker by the documented command."""
    stack = new_stack()
    if stack.environment["RUNTIME"] == "docker":
        stack.environment["OVERLAY"] = "workload-identity"
        stack.first_output = stack.make("up")
        yield stack
        return
    with platform(stack), silent_platform(stack):
        stack.first_output = stack.make("up")
        yield stack


@contextmanager
def platform(stack: Stack) -> Iterator[None]:
    """Run the issuer of the overlay beside local processes, which get the overlay's settings."""
    tokens = stack.folder / "tokens"
    tokens.mkdir()
    (port,) = free_ports(1)
    keys = f"http://127.0.0.1:{port}/openid/v1/jwks"
    tenant = f"TENANT_FILE: /{OVERLAY}/tenant.yaml\n      PLATFORM_KEYS: {keys}"
    stack.edit("docker-compose.yml", "TENANT_FILE: tenant.yaml", tenant)
    secret = "CLIENT_SECRET_FILE: /run/secrets/timesheets-import-job"
    stack.edit("docker-compose.yml", secret, f"CLIENT_ASSERTION_FILE: {tokens}/token")
    command = [sys.executable, str(stack.folder / OVERLAY / "issuer.py"), str(tokens)]
    environment = PLATFORM | {"AUDIENCE": stack.issuer, "PORT": str(port)}
    process = subprocess.Popen(command, env=environment)
    try:
        stack.wait_until_answers(keys)
        yield
    finally:
        process.terminate()
        assert process.wait(10) == 0


SILENT = """clients:
  - client_id: of-a-silent-platform
    name: Its platform answers nothing
    federated: {issuer: "https://silent.example", subject: job, jwks_uri: "http://127.0.0.1:%d/keys"}
"""


@contextmanager
def silent_platform(stack: Stack) -> Iterator[None]:
    """Declare a client of a platform whose address takes connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stack.edit(f"{OVERLAY}/tenant.yaml", "clients:\n", SILENT % listener.getsockname()[1])
        yield


def where_the_job_runs(stack: Stack, script: str) -> str:
    """Run a script with the files and the environment of the job."""
    return stack.inside("calling-service", "python", "-c", textwrap.dedent(script))


READ_TOKEN = "import os; print(open(os.environ['CLIENT_ASSERTION_FILE']).read())"
READ_LINKS = """
    import os
    path = os.environ["CLIENT_ASSERTION_FILE"]
    print(os.readlink(path), os.readlink(os.path.join(os.path.dirname(path), "..data")))
"""


def test_the_job_imports_without_a_secret(stack: Stack) -> None:
    assert "234 booked" in stack.first_output
    assert "client_assertion" in stack.first_output
    assert "Basic" not in stack.first_output
    assert len(stack.timesheets()) == 239


def test_the_file_is_replaced_as_a_whole_as_a_kubelet_does(stack: Stack) -> None:
    link, version = where_the_job_runs(stack, READ_LINKS).split()
    assert link == "..data/token"
    if stack.environment["RUNTIME"] == "local":  # there, the platform renews it several times a second
        eventually(
            lambda: where_the_job_runs(stack, READ_LINKS).split()[1] != version or None, "it is renewed"
        )


def test_each_token_call_sends_the_token_of_that_moment_and_a_token_serves_many_calls(stack: Stack) -> None:
    runs = [stack.run_import(resend=True, fresh_token=True) for _ in range(3)]
    assert [run["state"] for run in runs] == ["completed"] * 3
    asked = [each for run in runs for each in run["exchanges"] if each["url"].endswith("/oauth/token")]
    assert [exchange["status"] for exchange in asked] == [200] * 3
    for exchange in asked:
        assert "[signature cut]" in unquote(exchange["request"]["body"])


def test_the_platform_vouches_for_this_client_and_for_no_other(stack: Stack) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": where_the_job_runs(stack, READ_TOKEN).strip(),
    }
    url = f"{stack.url['auth-server']}/oauth/token"
    other = requests.post(url, data=form | {"client_id": "payroll-report"}, timeout=10)
    assert (other.status_code, other.json()["error"]) == (400, "invalid_request")
    own = requests.post(url, data=form, timeout=10).json()
    assert own["scope"] == "batch:upload read:timesheets"


def test_a_platform_that_answers_nothing_costs_the_others_nothing(stack: Stack) -> None:
    """Each worker has four threads; here, more requests than both have ask for its keys at any time."""
    if stack.environment["RUNTIME"] != "local":
        pytest.skip("the silent platform listens beside local processes")
    parts = [{"alg": "ES256", "kid": "a"}, {"iss": "https://silent.example", "sub": "job"}]
    encoded = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": ".".join([*encoded, "A" * 86]),
    }

    def ask() -> None:
        answer = requests.post(f"{stack.url['auth-server']}/oauth/token", data=form, timeout=10)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")

    took: list[float] = []
    with four_threads(ask), four_threads(ask), four_threads(ask):
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            began = time.monotonic()
            stack.token("payroll-report")
            took.append(time.monotonic() - began)
    assert sorted(took)[len(took) * 9 // 10] < 0.5, (
        "others wait where that platform is waited for, for a second"
    )


FIND = """
    import json, os, pathlib, sys
    wanted = [line.encode() for line in sys.stdin.read().split()]
    searched, found, unreadable = 0, [], []
    processes = pathlib.Path("/proc").glob("[0-9]*")
    paths = [process / name for process in processes for name in ("environ", "cmdline")]
    for folder, _, names in os.walk("/"):
        if not folder.startswith(("/proc", "/sys", "/dev")):
            paths += [pathlib.Path(folder, name) for name in names]
    for path in paths:
        try:
            content = path.read_bytes()
        except FileNotFoundError: # a link to nowhere, or a process that has ended
            continue
        except OSError:
            unreadable.append(str(path))
            continue
        searched += 1
        found += [str(path) for each in wanted if each in content]
        if path.name == "environ" and b"SECRET" in content:
            found.append(str(path))
    json.dump([searched, found, unreadable], sys.stdout)
"""


def search(stack: Stack, user: str, wanted: list[str]) -> tuple[int, list[str], set[str]]:
    """Search all files of the job's container; return how many, where it was found, what is unreadable."""
    as_user = ["docker", "compose", "exec", "-T", "--user", user, "calling-service"]
    done = subprocess.run(
        [*as_user, "python", "-c", textwrap.dedent(FIND)],
        input="\n".join(wanted),
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    searched, found, unreadable = json.loads(done.stdout)
    return searched, found, set(unreadable)


def test_the_container_of_the_job_has_no_secret_anywhere(stack: Stack) -> None:
    """Neither in its files nor in an environment: no secret of the whole stack, and no line of a key."""
    if stack.environment["RUNTIME"] != "docker":
        pytest.skip("local processes see the files of the whole machine")
    files = [path for path in stack.folder.glob(".secrets/*/*") if path.suffix not in (".jwks", ".sha256")]
    wanted = [line for path in files for line in path.read_text().splitlines() if "----" not in line]
    assert len(wanted) > 10
    hidden: list[set[str]] = []
    for user in ("10001", "0"):  # without capabilities, root reads less than usual
        searched, found, unreadable = search(stack, user, wanted)
        assert searched > 1000
        assert found == []
        hidden.append({path for path in unreadable if not path.startswith("/proc/")})
    assert hidden[0] & hidden[1] == set()
    token = where_the_job_runs(stack, READ_TOKEN).strip()
    assert search(stack, "10001", [token])[1], "the search finds what is there"
