"""Clients from elsewhere get tokens; a secret is rotated under load without a failed call."""

import hashlib
import json
import secrets
import subprocess
from collections.abc import Callable

import httpx
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from httpx_auth import OAuth2ClientCredentials
from joserfc import jwk
from live_stack import Stack, eventually, four_threads
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauth2client import OAuth2Client
from requests_oauth2client import PrivateKeyJwt as OtherPrivateKeyJwt
from requests_oauthlib import OAuth2Session

BOT_KEY = jwk.generate_key("EC", "P-256", {"use": "sig", "alg": "ES256", "kid": "bot"})
BOT = """
  - client_id: other-bot
    name: Other Bot
    jwks_file: other-bot.json
    token_endpoint_audience: true

grants:
  - client: other-bot
    audience: ${TIMESHEETS_API:-http://localhost:9001}
    scopes: [read:timesheets, approve:timesheets]
"""
DIGESTS = "secret_digest_files: [timesheets-console.sha256]"
BOTH_DIGESTS = "secret_digest_files: [timesheets-console.sha256, timesheets-console.next.sha256]"


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack with a client that has keys, and a tenant file that can be edited while it runs."""
    stack = new_stack()
    stack.edit("docker-compose.yml", "TENANT_FILE: tenant.yaml", "TENANT_FILE: /run/secrets/tenant.yaml")
    stack.edit("auth-server/tenant.yaml", "\ngrants:\n", BOT)
    folder = stack.folder / ".secrets/auth-server"
    folder.mkdir(parents=True)
    (folder / "other-bot.json").write_text(json.dumps({"keys": [BOT_KEY.as_dict(private=False)]}))
    (folder / "tenant.yaml").write_text((stack.folder / "auth-server/tenant.yaml").read_text())
    stack.make("up")
    return stack


@pytest.fixture
def token_url(stack: Stack) -> str:
    """Return the token endpoint of the stack under test; the issuer's address may lead to another stack."""
    return f"{stack.url['auth-server']}/oauth/token"


def assert_serves(stack: Stack, token: str) -> None:
    assert stack.api("GET", "/timesheets", token).status_code == 200


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib(stack: Stack, token_url: str, method: str) -> None:
    secret = stack.secret("payroll-report")
    with AuthlibSession("payroll-report", secret, token_endpoint_auth_method=method) as session:
        token = session.fetch_token(token_url, grant_type="client_credentials", audience=stack.timesheets_api)
    assert_serves(stack, token["access_token"])


def test_authlib_with_private_key_jwt(stack: Stack, token_url: str) -> None:
    method = PrivateKeyJWT(f"{stack.issuer}/oauth/token", alg="ES256")
    with AuthlibSession("other-bot", BOT_KEY, token_endpoint_auth_method=method) as session:
        token = session.fetch_token(token_url, grant_type="client_credentials")
    assert_serves(stack, token["access_token"])


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 deprecates the name
def test_authlib_with_the_key_of_the_sample(stack: Stack, token_url: str) -> None:
    key = jwk.import_key(stack.secret("approvals-bot.pem"), "OKP")
    method = PrivateKeyJWT(stack.issuer, alg="EdDSA")
    with AuthlibSession("approvals-bot", key, token_endpoint_auth_method=method) as session:
        token = session.fetch_token(token_url, grant_type="client_credentials")
    assert_serves(stack, token["access_token"])


def test_requests_oauthlib(stack: Stack, token_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with OAuth2Session(client=BackendApplicationClient("payroll-report")) as session:
        token = session.fetch_token(
            token_url,
            client_id="payroll-report",
            client_secret=stack.secret("payroll-report"),
            audience=stack.timesheets_api,
        )
    assert_serves(stack, token["access_token"])


def test_requests_oauth2client(stack: Stack, token_url: str) -> None:
    secret = stack.secret("payroll-report")
    client = OAuth2Client(token_url, client_id="payroll-report", client_secret=secret, testing=True)
    assert_serves(stack, str(client.client_credentials(resource=stack.timesheets_api).access_token))


@pytest.mark.parametrize("path", ["", "/oauth/token"])
def test_requests_oauth2client_with_private_key_jwt(stack: Stack, token_url: str, path: str) -> None:
    key = BOT_KEY.as_dict(private=True)
    method = OtherPrivateKeyJwt("other-bot", key, alg="ES256", aud=stack.issuer + path)
    client = OAuth2Client(token_url, auth=method, testing=True)
    assert_serves(stack, str(client.client_credentials().access_token))


def test_httpx_auth(stack: Stack, token_url: str) -> None:
    secret = stack.secret("payroll-report")
    auth = OAuth2ClientCredentials(token_url, "payroll-report", secret, audience=stack.timesheets_api)
    with httpx.Client(auth=auth) as client:
        assert client.get(f"{stack.url['protected-api']}/timesheets").status_code == 200


@pytest.mark.parametrize("content_type", ["form", "json"])
def test_curl(stack: Stack, token_url: str, content_type: str) -> None:
    parameters = {
        "grant_type": "client_credentials",
        "client_id": "payroll-report",
        "client_secret": stack.secret("payroll-report"),
        "audience": stack.timesheets_api,
    }
    if content_type == "json":
        command = ["curl", "-sf", token_url, "-H", "Content-Type: application/json", "-d", "@-"]
        body = json.dumps(parameters)
    else:
        command = ["curl", "-sf", token_url, "-d", "@-"]
        body = "&".join(f"{name}={value}" for name, value in parameters.items())
    answer = subprocess.check_output(command, input=body, text=True)
    assert_serves(stack, json.loads(answer)["access_token"])


@pytest.mark.long
def test_a_secret_is_rotated_while_four_threads_fetch_tokens(
    stack: Stack, token_url: str, measured: Callable[[str], None]
) -> None:
    old, new = stack.secret("timesheets-console"), secrets.token_urlsafe(32)
    folder = stack.folder / ".secrets/auth-server"
    in_use, calls = [old], list[tuple[str, int]]()

    def fetch() -> None:
        secret, form = in_use[0], {"grant_type": "client_credentials", "audience": stack.timesheets_api}
        answer = requests.post(token_url, form, auth=("timesheets-console", secret), timeout=10)
        calls.append((secret, answer.status_code))

    def more(count: int) -> None:
        before = len(calls)
        eventually(lambda: True if len(calls) >= before + count else None, "tokens are fetched")

    def declare(old_text: str, new_text: str) -> None:
        tenant = folder / "tenant.yaml"
        tenant.write_text(tenant.read_text().replace(old_text, new_text))
        stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "tenant", "apply")

    with four_threads(fetch):
        more(100)
        (folder / "timesheets-console.next.sha256").write_text(hashlib.sha256(new.encode()).hexdigest())
        declare(DIGESTS, BOTH_DIGESTS)
        more(100)
        in_use[0] = new
        more(100)
        listed = json.loads(
            stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "clients", "list", "--json")
        )
        declare(BOTH_DIGESTS, "secret_digest_files: [timesheets-console.next.sha256]")
        more(100)
    used = {one["file"]: one["last_used"] for one in listed if one["client_id"] == "timesheets-console"}
    assert used["timesheets-console.sha256"]
    assert used["timesheets-console.next.sha256"]
    with_new = sum(secret == new for secret, _ in calls)
    failed = [status for _, status in calls if status != 200]
    measured(
        f"rotation under 4 threads: {len(calls)} calls, {len(calls) - with_new} with the old secret, "
        f"{with_new} with the new one, {len(failed)} failed"
    )
    assert failed == []
    gone = eventually(
        lambda: True if stack.ask_for_token("timesheets-console", secret=old).status_code == 401 else None,
        "the old secret is refused",
    )
    assert gone
