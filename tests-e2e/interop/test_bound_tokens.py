"""Clients from elsewhere bind their tokens to a key (RFC 9449), with and without nonces."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bound_stack import start_bound_stack
from live_stack import Stack

from interop.environments import prepare
from interop.rows import Row

pytestmark = pytest.mark.interop
PROGRAMS = Path(__file__).with_name("bound_tokens")
PACKAGES = {
    "openid_client.mjs": ("npm", ["openid-client@6.9.0"]),
    "oauth4webapi.mjs": ("npm", ["oauth4webapi@3.8.8"]),
    "requests_oauth2client_session.py": ("PyPI", ["requests-oauth2client==1.8.0"]),
}
AS_OF = "2026-11-28T00:00:00Z"


@pytest.fixture(scope="module", params=[False, True], ids=["without nonces", "with nonces"])
def stack(request: pytest.FixtureRequest, new_stack: Callable[[], Stack]) -> Stack:
    """Return a running stack whose tokens are bound."""
    return start_bound_stack(new_stack(), nonces=request.param)


@pytest.mark.parametrize("program", PACKAGES)
def test_a_client_binds_its_token_and_is_served_twice(stack: Stack, program: str) -> None:
    registry, packages = PACKAGES[program]
    row = Row(name=program, registry=registry, packages=packages, settings="", surprises=[], as_of=AS_OF)
    (secret,) = stack.folder.glob(".secrets/*/payroll-report")
    settings = {
        "ISSUER": stack.issuer,
        "API_URL": f"{stack.timesheets_api}/timesheets",
        "AUDIENCE": stack.timesheets_api,
        "SCOPE": "read:timesheets",
        "CLIENT_ID": "payroll-report",
        "CLIENT_SECRET_FILE": str(secret),
    }
    command = prepare(row).command(PROGRAMS / program)
    done = subprocess.run(
        command, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.split(), done.returncode) == (["dpop", "200", "200"], 0), done.stderr
