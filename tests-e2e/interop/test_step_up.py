"""A token lacks a scope: the API's 403 says which, and MCP's TypeScript clients ask for it, or do not."""

import json
from pathlib import Path

import pytest
from live_stack import Stack

from interop.client_program import ClientProgram
from interop.environments import prepare
from interop.rows import read_rows

pytestmark = pytest.mark.interop
CLIENT = "timesheets-console"
READ = "read:timesheets"
BOTH = "read:timesheets create:timesheets"
STEPS = {  # what the second call comes to, and the scopes of all tokens
    "MCP TypeScript client 2": (422, [READ, BOTH]),  # let in: 422 is about the message, which is no timesheet
    "MCP TypeScript SDK 1": (403, [READ, READ]),
}


@pytest.mark.parametrize("name", STEPS)
def test_what_a_client_does_about_a_missing_scope(stack: Stack, tmp_path: Path, name: str) -> None:
    (row,) = [row for row in read_rows("clients") if row.name == name]
    secret = tmp_path / "secret"
    secret.write_text(stack.secret(CLIENT))
    variables = {
        "ISSUER": stack.issuer,
        "API_URL": f"{stack.timesheets_api}/timesheets",
        "SCOPE": READ,
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET_FILE": str(secret),
    }
    before = len(scopes_of_tokens(stack))
    with ClientProgram(prepare(row), row.program.replace("clients/", "step_up/"), variables) as program:
        statuses = [program.call()["status"] for _ in range(2)]
    status, scopes = STEPS[name]
    assert (statuses, scopes_of_tokens(stack)[before:]) == ([200, status], scopes)


def scopes_of_tokens(stack: Stack) -> list[str]:
    """Return the scopes of the tokens that the client was issued."""
    lines = [json.loads(line) for line in stack.logs("auth-server").splitlines() if line.startswith("{")]
    issued = [line for line in lines if line["message"] == "token issued" and line["client_id"] == CLIENT]
    return [line["scope"] for line in issued]
