"""Start what is measured: the two peers under Node, our services on gunicorn and granian, and bare Flask."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import requests
from live_stack import INVOICES, Stack, free_ports

from bench.peers import tokens

Running = AbstractContextManager[tuple[int, int]]  # a port and a process id
CLIENT = "payroll-report"
SECRET = "s" * 43  # of the peer's client; ours has the secret that the stack made
RS256_API = "https://timesheets.exampleco.example"  # at the peer
SCOPE = "read:timesheets"
PEERS = Path(__file__).parent
ENTRY = {"external_id": "1", "user_id": "C-1001", "date": "2026-11-09", "project": "Bench", "hours": "7.25"}


def install(folder: Path) -> None:
    """Install the peers in a folder, as package-lock.json has them."""
    for path in (*PEERS.glob("*.json"), *PEERS.glob("*.mjs"), PEERS / ".npmrc"):
        shutil.copy(path, folder)
    subprocess.run(["npm", "ci", "--loglevel=error"], cwd=folder, check=True, timeout=120)  # noqa: S607


@contextmanager
def node(program: Path, configuration: dict[str, Any], probe: str) -> Iterator[tuple[int, int]]:
    """Run a peer until the block ends; yield its port and process id."""
    (port,) = free_ports(1)
    environment = os.environ | {"NODE_ENV": "production"}
    environment["CONFIGURATION"] = json.dumps(configuration | {"port": port})
    with (
        program.with_suffix(".log").open("w") as log,
        subprocess.Popen(["node", program], env=environment, stdout=log, stderr=log) as process,  # noqa: S607
    ):
        try:
            wait(f"http://127.0.0.1:{port}{probe}")
            yield port, process.pid
        except Exception:
            print(program.with_suffix(".log").read_text(), file=sys.stderr)
            raise
        finally:
            process.terminate()


def authorization_server(folder: Path) -> Running:
    """Run node-oidc-provider with a client that may ask for both APIs."""
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
    }
    algorithms = {RS256_API: "RS256", INVOICES: "ES256"}
    configuration = {"client": client, "algorithms": algorithms, "scope": SCOPE}
    return node(folder / "authorization_server.mjs", configuration, "/.well-known/openid-configuration")


def api(folder: Path, jwks_uri: str, stack: Stack, page: object) -> Running:
    """Run an API with express-oauth2-jwt-bearer for the tokens of a stack, which answers each read alike."""
    options = {"issuer": stack.issuer, "audience": stack.timesheets_api, "jwksUri": jwks_uri}
    options |= {"tokenSigningAlg": "ES256", "strict": "true"}
    return node(folder / "api.mjs", {"options": options, "scope": SCOPE, "page": page}, "/healthz")


def wait(url: str) -> None:
    """Wait until the address answers 200."""
    subprocess.run([sys.executable, PEERS.parents[1] / "stack/ready.py", "30", url], check=True)


@contextmanager
def ours(folder: Path, server: str, jwks_uri: str) -> Iterator[Stack]:
    """Run the authorization server and the API, as docker-compose.yml or the overlay has them.

    Only EXPLAIN is off, as in production, and the API takes the tokens that are signed here.
    """
    stack = Stack(folder / server)
    stack.environment |= {"RUNTIME": "local", "SERVER": server, "EXPLAIN": "0"}
    ours_uri = "JWKS_URI: http://auth-server:9000/.well-known/jwks.json"
    stack.edit("docker-compose.yml", ours_uri, f"JWKS_URI: {jwks_uri}")
    try:
        made = stack.run("stack/secrets", sys.executable, "stack/local.py", "exec", "calling-service")
        if made.returncode:
            raise RuntimeError(made.stderr)
        stack.start("auth-server", "protected-api")
        wait(f"{stack.url['protected-api']}/readyz")
        stack.api(
            "POST", "/timesheets/upload", tokens.sign(stack, "batch:upload"), json=ENTRY
        ).raise_for_status()
        yield stack
    finally:
        stack.drop()


@contextmanager
def bare_flask(stack: Stack) -> Iterator[tuple[int, int]]:
    """Run bench.peers.bare_token as the stack runs its authorization server; yield port and process id."""
    (port,) = free_ports(1)
    app = ["bench.peers.bare_token:app", "--bind", f"127.0.0.1:{port}"]
    serve = ["gunicorn"]
    if stack.environment["SERVER"] == "granian":
        serve = ["python", str(stack.folder / "deploy/fast/serve.py")]
    environment = ["env", f"PYTHONPATH={stack.folder}"]
    command = [sys.executable, "stack/local.py", "exec", "auth-server", *environment, *serve, *app]
    with (
        (stack.state / "bare.log").open("w") as log,
        subprocess.Popen(command, cwd=stack.folder, env=stack.environment, stdout=log, stderr=log) as master,
    ):
        try:
            wait_for_post(f"http://127.0.0.1:{port}/oauth/token")
            yield port, master.pid
        finally:
            master.terminate()


def wait_for_post(url: str) -> None:
    """Wait until the address answers a POST."""
    retries = requests.adapters.Retry(total=10, backoff_factor=0.1, allowed_methods=None)
    with requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retries))
        session.post(url, timeout=10).raise_for_status()
