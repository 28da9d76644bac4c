"""The job and the API work with an authorization server from elsewhere, by a change of settings alone.

The server is panva's oidc-provider, run by Node (another_server/); the stack is started without its own, by
ANOTHER_SERVER. With Docker, containers reach it at the host's address on Docker's bridge.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from live_stack import Stack, free_ports

pytestmark = pytest.mark.long
CLIENT, SCOPE = "timesheets-import-job", "batch:upload"
BRIDGE = ("docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the server's program, with its dependencies installed as package-lock.json has them."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("npm is not installed (with CI set, this is a failure)")
    folder = tmp_path_factory.mktemp("another") / "server"
    shutil.copytree(Path(__file__).with_name("another_server"), folder)
    subprocess.run(["npm", "ci", "--loglevel=error"], cwd=folder, check=True, timeout=120)
    return folder / "server.mjs"


@pytest.fixture(params=["client_secret_basic", "private_key_jwt"])
def running(
    request: pytest.FixtureRequest, new_stack: Callable[[], Stack], program: Path
) -> Iterator[tuple[Stack, str]]:
    """Return the stack and its issuer, at which the job authenticates by one method or the other."""
    stack, (port,) = new_stack(), free_ports(1)
    in_docker = stack.environment["RUNTIME"] == "docker"
    host = subprocess.check_output(BRIDGE, text=True).strip() if in_docker else "127.0.0.1"
    issuer = f"http://{host}:{port}"
    stack.run("stack/secrets", sys.executable, "stack/local.py", "exec", "calling-service")
    client: dict[str, Any] = {"client_id": CLIENT, "token_endpoint_auth_method": request.param}
    settings = {"ISSUER": issuer, "CLIENT_ID": CLIENT, "AUDIENCE_PARAMETER": "resource", "SCOPE": SCOPE}
    if request.param == "private_key_jwt":
        jwks = (stack.folder / ".secrets/auth-server/approvals-bot.jwks").read_text()
        client |= {"jwks": json.loads(jwks), "token_endpoint_auth_signing_alg": "EdDSA"}
        settings["CLIENT_KEY_FILE"] = "/run/secrets/approvals-bot.pem"
    else:
        client["client_secret"] = stack.secret(CLIENT)
        settings["CLIENT_SECRET_FILE"] = f"/run/secrets/{CLIENT}"
    if in_docker:
        settings["INSECURE_HTTP"] = "1"
    stack.environment["ANOTHER_SERVER"] = "another-server.env"
    lines = [f"{name}={value}\n" for name, value in settings.items()]
    (stack.folder / "another-server.env").write_text("".join(lines))
    configuration = {"host": host, "port": port, "audience": stack.timesheets_api, "scope": SCOPE}
    environment = os.environ | {"CONFIGURATION": json.dumps(configuration | {"client": client})}
    with subprocess.Popen(["node", program], env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            stack.wait_until_answers(f"{issuer}/.well-known/oauth-authorization-server")
            stack.first_output = stack.make("up", EXPLAIN="0" if in_docker else "1")
            yield stack, issuer
        finally:
            server.terminate()


def test_the_job_books_its_timesheets_with_its_tokens(running: tuple[Stack, str]) -> None:
    stack, issuer = running
    assert "234 booked" in stack.first_output
    assert "5 booked" in stack.first_output
    run = stack.run_import(resend=True, fresh_token=True)
    assert (run["state"], run["booked"], run["unchanged"], run["error"]) == ("completed", 0, 239, None)
    api = requests.get(f"{stack.url['protected-api']}/.well-known/oauth-protected-resource", timeout=10)
    assert api.json()["authorization_servers"] == [issuer]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{stack.url['auth-server']}/healthz", timeout=10)


def test_settings_of_another_server_come_from_its_file_alone(new_stack: Callable[[], Stack]) -> None:
    stack = new_stack()
    done = stack.run("make", "up", ANOTHER_SERVER="missing.env")
    assert done.stderr.startswith("ANOTHER_SERVER names no file: missing.env.")
    (stack.folder / "another-server.env").write_text("ISSUER=http://127.0.0.1:1\n")
    done = stack.run("make", "up", ANOTHER_SERVER="another-server.env", CLIENT_ID="of-my-shell")
    assert done.returncode != 0
    assert "CLIENT_ID: is not set" in done.stdout + done.stderr
