"""A client's secret is rotated under load, without a failed call."""

import hashlib
import json
import secrets
from collections.abc import Callable

import pytest
from live_stack import Stack, eventually, four_threads

DIGESTS = "secret_digest_files: [timesheets-console.sha256]"
BOTH_DIGESTS = "secret_digest_files: [timesheets-console.sha256, timesheets-console.next.sha256]"


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack whose tenant file can be edited while it runs."""
    stack = new_stack()
    stack.let_tenant_be_edited()
    stack.make("up")
    return stack


@pytest.mark.long
def test_a_secret_is_rotated_while_four_threads_fetch_tokens(
    stack: Stack, measured: Callable[[str], None]
) -> None:
    old = stack.secret("timesheets-console")
    new = secrets.token_urlsafe(32)
    folder = stack.folder / ".secrets/auth-server"
    in_use = [old]
    calls = list[tuple[str, int]]()

    def fetch() -> None:
        secret = in_use[0]
        audience = stack.timesheets_api
        answer = stack.ask_for_token("timesheets-console", secret=secret, audience=audience)
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
