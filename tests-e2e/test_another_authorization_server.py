"""The job and the API work with an authorization server from elsewhere, by a change of settings alone.

The server is panva's oidc-provider, run by Node (another_server/); the two services are local processes.
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
SECRET, KEY = f"/run/secrets/{CLIENT}", "/run/secrets/approvals-bot.pem"


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
    issuer = f"http://127.0.0.1:{port}"
    stack.environment["RUNTIME"] = "local"
    stack.run("stack/secrets", sys.executable, "stack/local.py", "exec", "calling-service")
    client: dict[str, Any] = {"client_id": CLIENT, "token_endpoint_auth_method": request.param}
    if request.param == "private_key_jwt":
        jwks = (stack.folder / ".secrets/auth-server/approvals-bot.jwks").read_text()
        client |= {"jwks": json.loads(jwks), "token_endpoint_auth_signing_alg": "EdDSA"}
        stack.edit("docker-compose.yml", f"CLIENT_SECRET_FILE: {SECRET}", f"CLIENT_KEY_FILE: {KEY}")
    else:
        client["client_secret"] = stack.secret(CLIENT)
    stack.edit(
        "docker-compose.yml", "ISSUER: http://localhost:${AUTH_SERVER_PORT:-9000}", f"ISSUER: {issuer}"
    )
    stack.edit(
        "docker-compose.yml", "JWKS_URI: http://auth-server:9000/.well-known/jwks.json", 'JWKS_URI: ""'
    )
    stack.edit(
        "docker-compose.yml",
        "TOKEN_URL: http://auth-server:9000/oauth/token",
        'TOKEN_URL: ""\n      AUDIENCE_PARAMETER: resource',
    )
    configuration = {"port": port, "audience": stack.timesheets_api, "scope": SCOPE, "client": client}
    environment = os.environ | {"CONFIGURATION": json.dumps(configuration)}
    with subprocess.Popen(["node", program], env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            stack.wait_until_answers(f"{issuer}/.well-known/oauth-authorization-server")
            stack.start("protected-api", "calling-service")
            stack.wait_until_answers(f"{stack.url['protected-api']}/readyz")
            yield stack, issuer
        finally:
            server.terminate()


def test_the_job_books_its_timesheets_with_its_tokens(running: tuple[Stack, str]) -> None:
    stack, issuer = running
    run = stack.run_import()
    assert (run["state"], run["booked"], run["error"]) == ("completed", 239, None)
    again = stack.run_import(resend=True)
    assert (again["state"], again["booked"], again["unchanged"]) == ("completed", 0, 239)
    metadata, token, *uploads = run["exchanges"]
    assert metadata["url"] == f"{issuer}/.well-known/oauth-authorization-server"
    assert token["response"]["token"]["payload"]["iss"] == issuer
    assert {upload["url"] for upload in uploads} == {f"{stack.url['protected-api']}/timesheets/upload"}
    api = requests.get(f"{stack.url['protected-api']}/.well-known/oauth-protected-resource", timeout=10)
    assert api.json()["authorization_servers"] == [issuer]
