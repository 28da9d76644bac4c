"""The stack behind https (deploy/tls), used by real TLS clients."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError

import pytest
import requests
from interop.client_program import ClientProgram
from interop.environments import prepare
from interop.rows import Row, read_rows
from live_stack import SERVICES, Stack, eventually
from tls_stack import TlsStack

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("RUNTIME") != "docker", reason="the overlay needs Docker"),
]
FORM = "grant_type=client_credentials"
ONLY_A_PROXY_SAYS = {"X-Forwarded-For": "203.0.113.7", "X_Forwarded_For": "203.0.113.8"}


def start(new_stack: Callable[[], Stack], **environment: str) -> TlsStack:
    stack = TlsStack(new_stack().folder)
    stack.environment |= environment
    stack.first_output = stack.make("up")
    return stack


@pytest.fixture(scope="module")
def tls_stack(new_stack: Callable[[], Stack]) -> Iterator[TlsStack]:
    """Return a running stack behind https, whose CA requests trusts during the tests of this file."""
    stack = start(new_stack)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", stack.ca)
        yield stack
    stack.drop()


def test_the_import_runs_over_https_from_end_to_end_by_the_names_that_the_host_uses(
    tls_stack: TlsStack,
) -> None:
    shown = tls_stack.first_output
    assert re.search(r"234 rows +234 booked", shown)
    assert f"iss        {tls_stack.issuer}" in shown
    assert f"aud        {tls_stack.timesheets_api}" in shown
    assert f"{tls_stack.url['calling-service']}/flow/" in shown
    assert "http://" not in shown
    run = tls_stack.run_import(resend=True, fresh_token=True)
    hosts = {dict(exchange["request"]["headers"])["Host"] for exchange in run["exchanges"]}
    assert {f"https://{host}" for host in hosts} == {tls_stack.issuer, tls_stack.timesheets_api}


def test_everything_that_is_advertised_is_https(tls_stack: TlsStack) -> None:
    metadata = requests.get(f"{tls_stack.issuer}/.well-known/oauth-authorization-server", timeout=10).json()
    assert metadata["issuer"] == tls_stack.issuer
    assert all(value.startswith("https://") for value in metadata.values() if "://" in str(value))
    challenge = tls_stack.api("GET", "/timesheets").headers["WWW-Authenticate"]
    assert f'resource_metadata="{tls_stack.timesheets_api}/.well-known/' in challenge


def test_the_page_and_the_gallery_work_with_their_explanations(tls_stack: TlsStack) -> None:
    page = requests.get(tls_stack.url["calling-service"], timeout=10)
    assert page.ok
    assert "Timesheets now in the API" in page.text
    assert "gave no usable answer" not in page.text
    assert tls_stack.ask_for_token("payroll-report", audience=tls_stack.timesheets_api).headers[
        "Server-Timing"
    ]
    assert "As expected" in tls_stack.make("try", "CASE=another-audience")


def test_clients_need_the_ca(tls_stack: TlsStack) -> None:
    url = f"{tls_stack.issuer}/readyz"
    with urllib.request.urlopen(url, context=tls_stack.context(), timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
    with pytest.raises(URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, context=ssl.create_default_context(), timeout=10)  # noqa: S310
    assert tls_stack.run("curl", "--silent", "--fail", "--cacert", tls_stack.ca, url).returncode == 0
    assert tls_stack.run("curl", "--silent", "--fail", url, CURL_CA_BUNDLE="").returncode == 60


@pytest.fixture
def node_clients() -> None:
    """Skip a test whose client comes from npm, unless there is npm."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("npm is not installed (with CI set, this is a failure)")


@pytest.mark.usefixtures("node_clients")
def test_openid_client_finds_everything_from_the_issuer_and_calls_the_api(
    tls_stack: TlsStack, tmp_path: Path
) -> None:
    (row,) = (row for row in read_rows("clients") if row.name == "openid-client")
    secret = tmp_path / "secret"
    secret.write_text(tls_stack.secret("payroll-report"))
    settings = {
        "ISSUER": tls_stack.issuer,
        "API_URL": f"{tls_stack.timesheets_api}/timesheets",
        "AUDIENCE": tls_stack.timesheets_api,
        "SCOPE": "read:timesheets",
        "CLIENT_ID": "payroll-report",
        "CLIENT_SECRET_FILE": str(secret),
    }
    environment = prepare(row)
    with ClientProgram(environment, row.program, settings) as program:
        assert "error" in program.call()
    with ClientProgram(environment, row.program, settings | {"NODE_EXTRA_CA_CERTS": tls_stack.ca}) as program:
        assert program.call() == {"status": 200}


@pytest.mark.usefixtures("node_clients")
def test_oktas_verifier_which_takes_no_http_accepts_our_token(tls_stack: TlsStack) -> None:
    environment = prepare(Row("okta", "npm", ["@okta/jwt-verifier@4.0.2"], "", []))
    program = Path(__file__).with_name("tls_clients") / "okta_jwt_verifier.mjs"
    verified = subprocess.run(
        environment.command(program),
        check=False,
        input=tls_stack.token("payroll-report"),
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "PATH": os.environ["PATH"],
            "ISSUER": tls_stack.issuer,
            "AUDIENCE": tls_stack.timesheets_api,
            "NODE_EXTRA_CA_CERTS": tls_stack.ca,
        },
    )
    assert verified.stdout == "payroll-report\n", verified.stderr


def test_another_name_than_localhost_is_not_certified(tls_stack: TlsStack) -> None:
    port = tls_stack.ports["auth-server"]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        pytest.raises(ssl.SSLError),
    ):
        tls_stack.context().wrap_socket(connection, server_hostname="auth.example")


@pytest.mark.requirement("RFC 6750 5.2 TLS")
@pytest.mark.parametrize("service", SERVICES)
def test_a_request_for_another_name_is_refused_and_reaches_no_service(
    tls_stack: TlsStack, service: str
) -> None:
    url = f"{tls_stack.url[service]}/healthz"
    assert requests.get(url, headers={"Host": "auth.example"}, timeout=10).status_code == 421


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_is_served_without_tls(tls_stack: TlsStack, service: str) -> None:
    plain = requests.get(f"http://localhost:{tls_stack.ports[service]}/healthz", timeout=10)
    assert plain.status_code == 400
    container = tls_stack.compose("ps", "--quiet", service).strip()
    assert tls_stack.run("docker", "port", container).stdout == ""


def test_the_key_of_the_ca_stays_in_the_proxy(tls_stack: TlsStack) -> None:
    key = tls_stack.proxy("cat", "/data/caddy/pki/authorities/local/root.key")
    assert "PRIVATE KEY" in key
    files = [path for path in tls_stack.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if key.encode() in path.read_bytes()]
    for service in SERVICES:
        container = tls_stack.compose("ps", "--quiet", service).strip()
        mounts = json.loads(tls_stack.run("docker", "inspect", container).stdout)[0]["Mounts"]
        assert not [mount for mount in mounts if mount.get("Name") == f"{tls_stack.project}_tls"]


def logged_address(stack: TlsStack, **headers: str) -> str:
    """Return the address in the log line of a refused request with these headers."""
    before = len(stack.logs("auth-server"))
    requests.post(f"{stack.issuer}/oauth/token", data={"client_id": "a"}, headers=headers, timeout=10)

    def line() -> str | None:
        found = re.search(r'"path":"/oauth/token".*"address":"([^"]*)"', stack.logs("auth-server")[before:])
        return found and found[1]

    return eventually(line, "the request is logged")


def test_the_log_has_the_address_of_the_client_and_not_what_it_claims(tls_stack: TlsStack) -> None:
    inspected = json.loads(
        tls_stack.run("docker", "network", "inspect", f"{tls_stack.project}_default").stdout
    )
    addresses = {each["Name"]: each["IPv4Address"] for each in inspected[0]["Containers"].values()}
    (job,) = (value for name, value in addresses.items() if "calling-service" in name)
    assert f'"address":"{job.partition("/")[0]}"' in tls_stack.logs("auth-server")
    assert logged_address(tls_stack, **ONLY_A_PROXY_SAYS) not in ONLY_A_PROXY_SAYS.values()


@pytest.mark.requirement("RFC 9700 2.6 end to end")
def test_a_client_in_the_network_cannot_claim_another_address(tls_stack: TlsStack) -> None:
    """Past the proxy, the job reaches the authorization server too, but it is no trusted proxy."""
    program = (
        "import urllib.request as r; "
        "r.urlopen(r.Request('http://auth-server:9000/oauth/token', b'client_id=a', "
        "{'X-Forwarded-For': '203.0.113.9'}))"
    )
    done = tls_stack.run("stack/stack", "exec", "calling-service", "python", "-c", program)
    assert "HTTP Error 40" in done.stderr
    assert "203.0.113.9" not in tls_stack.logs("auth-server")


def test_a_service_that_is_down_is_a_503_and_the_proxys_log_has_no_token(tls_stack: TlsStack) -> None:
    tls_stack.stop("protected-api")
    try:
        answer = tls_stack.api("GET", "/timesheets?access_token=in-the-query", "in-the-header")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        printed = tls_stack.run("docker", "logs", tls_stack.compose("ps", "--quiet", "tls").strip())
        assert "in-the-" not in printed.stdout + printed.stderr
    finally:
        tls_stack.start("protected-api")
    eventually(lambda: tls_stack.api("GET", "/healthz").ok or None, "the API is back")


ECHO = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers).encode())
HTTPServer(("", 9000), Echo).serve_forever()
"""


@pytest.mark.requirement("RFC 9700 2.6 end to end")
def test_what_only_a_proxy_may_say_reaches_no_service(tls_stack: TlsStack) -> None:
    """Another container stands in for the authorization server, and answers with the headers that it got."""
    claims = ONLY_A_PROXY_SAYS | {"Client-Cert": ":claimed:", "Client-Cert-Chain": "x", "client_cert": "x"}
    tls_stack.stop("auth-server")
    network = ("--network", f"{tls_stack.project}_default", "--network-alias", "auth-server")
    image = f"{tls_stack.project}-calling-service"
    echo = tls_stack.run("docker", "run", "--rm", "--detach", *network, image, "python", "-c", ECHO)
    try:
        answer = eventually(lambda: answered(tls_stack, claims), "the container answers")
    finally:
        tls_stack.run("docker", "kill", echo.stdout.strip())
        tls_stack.start("auth-server")
    names = {line.partition(":")[0].lower() for line in answer.splitlines()}
    assert not {name for name in names if "_" in name or name.startswith("client-cert")}
    assert "203.0.113." not in answer
    assert "X-Forwarded-For: 10." in answer


def answered(stack: TlsStack, headers: dict[str, str]) -> str | None:
    answer = requests.get(stack.issuer, headers=headers, timeout=10)
    return answer.text if answer.ok else None


def sender(stack: TlsStack, connections: ExitStack, sent: str) -> socket.socket:
    """Open a TLS connection to the authorization server and send this much."""
    port = stack.ports["auth-server"]
    plain = connections.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    connection = connections.enter_context(stack.context().wrap_socket(plain, server_hostname="localhost"))
    connection.sendall(sent.encode())
    return connection


def test_slow_bodies_wait_in_the_proxy_and_hold_no_thread_of_the_service(tls_stack: TlsStack) -> None:
    head = f"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(FORM)}\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    with ExitStack() as connections:
        slow = [sender(tls_stack, connections, head + FORM[:9]) for _ in range(64)]
        for _ in range(20):
            assert requests.get(f"{tls_stack.issuer}/readyz", timeout=2).ok
        slow[0].sendall(FORM[9:].encode())
        assert slow[0].recv(1000).startswith(b"HTTP/1.1 401 ")


def test_half_open_connections_are_closed(tls_stack: TlsStack) -> None:
    with ExitStack() as connections:
        port = tls_stack.ports["auth-server"]
        without_handshake = socket.create_connection(("127.0.0.1", port), timeout=15)
        connections.enter_context(without_handshake)
        without_end_of_headers = sender(tls_stack, connections, "GET / HTTP/1.1\r\nHost: local")
        assert [without_handshake.recv(100), without_end_of_headers.recv(100)] == [b"", b""]


def test_the_faster_server_runs_behind_it_and_believes_no_header_with_an_underscore(
    new_stack: Callable[[], Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = start(new_stack, SERVER="granian")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", stack.ca)
    try:
        assert re.search(r"234 rows +234 booked", stack.first_output)
        assert logged_address(stack, **ONLY_A_PROXY_SAYS) not in ONLY_A_PROXY_SAYS.values()
    finally:
        stack.drop()


def test_without_docker_it_says_what_it_needs(tls_stack: TlsStack) -> None:
    refused = tls_stack.run("make", "up", RUNTIME="local")
    assert refused.returncode != 0
    assert "OVERLAY=tls needs Docker." in refused.stderr


@pytest.mark.parametrize(
    "ports",
    [{"AUTH_SERVER_PORT": "9001"}, {"AUTH_SERVER_PORT": "9002"}, {"PROTECTED_API_PORT": "9002"}],
)
def test_ports_that_lead_to_another_service_in_a_container_are_refused(
    tls_stack: TlsStack, ports: dict[str, str]
) -> None:
    refused = tls_stack.run("make", "up", **ports)
    assert refused.returncode != 0
    assert "Choose other ports." in refused.stderr


def test_the_ca_stays_the_same_when_the_proxy_starts_again(tls_stack: TlsStack) -> None:
    before = Path(tls_stack.ca).read_text()
    tls_stack.run("docker", "restart", tls_stack.compose("ps", "--quiet", "tls").strip())
    tls_stack.make("up")
    assert Path(tls_stack.ca).read_text() == before


def test_an_unknown_overlay_is_refused(tls_stack: TlsStack) -> None:
    refused = tls_stack.run("make", "up", OVERLAY="tsl")
    assert refused.returncode != 0
    known = "tls, mtls, dpop, workload-identity, mcp-server, observability, scale"
    assert f"OVERLAY must be {known} or unset, not tsl." in refused.stderr
