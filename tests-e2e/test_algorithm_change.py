"""An API changes the algorithm of its tokens, twice and under load, without a failed call.

The times are short: APIs keep a key set for 1 s; a key is announced 4 s before it signs.
"""

import base64
import json
from collections.abc import Callable

import pytest
import requests
from live_stack import Stack, eventually, four_threads

TIMES = 'JWKS_TTL: "1"\n      JWKS_COOLDOWN: "1"\n      '
KEY_TIMES = 'CACHE_TTL: "1"\n      KEY_ANNOUNCEMENT: "4"\n      '
LAST_LINE = "    introspected_by: timesheets-api\n"  # of the API
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack with short times, and with a tenant file that can be edited while it runs."""
    stack = new_stack()
    stack.edit("docker-compose.yml", "TENANT_FILE:", f"{TIMES}{KEY_TIMES}TENANT_FILE:")
    stack.edit("docker-compose.yml", "DATABASE_FILE:", f"{TIMES}DATABASE_FILE:")
    stack.let_tenant_be_edited()
    stack.make("up")
    return stack


def alg(token: str) -> str:
    return str(json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["alg"])


def published(stack: Stack) -> set[str]:
    """Return the algorithms of the key set."""
    answer = requests.get(f"{stack.url['auth-server']}/.well-known/jwks.json", timeout=5)
    return {key["alg"] for key in answer.json()["keys"]}


def test_an_api_changes_its_algorithm_without_a_failed_call(
    stack: Stack, measured: Callable[[str], None]
) -> None:
    """RS256 gives way to EdDSA, and that to Ed25519; of two calls one has a new token, one the oldest."""
    assert published(stack) == {"RS256", "ES256"}
    oldest = stack.token("payroll-report")
    algs: list[str] = []
    statuses: list[int] = []

    def fetch_and_call() -> None:
        token = stack.token("payroll-report")
        algs.append(alg(token))
        answers = [stack.api("GET", "/timesheets?limit=1", each) for each in (token, oldest)]
        statuses.extend(answer.status_code for answer in answers)

    def change(former: str, new: str, old_text: str, new_text: str) -> None:
        tenant = stack.folder / ".secrets/auth-server/tenant.yaml"
        tenant.write_text(tenant.read_text().replace(old_text, new_text))
        applied = stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "tenant", "apply")
        assert f"{former} signs until" in applied
        before = len(algs)
        eventually(lambda: algs.count(new) > 20 or None, f"{new} signs")
        assert algs[before:].count(former) > 0

    with four_threads(fetch_and_call):
        change("RS256", "EdDSA", LAST_LINE, f"{LAST_LINE}    signing_alg: EdDSA\n")
        change("EdDSA", "Ed25519", "signing_alg: EdDSA", "signing_alg: Ed25519")
    counted = ", ".join(f"{algs.count(each)} by {each}" for each in ("RS256", "EdDSA", "Ed25519"))
    measured(
        f"RS256 to EdDSA to Ed25519 under 4 threads: {counted}; of {len(statuses)} calls "
        f"{len(statuses) - statuses.count(200)} failed"
    )
    assert published(stack) == {"RS256", "ES256", "EdDSA", "Ed25519"}
    assert set(statuses) == {200}
