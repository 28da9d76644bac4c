"""The MCP server of deploy/mcp-server: who may call its tools, and as whom it calls the Timesheets API."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.private_key_jwt import client_assertion
from live_stack import CHECKOUT, INVOICES, Stack, eventually, free_ports

pytestmark = pytest.mark.long
FOLDER = CHECKOUT / "deploy/mcp-server"
PROGRAMS = {"fastmcp": FOLDER / "call.py", "mcp": CHECKOUT / "tests-e2e/mcp_sdk_client.py"}
CREDENTIALS = {
    "hours-agent": ("CLIENT_SECRET_FILE", "hours-agent"),
    "payroll-agent": ("CLIENT_KEY_FILE", "payroll-agent.pem"),
}
PAGE = (CHECKOUT / "docs/mcp-server.md").read_text()
NOVEMBER = ("first=2026-11-01", "last=2026-11-30")
ENTRIES = ("list_timesheets", "user_id=C-1042", *NOVEMBER)


@dataclass(frozen=True, slots=True)
class McpServer:
    """A running MCP server; `presented` has the Authorization headers of its calls (local processes only)."""

    stack: Stack
    url: str
    python: Path  # of an environment with MCP's clients
    log: Callable[[], str]
    presented: list[str] = field(default_factory=list)

    @property
    def metadata_url(self) -> str:
        """Return where the metadata of this protected resource is (RFC 9728 3.1)."""
        return f"{self.url.removesuffix('/mcp')}/.well-known/oauth-protected-resource/mcp"

    def run(self, program: str, agent: str, *arguments: str, **variables: str) -> tuple[Any, str]:
        """Run a client; return what it printed, None if it failed, and its errors."""
        name, file = CREDENTIALS[agent]
        environment = {"PATH": os.environ["PATH"], "CLIENT_ID": agent, "ISSUER": self.stack.issuer}
        environment[name] = str(self.stack.folder / ".secrets/mcp-client" / file)
        done = subprocess.run(
            [self.python, PROGRAMS[program], self.url, *arguments],
            check=False,
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr

    def post(self, token: str | None, method: str = "tools/list", **params: Any) -> requests.Response:
        """Ask for the list of tools with this token, or something else."""
        headers = {"Accept": "application/json, text/event-stream"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return requests.post(self.url, json=body, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with the MCP server's locked requirements."""
    folder = tmp_path_factory.mktemp("mcp") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"]
    subprocess.run([folder / "bin/pip", *install, FOLDER / "requirements.txt"], check=True)
    return folder


@pytest.fixture(scope="module")
def server(new_stack: Callable[[], Stack], environment: Path) -> Iterator[McpServer]:
    """Return the MCP server beside a running stack."""
    stack = new_stack()
    (port,) = free_ports(1)
    stack.environment |= {"OVERLAY": "mcp-server", "MCP_SERVER_PORT": str(port)}
    serve = in_docker if stack.environment["RUNTIME"] == "docker" else as_local_process
    with serve(stack, environment, f"http://localhost:{port}/mcp") as server:
        yield server


@contextmanager
def in_docker(stack: Stack, environment: Path, url: str) -> Iterator[McpServer]:
    stack.make("up")
    yield McpServer(stack, url, environment / "bin/python", lambda: logs_of_container(stack))
    overlay = ("-f", "docker-compose.yml", "-f", "deploy/mcp-server/compose.yml")
    stack.compose(*overlay, "down", "--rmi", "local", "--volumes")


def logs_of_container(stack: Stack) -> str:
    return stack.run("docker", "logs", f"{stack.project}-mcp-server-1").stdout


@contextmanager
def as_local_process(stack: Stack, environment: Path, url: str) -> Iterator[McpServer]:
    """Serve it between two recorders: a log file, and a proxy before the Timesheets API.

    Here its tokens are signed by Ed25519 (RFC 9864), in containers by the default.
    """
    scopes = "scopes: [read:hours, read:entries]\n"
    declared = f"name: Timesheets MCP server\n    {scopes}"
    stack.edit("deploy/mcp-server/tenant.yaml", declared, f"{declared}    signing_alg: Ed25519\n")
    stack.edit("deploy/mcp-server/local", "SIGNING_ALG=RS256", "SIGNING_ALG=Ed25519")
    stack.make("up")
    log = stack.state / "mcp-server.log"
    server = McpServer(stack, url, environment / "bin/python", log.read_text)
    with recorded(stack.url["protected-api"], server.presented) as api, log.open("w") as output:
        variables = {"MCP_VENV": str(environment), "API_URL": api}
        process = subprocess.Popen(
            [stack.folder / "deploy/mcp-server/local"],
            env=stack.environment | variables,
            stdout=output,
            stderr=output,
        )
        try:
            stack.wait_until_answers(url.replace("/mcp", "/healthz"))
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def recorded(api: str, presented: list[str]) -> Iterator[str]:
    """Pass requests on to the API and keep their Authorization headers."""

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            presented.append(self.headers["Authorization"])
            try:
                answer = requests.get(api + self.path, headers={"Authorization": presented[-1]}, timeout=10)
            except requests.ConnectionError:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever).start()
        yield f"http://127.0.0.1:{proxy.server_port}"
        proxy.shutdown()


def claims(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return payload


def lines(log: str, message: str) -> list[dict[str, Any]]:
    """Return the lines of a log with this message."""
    parsed = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in parsed if line["message"] == message]


@pytest.mark.parametrize("agent", CREDENTIALS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_machine_client_finds_its_way_from_the_401_and_calls_a_tool(
    server: McpServer, program: str, agent: str
) -> None:
    """One client has a secret, the other a key (private_key_jwt)."""
    assert server.run(program, agent)[0] == ["hours_per_project"]
    hours: dict[str, Decimal] = {}
    for timesheet in server.stack.timesheets():
        project = str(timesheet["project"])
        hours[project] = hours.get(project, Decimal(0)) + Decimal(str(timesheet["hours"]))
    answer, errors = server.run(program, agent, "hours_per_project", *NOVEMBER)
    assert answer == {project: str(total) for project, total in sorted(hours.items())}, errors


def test_the_page_calls_a_tool_with_a_secret_and_another_with_a_key(server: McpServer) -> None:
    (commands,) = re.findall(r"^call=.*?(?=^```)", PAGE, re.DOTALL | re.MULTILINE)
    commands = commands.replace(".venv-mcp/bin/python", str(server.python))
    commands = commands.replace("http://localhost:9003/mcp", server.url)
    commands = commands.replace("http://localhost:9000", server.stack.issuer)
    done = server.stack.run("bash", "-ec", commands)
    assert '"Patient Portal": "' in done.stdout, done.stderr
    assert '"project": "Patient Portal",\n      "hours": "3.75"' in done.stdout, done.stderr


def test_a_tool_of_another_scope_is_hidden_from_clients_that_lack_it(server: McpServer) -> None:
    assert "Unknown tool: 'list_timesheets'" in server.run("fastmcp", "payroll-agent", *ENTRIES)[1]
    refused = server.run("fastmcp", "hours-agent", SCOPES="read:hours read:entries")[1]
    assert "The scope read:entries is not granted" in refused


def test_a_client_that_lacks_the_scope_of_the_server_asks_for_it_after_the_403(server: McpServer) -> None:
    tools, errors = server.run("fastmcp", "payroll-agent", SCOPES="read:entries")
    assert tools == ["hours_per_project", "list_timesheets"], errors


def test_the_401_leads_to_the_authorization_server(server: McpServer) -> None:
    """RFC 9728 5.1, and the issuer as the authorization server has it, without a slash more."""
    refused = server.post(None)
    challenge = f'Bearer scope="read:hours", resource_metadata="{server.metadata_url}"'
    assert (refused.status_code, refused.headers["WWW-Authenticate"], refused.text) == (401, challenge, "")
    assert requests.get(server.metadata_url, timeout=10).json() == {
        "resource": server.url,
        "resource_name": "Timesheets MCP server",
        "authorization_servers": [server.stack.issuer],
        "scopes_supported": ["read:hours", "read:entries"],
        "bearer_methods_supported": ["header"],
    }


def entries_token(server: McpServer) -> str:
    """Return a token of payroll-agent for read:entries alone."""
    key = (server.stack.folder / ".secrets/mcp-client/payroll-agent.pem").read_text()
    form = client_assertion("payroll-agent", server.stack.issuer, key, time.time())
    form |= {"grant_type": "client_credentials", "scope": "read:entries"}
    answer = requests.post(f"{server.stack.url['auth-server']}/oauth/token", form, timeout=10)
    return str(answer.json()["access_token"])


REFUSED: dict[str, tuple[Callable[[McpServer], str], int, str]] = {
    "no token at all": (lambda _: "garbage", 401, "invalid_token"),
    "for the Timesheets API": (lambda s: s.stack.token("payroll-report"), 401, "invalid_token"),
    "of the server itself": (lambda s: s.stack.token("timesheets-mcp-server"), 401, "invalid_token"),
    "for another API, with another algorithm": (
        lambda s: s.stack.token("payroll-report", audience=INVOICES),
        401,
        "invalid_token",
    ),
    "changed": (lambda s: s.stack.token("hours-agent", audience=s.url)[:-8] + "A" * 8, 401, "invalid_token"),
    "without the scope": (entries_token, 403, "insufficient_scope"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_a_token(server: McpServer, case: str) -> None:
    make, status, error = REFUSED[case]
    answer = server.post(make(server))
    challenge = answer.headers["WWW-Authenticate"]
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert challenge.startswith(f'Bearer error="{error}", error_description="')
    assert challenge.endswith(f'", scope="read:hours", resource_metadata="{server.metadata_url}"')


def test_calls_the_timesheets_api_with_tokens_of_its_own_alone(server: McpServer) -> None:
    """The API would refuse a caller's token, and log that it did: it is for another audience."""
    server.presented.clear()
    answer, errors = server.run("fastmcp", "hours-agent", "hours_per_project", *NOVEMBER)
    assert answer, errors
    issued = lines(server.stack.logs("auth-server"), "token issued")
    callers = {line["jti"]: line["client_id"] for line in lines(server.log(), "tool asked for")}
    assert {line["audience"] for line in issued if line["jti"] in callers} == {server.url}
    own = {line["jti"] for line in issued if line["client_id"] == "timesheets-mcp-server"}
    assert own
    assert own.isdisjoint(callers)
    assert lines(server.stack.logs("protected-api"), "access token refused") == []
    if server.stack.environment["RUNTIME"] == "local":
        assert server.presented
        tokens = [header.removeprefix("Bearer ") for header in server.presented]
        assert {claims(token)["jti"] for token in tokens} <= own
        assert {claims(token)["aud"] for token in tokens} == {server.stack.timesheets_api}


def test_says_no_more_than_that_the_api_cannot_be_read(server: McpServer) -> None:
    server.stack.stop("protected-api")
    try:
        answer, errors = server.run("fastmcp", "hours-agent", "hours_per_project", *NOVEMBER)
    finally:
        server.stack.start("protected-api")
    assert answer is None
    assert errors.splitlines()[-1] == "Error: The Timesheets API cannot be read at present; try again later."
    assert lines(server.log(), "the Timesheets API gave no usable answer")
    eventually(lambda: server.run("fastmcp", "hours-agent", "hours_per_project", *NOVEMBER)[0], "it is back")


def test_refuses_a_call_without_the_name_of_a_tool(server: McpServer) -> None:
    answer = server.post(server.stack.token("hours-agent", audience=server.url), "tools/call", name=None)
    error = {"code": -32602, "message": "Invalid request parameters", "data": ""}
    assert (answer.status_code, answer.json()["error"]) == (200, error)
    assert lines(server.log(), "tool asked for")[-1]["tool"] == ""


def test_says_that_the_api_refuses_an_argument(server: McpServer) -> None:
    arguments = ("list_timesheets", "user_id=\u200b", *NOVEMBER)
    errors = server.run("fastmcp", "payroll-agent", *arguments, SCOPES="read:hours read:entries")[1]
    assert "The Timesheets API refuses this; correct the user_id and the dates." in errors


def test_answers_for_its_own_name_alone(server: McpServer) -> None:
    """Another site's page, which has its own name point here, must not reach the tools (DNS rebinding)."""
    for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)):
        assert requests.post(server.url, headers=headers, timeout=10).status_code == status


def test_the_log_names_the_caller_and_holds_no_token(server: McpServer) -> None:
    assert server.run("mcp", "payroll-agent", "hours_per_project", *NOVEMBER)[0]
    log = server.log()
    line = lines(log, "tool asked for")[-1]
    assert (line["tool"], line["client_id"]) == ("hours_per_project", "payroll-agent")
    assert "eyJ" not in log
    assert server.stack.secret("timesheets-mcp-server") not in log
