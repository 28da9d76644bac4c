"""Every case of the gallery is answered as its file says, and leaves the services as they were."""

import json
import re
import tomllib
from typing import Any

import pytest
import requests
from live_stack import CHECKOUT, Stack
from shell import Shell

FILE = CHECKOUT / "calling-service/flow_explorer/gallery/cases.toml"
ALL = [{"id": name} | case for name, case in tomllib.loads(FILE.read_text())["case"].items()]
CASES = [case for case in ALL if "overlay" not in case]
EACH = pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])


@pytest.fixture(scope="module")
def played(stack: Stack) -> dict[str, dict[str, Any]]:
    """Play every case twice, and return the second run of each by its id."""
    before = stack.timesheets()
    runs = {case["id"]: stack.play(case["id"]) for case in CASES * 2}
    assert stack.timesheets() == before
    return runs


@EACH
def test_is_answered_as_expected(played: dict[str, dict[str, Any]], case: dict[str, Any]) -> None:
    run = played[case["id"]]
    assert (run["state"], run["error"]) == ("completed", None)
    expected = {"error": None, "check": None} | case["expected"]
    assert run["case"] == {
        **{name: case[name] for name in ("id", "title", "teaches", "changes", "rfc")},
        "expected": expected,
        "answered": expected,
        "as_expected": True,
    }
    answers = [exchange for exchange in run["exchanges"] if "clean up" not in exchange["steps"][0]["label"]]
    assert outcome(answers[-1]) == expected


def outcome(exchange: dict[str, Any]) -> dict[str, Any]:
    """Return status, error and failing check, from what crossed the wire."""
    headers = requests.structures.CaseInsensitiveDict(exchange["response"]["headers"])
    failed = re.search(r'([\w-]+);dur=[\d.]+;desc="(?!GET|POST)', headers.get("Server-Timing", ""))
    challenge = re.search(r'error="(\w+)"', headers.get("WWW-Authenticate", ""))
    body = json.loads(exchange["response"]["body"])
    assert not challenge or body["error"] == challenge[1]
    return {"status": exchange["status"], "error": body.get("error"), "check": failed and failed[1]}


@EACH
def test_the_page_explains_each_part_of_the_case(
    stack: Stack, played: dict[str, dict[str, Any]], case: dict[str, Any]
) -> None:
    flow = f"{stack.url['calling-service']}/flow/{played[case['id']]['id']}"
    steps = re.findall(r'<a href="[^"]*" data-step="([\w-]+)"', requests.get(flow, timeout=10).text)
    assert len(steps) >= 3
    for step in steps:
        shown = requests.get(f"{flow}/{step}?only=flow", timeout=10).text
        parts = re.findall(r"<li\b(?:(?!<li).)*?</li>", shown, re.DOTALL)
        named = [
            part
            for part in parts
            if re.search('<span class="(?:name|header name|payload name|check)">[^<]', part)
        ]
        assert [part for part in named if "<p>" not in part] == []


@EACH
def test_keeps_no_secret_and_no_signature(
    stack: Stack, played: dict[str, dict[str, Any]], case: dict[str, Any]
) -> None:
    shown = json.dumps(played[case["id"]])
    secrets = [line for path in stack.folder.glob(".secrets/*/*") for line in path.read_text().splitlines()]
    assert [secret for secret in secrets if len(secret) > 20 and secret in shown] == []
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", shown)


def test_make_try_plays_a_case_and_its_exit_status_says_whether_it_was_as_expected(stack: Stack) -> None:
    done = stack.run("make", "try", "CASE=wrong-secret")
    assert done.returncode == 0, done.stderr
    for shown in (
        r"━━ 1  payroll-report asks for an access token with a made-up secret ━",
        r"│ Authorization: Basic \[base64 of payroll-report:<client secret>, masked\]",
        r"✓ request \d",
        r"✗ credentials: ",
        r"│ HTTP/1.1 401 (?i:unauthorized)",
        r"✓ As expected: 401 invalid_client at the check credentials",
        rf"http://localhost:{stack.ports['calling-service']}/runs/",
    ):
        assert re.search(shown, done.stdout), shown
    unknown = stack.run("make", "try", "CASE=wrong-secrets")
    assert (unknown.returncode != 0, "did you mean wrong-secret" in unknown.stderr) == (True, True)


def test_make_try_lists_the_cases(stack: Stack) -> None:
    assert set(re.findall(r"^  ([a-z-]+) ", stack.make("try"), re.MULTILINE)) == {case["id"] for case in ALL}


def test_flows_and_cases_are_printed_as_json_and_har(stack: Stack) -> None:
    for verb in (("flow",), ("try", "alg-none")):
        run = json.loads(stack.run("stack/stack", *verb, "--json").stdout)
        entries = json.loads(stack.run("stack/stack", *verb, "--har").stdout)["log"]["entries"]
        assert [entry["request"]["url"] for entry in entries] == [each["url"] for each in run["exchanges"]]


PASTED = {
    "no-token": "",
    "scope-too-small": "payroll-report",
    "secret-in-the-query": "payroll-report",
    "two-credentials": "payroll-report",
    "token-in-the-query": "payroll-report",
    "ungranted-audience": "timesheets-import-job",
    "one-bad-entry": "timesheets-import-job",
}


@pytest.mark.parametrize("case", PASTED)
def test_pasted_curl_commands_are_answered_as_the_case_was(
    stack: Stack, played: dict[str, dict[str, Any]], case: str
) -> None:
    commands = re.split(r"\n(?! )", stack.run("stack/stack", "try", case, "--curl").stdout.strip())
    statuses = [exchange["status"] for exchange in played[case]["exchanges"]]
    with Shell(stack) as shell:
        shell.run(f"CLIENT_SECRET=$(cat .secrets/calling-service/{PASTED[case]})" if PASTED[case] else ":")
        answers = []
        for command in commands:
            answers.append(shell.run(command))
            if token := re.search(r'"access_token": ?"([^"]+)"', answers[-1]):
                shell.run(f"TOKEN={token[1]}")
    assert [int(answer.split()[1]) for answer in answers] == statuses, answers
