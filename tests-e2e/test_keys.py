"""Signing keys change under load without a failed call, and a revoked key is refused within a known time.

The times are short here: APIs keep a key set for 1 s; a key is announced 4 s before it signs, for 8 s.
"""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from authlib.oauth2.rfc6750 import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flow_explorer.comparison.comparing import compare
from flow_explorer.recorded_run import RecordedRun
from joserfc.jwk import KeySet
from live_stack import Stack, eventually, four_threads

SOFT_TIME, COOLDOWN, CACHE, ANNOUNCEMENT, ROTATION = 1, 1, 1, 4, 8
pytestmark = pytest.mark.long
CONNECTIONS = 40  # so that both workers get one: all go to the same worker once in 2 ** 39 times


def with_short_times(stack: Stack) -> Stack:
    """Start a stack whose keys and key sets live for seconds, and return it."""
    verifiers = f'JWKS_TTL: "{SOFT_TIME}"\n      JWKS_COOLDOWN: "{COOLDOWN}"\n      '
    issuer = f'CACHE_TTL: "{CACHE}"\n      KEY_ANNOUNCEMENT: "{ANNOUNCEMENT}"\n      '
    issuer += f'KEY_ROTATION: "{ROTATION}"\n      '
    stack.edit("docker-compose.yml", "TENANT_FILE:", f"{verifiers}{issuer}TENANT_FILE:")
    stack.edit("docker-compose.yml", "DATABASE_FILE:", f"{verifiers}DATABASE_FILE:")
    stack.make("up")
    return stack


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack with short times."""
    return with_short_times(new_stack())


class OtherVerifier(JWTBearerTokenValidator):  # type: ignore[misc]
    """Authlib's validator, used as its documentation shows; it keeps the keys for as long as max-age says."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack.issuer, stack.timesheets_api)
        self.url = f"{stack.url['auth-server']}/.well-known/jwks.json"
        self.keep_until = 0.0

    def get_jwks(self) -> Any:
        """Return the keys, fetched again when they are old; an unknown kid causes no fetch."""
        if time.monotonic() >= self.keep_until:
            answer = requests.get(self.url, timeout=5)
            self.keys = KeySet.import_key_set(answer.json())
            max_age = answer.headers["Cache-Control"].removeprefix("public, max-age=")
            self.keep_until = time.monotonic() + int(max_age)
        return self.keys

    def accepts(self, token: str) -> bool:
        """Return whether the token is good."""
        try:
            self.validate_token(self.authenticate_token(token), ["read:timesheets"], None)
        except InvalidTokenError:
            return False
        return True


def kid(token: str) -> str:
    return str(json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"])


def keys(stack: Stack, *command: str) -> list[dict[str, Any]]:
    """Run a command on the keys; return the RS256 keys that it lists."""
    listed = stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "keys", *command, "--json")
    return [key for key in json.loads(listed) if key["alg"] == "RS256"]


def test_keys_change_twice_while_four_threads_fetch_tokens_and_call_the_api(
    stack: Stack, measured: Callable[[str], None]
) -> None:
    """Once by command, once on schedule. Each time one call has a new token, another the oldest token."""
    oldest = stack.token("payroll-report")
    by_kid = {kid(oldest): [oldest]}
    statuses: list[int] = []
    other, judged = OtherVerifier(stack), list[bool]()

    def fetch_and_call() -> None:
        token = stack.token("payroll-report")
        answers = [stack.api("GET", "/timesheets?limit=1", each).status_code for each in (token, oldest)]
        by_kid.setdefault(kid(token), []).append(token)
        statuses.extend(answers)
        judged.extend(other.accepts(each) for each in (token, oldest))

    def signed_with(count: int) -> None:
        eventually(lambda: True if len(by_kid) >= count else None, f"{count} keys have signed")

    with four_threads(fetch_and_call):
        keys(stack, "rotate")
        signed_with(2)
        signed_with(3)
        before = len(statuses)
        eventually(lambda: True if len(statuses) > before + 100 else None, "the third key is in use")
    measured(
        f"rotation under 4 threads: {sum(map(len, by_kid.values()))} tokens of {len(by_kid)} keys, "
        f"{len(statuses)} calls, {len(statuses) - statuses.count(200)} failed; "
        f"Authlib's validator refused {judged.count(False)} of {len(judged)}"
    )
    assert set(statuses) == {200}
    assert all(judged)


def test_the_tokens_of_a_revoked_key_are_refused_within_the_soft_time(
    stack: Stack, measured: Callable[[str], None]
) -> None:
    token = stack.token("payroll-report")
    other = OtherVerifier(stack)
    assert stack.api("GET", "/timesheets", token).status_code == 200
    assert other.accepts(token)
    listed = keys(stack, "revoke", kid(token))
    revoked = time.monotonic()
    assert [key["state"] for key in listed if key["kid"] == kid(token)] == ["revoked"]

    def refused() -> float | None:
        answers = [stack.api("GET", "/timesheets", token) for _ in range(CONNECTIONS)]
        return time.monotonic() if {answer.status_code for answer in answers} == {401} else None

    by_other = eventually(lambda: None if other.accepts(token) else time.monotonic(), "the other refuses it")
    by_api = eventually(refused, "every worker of the API refuses it")
    measured(
        f"key revoked, soft time {SOFT_TIME} s, cache {CACHE} s: refused by the API after "
        f"{by_api - revoked:.1f} s, by Authlib's validator after {by_other - revoked:.1f} s"
    )
    assert by_api - revoked < SOFT_TIME + CACHE + 3  # a busy machine needs time for so many calls
    assert by_other - revoked < SOFT_TIME + CACHE + 3
    assert stack.api("GET", "/timesheets", stack.token("payroll-report")).status_code == 200


def test_an_api_that_keeps_keys_for_longer_than_they_are_announced_refuses_new_tokens(
    new_stack: Callable[[], Stack], measured: Callable[[str], None]
) -> None:
    """Show why the server refuses to start with such times; here it does not know those of the API."""
    stack = with_short_times(new_stack())  # its own, since it ends with a server that does not start
    old = f'JWKS_TTL: "{SOFT_TIME}"\n      JWKS_COOLDOWN: "{COOLDOWN}"\n      '
    stack.edit("docker-compose.yml", f"{old}DATABASE", f"{old.replace('1', '600')}DATABASE")
    stack.stop("protected-api")
    stack.start("protected-api")
    stack.wait_until_ready()
    for _ in range(CONNECTIONS):  # an attacker has used up the fetch for an unknown kid
        header = base64.urlsafe_b64encode(b'{"typ":"at+jwt","alg":"RS256","kid":"forged"}').decode()
        stack.api("GET", "/timesheets", f"{header.rstrip('=')}.e30.AAAA")
    another_api = OtherVerifier(stack)  # it fetches often, so that the server makes new keys
    known = {key["kid"] for key in keys(stack, "list")}

    def unknown() -> str | None:
        another_api.get_jwks()
        token = stack.token("payroll-report")
        return None if kid(token) in known else token

    token = eventually(unknown, "a key signs that the API does not know")
    refused = [stack.api("GET", "/timesheets", token) for _ in range(CONNECTIONS)]
    measured(
        f"an API that keeps keys for 600 s, and a key announced {ANNOUNCEMENT} s before it signs: "
        f"{sum(answer.status_code == 401 for answer in refused)} of {len(refused)} calls refused"
    )
    assert {answer.status_code for answer in refused} == {401}

    stack.edit("docker-compose.yml", f"{old}CACHE", f"{old.replace('1', '600')}CACHE")
    stack.stop("auth-server")
    failed = stack.run("make", "up")
    assert failed.returncode != 0
    assert "KEY_ANNOUNCEMENT: a key would sign 4 s after it was announced" in failed.stderr
    assert "JWKS_TTL + JWKS_COOLDOWN + CACHE_TTL = 1201 s; set it to more" in failed.stderr


def test_side_by_side_an_import_before_a_change_of_keys_and_one_after_it_differ_in_the_key_alone(
    stack: Stack,
) -> None:
    def signed_with() -> tuple[str, RecordedRun]:
        run = RecordedRun.from_json(stack.run_import(resend=True, fresh_token=True))
        token = run.exchanges[-1].request.token
        assert token
        return str(token.header["kid"]), run

    def with_another_key() -> RecordedRun | None:
        kid, run = signed_with()
        return None if kid == old else run

    old, before = signed_with()
    keys(stack, "rotate")
    after = eventually(with_another_key, "another key signs")
    parts = [part for pair in compare(before, after) for part in pair.parts]
    assert {row.name for part in parts for row in part.differing} == {"kid"}
    assert not any(part.caption.differs for part in parts)
