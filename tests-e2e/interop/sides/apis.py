"""Run the rows of the APIs: each with the odd tokens of the suite's issuer, and with tokens of the stack."""

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interop.api_checks import algorithms, answers, stopped_by
from interop.api_keys import second_revocation, unknown_kid, withdrawn
from interop.api_program import ApiProgram
from interop.api_trial import SCOPE
from interop.environments import prepare
from interop.issuer import JWKS_PATH
from interop.rows import Measured, Row, each
from live_stack import Stack


def run(rows: list[Row]) -> Measured:
    """Run rows, with a stack of their own; return what each measured."""
    with tempfile.TemporaryDirectory() as folder, real_stack(Path(folder)) as stack:
        return each(rows, lambda row: run_row(row, stack))


def run_row(row: Row, stack: Stack) -> dict[str, Any]:
    """Run one row; return its columns."""
    found: dict[str, Any] = {"date": datetime.datetime.now(datetime.UTC).date().isoformat()}
    found["stack"] = " ".join(map(str, at_the_stack(row, stack, "recipe")))
    found["algorithms"] = algorithms(row)
    for checks in ("defaults", "recipe"):
        found |= {f"{checks}_{name}": value for name, value in answers(row, checks).items()}
    found["stopped_by"] = stopped_by(row)
    if row.extra.get("keys") != "own":
        found["unknown_kid"] = unknown_kid(row)
        found["withdrawn"] = withdrawn(row, "defaults")
        found["withdrawn_recipe"] = withdrawn(row, "recipe")
        found["second_revocation"] = second_revocation(row)
    return found


@contextmanager
def real_stack(folder: Path) -> Iterator[Stack]:
    """Start a stack in a folder."""
    stack = Stack(folder / "checkout")
    stack.environment["RUNTIME"] = "local"
    try:
        stack.make("up")
        yield stack
    finally:
        stack.drop()


def at_the_stack(row: Row, stack: Stack, checks: str) -> list[int]:
    """Return the answers to a good token of the stack, to one of another scope, and to a changed one."""
    variables = {
        "ISSUER": stack.issuer,
        "JWKS_URI": stack.issuer + JWKS_PATH,
        "AUDIENCE": stack.timesheets_api,
        "SCOPE": SCOPE,
        "ALGORITHM": "RS256",
        "CHECKS": checks,
        "INTROSPECTION_SECRET": stack.secret("timesheets-api"),
    }
    good = stack.token("payroll-report", scope=SCOPE)
    tokens = (good, stack.token("timesheets-import-job", scope="batch:upload"), good[:-8] + good[-8:][::-1])
    with ApiProgram(prepare(row), row, variables) as api:
        return [api.call(f"Bearer {token}")[0] for token in tokens]
