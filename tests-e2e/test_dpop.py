"""`OVERLAY=dpop make up`: tokens that are bound to a key, with our job and with clients from elsewhere."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from live_stack import CHECKOUT, Stack
from requests_oauth2client import DPoPToken, OAuth2Client
from tls_stack import TlsStack

CLIENTS = Path(__file__).with_name("dpop_clients")
FILE = CHECKOUT / "calling-service/flow_explorer/gallery/cases.toml"
CASES = [name for name, case in tomllib.loads(FILE.read_text())["case"].items() if "overlay" in case]
NONCES = '      DPOP: "1"\n      DPOP_NONCE_KEY_FILE: /run/secrets/nonce-key\n'


@pytest.fixture(scope="module", params=["without nonces", "with nonces"])
def stack(request: pytest.FixtureRequest, new_stack: Callable[[], Stack]) -> Iterator[Stack]:
    """Return a running stack whose tokens are bound; in Docker behind https, whose names are public."""
    stack = new_stack()
    if stack.environment["RUNTIME"] == "docker":
        stack = TlsStack(stack.folder)
    stack.environment["OVERLAY"] = "dpop"
    if request.param == "with nonces":
        demand_nonces(stack)
    stack.first_output = stack.make("up")
    with pytest.MonkeyPatch.context() as monkeypatch:
        if isinstance(stack, TlsStack):
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", stack.ca)
            monkeypatch.setenv("NODE_EXTRA_CA_CERTS", stack.ca)
        yield stack
    stack.drop()


def demand_nonces(stack: Stack) -> None:
    """Let both servers demand nonces; in the overlay's file, their settings stand before the job's."""
    overlay = stack.folder / "deploy/dpop/compose.yml"
    servers, job = overlay.read_text().split("  calling-service:")
    overlay.write_text(servers.replace('      DPOP: "1"\n', NONCES) + "  calling-service:" + job)
    for service in ("auth-server", "protected-api"):
        folder = stack.folder / ".secrets" / service
        folder.mkdir(parents=True)
        (folder / "nonce-key").write_text("n" * 43)


@pytest.fixture(scope="session")
def node_clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the clients, with the packages that package-lock.json names."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("npm is not installed (with CI set, this is a failure)")
    folder = tmp_path_factory.mktemp("node") / "clients"
    shutil.copytree(CLIENTS, folder)
    subprocess.run(["npm", "ci", "--loglevel=error"], cwd=folder, check=True, timeout=120)
    return folder


@pytest.fixture
def bound(stack: Stack) -> DPoPToken:
    """Return a bound token, with its key, of a client from elsewhere."""
    client = OAuth2Client(
        f"{stack.issuer}/oauth/token",
        client_id="payroll-report",
        client_secret=stack.secret("payroll-report"),
        dpop_bound_access_tokens=True,
        testing=True,
    )
    token = client.client_credentials(audience=stack.timesheets_api)
    assert isinstance(token, DPoPToken)
    return token


def settings_of_a_client(stack: Stack) -> dict[str, str]:
    (secret,) = stack.folder.glob(".secrets/*/payroll-report")
    return os.environ | {
        "ISSUER": stack.issuer,
        "API_URL": f"{stack.timesheets_api}/timesheets",
        "AUDIENCE": stack.timesheets_api,
        "SCOPE": "read:timesheets",
        "CLIENT_ID": "payroll-report",
        "CLIENT_SECRET_FILE": str(secret),
    }


def run(stack: Stack, *command: str) -> list[str]:
    """Run a client, and return the lines that it printed."""
    settings = settings_of_a_client(stack)
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_import_runs_with_a_proof_for_each_request(stack: Stack) -> None:
    shown = stack.first_output
    assert "234 booked" in shown
    assert '"token_type":"DPoP"' in shown.replace(" ", "")
    assert "The DPoP proof, decoded:" in shown
    assert f" {stack.issuer}/oauth/token\n" in shown
    assert f" {stack.timesheets_api}/timesheets/upload\n" in shown
    run = stack.run_import(resend=True, fresh_token=True)
    assert run["state"] == "completed"


@pytest.mark.parametrize("program", ["openid_client.mjs", "oauth4webapi.mjs"])
def test_clients_of_node_bind_their_tokens(stack: Stack, node_clients: Path, program: str) -> None:
    assert run(stack, "node", str(node_clients / program)) == ["dpop", "200", "200"]


def test_requests_oauth2client_binds_its_tokens(stack: Stack) -> None:
    program = str(CLIENTS / "requests_oauth2client_dpop.py")
    assert run(stack, sys.executable, program) == ["dpop", "200", "200"]


def test_a_stolen_token_is_worth_nothing(stack: Stack, bound: DPoPToken) -> None:
    for scheme in ("Bearer", "DPoP"):
        response = requests.get(
            f"{stack.timesheets_api}/timesheets",
            headers={"Authorization": f"{scheme} {bound.access_token}"},
            timeout=10,
        )
        assert response.status_code == 401, scheme


def test_a_stolen_request_is_worth_nothing(stack: Stack, bound: DPoPToken) -> None:
    url = f"{stack.timesheets_api}/timesheets"
    with requests.Session() as session:
        served = session.get(url, auth=bound, timeout=10)
        stolen = served.request.headers
        assert served.status_code == 200
        assert session.get(url, headers=stolen, timeout=10).json()["error_description"] == (
            "The DPoP proof was used before."
        )
        assert session.get(f"{url}?user_id=C-1042", headers=stolen, timeout=10).status_code == 401


def test_the_page_shows_the_proof(stack: Stack) -> None:
    run = stack.run_import(resend=True, fresh_token=True)
    page = requests.get(f"{stack.url['calling-service']}/flow/{run['id']}", timeout=10)
    assert "The proof, decoded" in page.text
    assert "dpop+jwt" in page.text


def test_the_cases_of_the_gallery_are_answered_as_expected(stack: Stack) -> None:
    if "DPOP_NONCE_KEY_FILE" in (stack.folder / "deploy/dpop/compose.yml").read_text():
        pytest.skip("the gallery follows no demand for a nonce")
    answered = {case_id: stack.play(case_id)["case"]["as_expected"] for case_id in CASES}
    assert answered == dict.fromkeys(CASES, True)


def test_a_client_without_a_proof_gets_a_bearer_token(stack: Stack) -> None:
    assert stack.api("GET", "/timesheets", stack.token("payroll-report")).status_code == 200


def test_no_log_has_a_proof_or_a_token(stack: Stack, bound: DPoPToken) -> None:
    requests.get(f"{stack.timesheets_api}/timesheets", auth=bound, timeout=10)
    for service in stack.url:
        assert "eyJ" not in stack.logs(service)
