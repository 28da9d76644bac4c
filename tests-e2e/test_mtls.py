"""The stack with client certificates (deploy/mtls), used by our job and by curl."""

import base64
import json
import os
import subprocess
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from live_stack import CHECKOUT, Stack
from recipe import steps
from shell import Shell, blocks
from tls_stack import TlsStack

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("RUNTIME") != "docker", reason="the overlay needs Docker"),
]
JOB = "timesheets-import-job"
JOB_NAME = "timesheets-import-job.exampleco.example"
PARTNER = """clients:
  - client_id: partner
    name: Partner
    self_signed_tls_client_auth: {jwks_file: partner.jwks}
"""
PARTNERS_GRANT = """grants:
  - client: partner
    audience: ${TIMESHEETS_API:-http://localhost:9001}
    scopes: [read:timesheets]
"""
# With the key of the overlay's CA, which only that container has.
SIGN = """
    import sys
    from datetime import datetime, timedelta
    from pathlib import Path

    sys.path.insert(0, "/")
    import certificates as ours

    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=int(sys.argv[2]))

    ours.datetime = Shifted
    key = ours.generate_private_key(ours.SECP256R1())
    ca = ours.ca_key() if sys.argv[3] == "ours" else ours.generate_private_key(ours.SECP256R1())
    certificate = ours.job_certificate(ca, key, sys.argv[1])
    print(certificate.public_bytes(ours.Encoding.PEM).decode() + ours.pem(key).decode())
"""


class MtlsStack(TlsStack):
    """The stack of `OVERLAY=mtls make up`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.environment["OVERLAY"] = "mtls"

    @property
    def state(self) -> Path:
        """Return the folder of what the stack leaves on the host."""
        return Path(str(super().state).replace("-tls", "-mtls"))

    def host(self, name: str, service: str = "auth-server") -> str:
        """Return the address of a service where a certificate is asked for."""
        return f"https://{name}.localhost:{self.ports[service]}"

    def certificate(self, name: str = JOB_NAME, *, days: int = 0, by: str = "ours") -> Path:
        """Return a file with a certificate, made so many days from now, and its key."""
        script = textwrap.dedent(SIGN)
        arguments = ("python", "-c", script, name, str(days), by)
        pem = self.run_once(*arguments)
        return self._written(f"{name}-{days}-{by}", pem)

    def run_once(self, *command: str) -> str:
        """Run the service that makes certificates, or another program in its place."""
        port = self.ports["auth-server"]
        files = ("docker-compose.yml", "deploy/tls/compose.yml", "deploy/mtls/compose.yml")
        environment = {"COMPOSE_FILE": ":".join(files), "TLS_NETWORK": f"10.{port // 256}.{port % 256}"}
        environment["COMPOSE_PROJECT_NAME"] = self.project
        run = ("docker", "compose", "--progress", "quiet", "run", "--rm", "--no-deps", "-T", "certificates")
        done = self.run(*run, *command, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def certificate_of_the_job(self) -> Path:
        """Return a file with the certificate of the job, and its key."""
        pem = self.inside("calling-service", "cat", "/run/certificate/tls.crt", "/run/certificate/tls.key")
        return self._written("job", pem)

    def _written(self, name: str, pem: str) -> Path:
        file = self.folder / f"{name}.pem"
        file.write_text(pem)
        return file

    def curl(self, url: str, certificate: Path | None = None, **options: str) -> "Answer":
        """Call a URL with curl; the options are curl's, or `token`, or `form`."""
        host = url.split("/")[2]
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", self.ca]
        command += ["--resolve", f"{host}:127.0.0.1", "--write-out", "\\n%{http_code}"]
        if certificate:
            command += ["--cert", str(certificate)]
        if "form" in options:
            command += ["--data", options["form"]]
        for name in ("token", "header"):
            if name in options:
                text = f"Authorization: Bearer {options[name]}" if name == "token" else options[name]
                command += ["--header", text]
        done = subprocess.run([*command, url], capture_output=True, text=True, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return Answer(int(status), json.loads(body) if body else {}, done.returncode)


@dataclass(frozen=True)
class Answer:
    """What curl got; the status 0 means that the handshake was ended."""

    status: int
    body: dict[str, Any]
    exit_code: int


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a self-signed certificate, and its key."""
    return self_signed(tmp_path_factory.mktemp("partner") / "partner.pem")


def self_signed(file: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=partner", "-keyout", f"{file}.key", "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.key").read_text())
    return file


def registered(file: Path) -> dict[str, Any]:
    """Return the JWK Set of a certificate (RFC 8705 2.2.2)."""
    x5c = "".join(file.read_text().partition("-----END CERTIFICATE")[0].splitlines()[1:])
    command = ["openssl", "x509", "-in", str(file), "-noout", "-pubkey"]
    pem = subprocess.run(command, check=True, capture_output=True).stdout
    command = ["openssl", "pkey", "-pubin", "-outform", "DER"]
    point = subprocess.run(command, input=pem, check=True, capture_output=True).stdout[-64:]
    x, y = (base64.urlsafe_b64encode(half).rstrip(b"=").decode() for half in (point[:32], point[32:]))
    return {"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": y, "x5c": [x5c]}]}


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack], partner: Path) -> Iterator[MtlsStack]:
    stack = MtlsStack(new_stack().folder)
    stack.edit("deploy/mtls/tenant.yaml", "clients:\n", PARTNER)
    stack.edit("deploy/mtls/tenant.yaml", "grants:\n", PARTNERS_GRANT)
    secrets = stack.folder / ".secrets/auth-server"
    secrets.mkdir(parents=True)
    (secrets / "partner.jwks").write_text(json.dumps(registered(partner)))
    stack.first_output = stack.make("up")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", stack.ca)
        yield stack
    stack.drop()


def ask(stack: MtlsStack, host: str, client_id: str, certificate: Path | None, **options: str) -> Answer:
    form = f"grant_type=client_credentials&client_id={client_id}"
    return stack.curl(f"{stack.host(host)}/oauth/token", certificate, form=form, **options)


def test_the_import_runs_without_a_secret(stack: MtlsStack) -> None:
    shown = stack.first_output
    assert "234 booked" in shown
    assert f"client_id={JOB}" in shown
    assert "x5t#S256" in shown
    assert "Basic" not in shown
    for service in ("auth-server", "protected-api"):
        assert f"Host: mtls.localhost:{stack.ports[service]}\n" in shown
    assert stack.inside("calling-service", "sh", "-c", "ls -d /run/secrets || echo none").strip() == "none"


def test_the_job_follows_the_renewal_of_its_certificate(stack: MtlsStack) -> None:
    before = stack.certificate_of_the_job().read_text()
    stack.run_once()
    assert stack.certificate_of_the_job().read_text() != before
    run = stack.run_import(resend=True)
    assert run["state"] == "completed"


def test_curl_gets_a_token_that_works_with_its_certificate_alone(stack: MtlsStack) -> None:
    own = stack.certificate()
    answer = ask(stack, "mtls", JOB, own)
    assert answer.status == 200
    token = answer.body["access_token"]
    api = f"{stack.host('mtls', 'protected-api')}/timesheets"
    assert stack.curl(api, own, token=token).status == 200
    another = stack.curl(api, stack.certificate("another.example"), token=token)
    assert (another.status, another.body["error"]) == (401, "invalid_token")
    elsewhere = stack.curl(f"{stack.timesheets_api}/timesheets", token=token)
    assert (elsewhere.status, elsewhere.body["error"]) == (401, "invalid_token")
    assert stack.curl(api, token=token).status == 0  # the proxy ends the handshake


@pytest.mark.parametrize(("host", "refusal"), [("mtls", (0, None)), ("self-signed", (401, "invalid_client"))])
@pytest.mark.parametrize(
    ("days", "by"), [(-100, "ours"), (100, "ours"), (0, "theirs")], ids=["expired", "not yet", "another CA"]
)
def test_a_bad_certificate_is_refused_by_the_proxy_that_verifies_or_else_by_the_server(
    stack: MtlsStack, host: str, refusal: tuple[int, str | None], days: int, by: str
) -> None:
    answer = ask(stack, host, JOB, stack.certificate(days=days, by=by))
    assert (answer.status, answer.body.get("error")) == refusal


@pytest.mark.parametrize("host", ["mtls", "self-signed"])
def test_a_certificate_of_another_name_is_refused_by_the_server(stack: MtlsStack, host: str) -> None:
    answer = ask(stack, host, JOB, stack.certificate("another.example"))
    assert (answer.status, answer.body["error"]) == (401, "invalid_client")


def test_a_self_signed_certificate_has_a_host_of_its_own(
    stack: MtlsStack, partner: Path, tmp_path: Path
) -> None:
    answer = ask(stack, "self-signed", "partner", partner)
    assert answer.status == 200
    api = f"{stack.host('mtls', 'protected-api')}/timesheets"
    assert stack.curl(api, partner, token=answer.body["access_token"]).status == 200
    assert ask(stack, "mtls", "partner", partner).status == 0
    stranger = self_signed(tmp_path / "stranger.pem")
    assert ask(stack, "self-signed", "partner", stranger).status == 401


def test_nobody_gets_in_without_a_certificate(stack: MtlsStack) -> None:
    assert ask(stack, "mtls", JOB, None).status == 0
    assert ask(stack, "self-signed", JOB, None).status == 0
    form = {"grant_type": "client_credentials", "client_id": JOB}
    assert requests.post(f"{stack.issuer}/oauth/token", data=form, timeout=10).status_code == 401


@pytest.mark.requirement("RFC 8705 6.5 passed on")
def test_the_header_of_a_caller_is_dropped(stack: MtlsStack, tmp_path: Path) -> None:
    """At each host, and past the proxy: a container of the network calls the service itself."""
    pem = stack.certificate_of_the_job().read_text().partition("-----END")[0].splitlines()[1:]
    header = f"Client-Cert: :{''.join(pem)}:"
    stranger = self_signed(tmp_path / "stranger.pem")
    assert ask(stack, "self-signed", JOB, stranger, header=header).status == 401
    form = f"grant_type=client_credentials&client_id={JOB}"
    assert stack.curl(f"{stack.issuer}/oauth/token", form=form, header=header).status == 401
    call = f"""
        import requests
        form = {{"grant_type": "client_credentials", "client_id": {JOB!r}}}
        name, value = {header!r}.split(": ", 1)
        print(requests.post("http://auth-server:9000/oauth/token", form, headers={{name: value}}).status_code)
    """
    assert stack.inside("calling-service", "python", "-c", textwrap.dedent(call)).strip() == "401"


def test_the_cases_of_the_gallery_are_answered_as_expected(stack: MtlsStack) -> None:
    cases = tomllib.loads((stack.folder / "calling-service/flow_explorer/gallery/cases.toml").read_text())
    ours = [name for name, case in cases["case"].items() if case.get("overlay") == "mtls"]
    answered = {case_id: stack.play(case_id)["case"]["as_expected"] for case_id in ours}
    assert answered == dict.fromkeys(ours, True)
    assert len(ours) == 3


def test_a_client_climbs_to_the_rung_of_mutual_tls(stack: MtlsStack) -> None:
    """The lesson goes on from the report of rung 1, in the stack that its `make up` starts."""
    ladder = CHECKOUT / "docs/ladder"
    (report,) = (step for step in steps((ladder / "1-secret.md").read_text()) if step.file == "report.py")
    report.change(stack.folder)
    with Shell(stack) as shell:
        for step in steps((ladder / "4-mutual-tls.md").read_text()):
            if step.where:
                step.change(stack.folder)
            else:
                shell.run_block(step.text)


def test_the_lesson_shows_what_the_overlay_changes() -> None:
    lesson = (CHECKOUT / "docs/ladder/4-mutual-tls.md").read_text()
    (_, tenant), (_, settings), _ = blocks(lesson, "diff")
    files = {
        tenant: ("auth-server/tenant.yaml", "deploy/mtls/tenant.yaml"),
        settings: ("docker-compose.yml", "deploy/mtls/compose.yml"),
    }
    for diff, (before, after) in files.items():
        for mark, file in (("-", before), ("+", after)):
            lines = [line[1:] for line in diff.splitlines() if line.startswith(mark)]
            assert "\n".join(lines) in (CHECKOUT / file).read_text()


def test_the_metadata_names_the_host(stack: MtlsStack) -> None:
    url = f"{stack.issuer}/.well-known/oauth-authorization-server"
    metadata = requests.get(url, timeout=10).json()
    assert metadata["mtls_endpoint_aliases"]["token_endpoint"] == f"{stack.host('mtls')}/oauth/token"
    assert metadata["token_endpoint"] == f"{stack.issuer}/oauth/token"


def test_the_key_of_the_ca_and_of_the_job_are_in_no_other_container(stack: MtlsStack) -> None:
    script = "grep -rls 'PRIVATE KEY' / --include=*.pem --include=*.key 2>/dev/null | grep -v ^/proc || true"
    for service in ("auth-server", "protected-api"):
        assert "/clients" not in stack.inside(service, "sh", "-c", script)
    assert "/run/certificate/tls.key" in stack.inside("calling-service", "sh", "-c", script)
