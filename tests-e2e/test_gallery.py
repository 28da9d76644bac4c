"""Every case of the gallery comes as its file says, on the running services, and leaves them as they were."""

import json
import re
import tomllib
from typing import Any

import pytest
from live_stack import CHECKOUT, Stack

FILE = CHECKOUT / "calling-service/calling_service/gallery.toml"
CASES = tomllib.loads(FILE.read_text())["case"]
EACH = pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])


@pytest.fixture(scope="module")
def played(stack: Stack) -> dict[str, dict[str, Any]]:
    """Play every case twice, and give the second run of each by its id."""
    before = stack.timesheets()
    runs = {case["id"]: stack.play(case["id"]) for case in CASES * 2}
    assert stack.timesheets() == before
    return runs


@EACH
def test_comes_as_expected(played: dict[str, dict[str, Any]], case: dict[str, Any]) -> None:
    run = played[case["id"]]
    assert (run["state"], run["error"]) == ("completed", None)
    expected = {name: case.get(name) for name in ("status", "error", "check")}
    assert run["case"] == {
        **{name: case[name] for name in ("id", "title", "teaches", "changes", "rfc")},
        "expected": expected,
        "answered": expected,
        "as_expected": True,
    }
    answers = [exchange for exchange in run["exchanges"] if "clean up" not in exchange["steps"][0]["label"]]
    assert came_of(answers[-1]) == expected


def came_of(exchange: dict[str, Any]) -> dict[str, Any]:
    """Read status, error and failing check from what crossed the wire."""
    headers = dict(exchange["response"]["headers"])
    failed = re.search(r'([\w-]+);dur=[\d.]+;desc="(?!GET|POST)', headers.get("Server-Timing", ""))
    challenge = re.search(r'error="(\w+)"', headers.get("WWW-Authenticate", ""))
    body = json.loads(exchange["response"]["body"])
    assert not challenge or body["error"] == challenge[1]
    return {"status": exchange["status"], "error": body.get("error"), "check": failed and failed[1]}


@EACH
def test_keeps_no_secret_and_no_signature(
    stack: Stack, played: dict[str, dict[str, Any]], case: dict[str, Any]
) -> None:
    shown = json.dumps(played[case["id"]])
    secrets = [line for path in stack.folder.glob(".secrets/*/*") for line in path.read_text().splitlines()]
    assert [secret for secret in secrets if len(secret) > 20 and secret in shown] == []
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", shown)
