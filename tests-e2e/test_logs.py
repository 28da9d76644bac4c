"""No service prints a secret or a token, not even at DEBUG."""

import base64
import json
import re

import pytest
from live_stack import SERVICES, Stack


@pytest.mark.requirement("RFC 6749 10.3 confidential tokens")
@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_or_token_is_logged_at_debug(stack: Stack, service: str) -> None:
    stack.run_import(resend=True, fresh_token=True)
    stack.ask_for_token("timesheets-import-job", secret="the-wrong-secret-of-this-test")
    stack.api("GET", "/timesheets", stack.token("payroll-report"))
    stack.api("GET", f"/timesheets?access_token={stack.token('payroll-report')}")
    stack.ask_for_token("timesheets-import-job", secret="the-wrong-secret-of-this-test")
    printed = stack.logs(service)
    secrets = [line for path in stack.folder.glob(".secrets/*/*") for line in path.read_text().splitlines()]
    secrets += ["the-wrong-secret-of-this-test", *stack.tokens]
    secrets += [base64.b64encode(secret.encode()).decode()[4:-4] for secret in secrets]
    assert [secret for secret in secrets if secret in printed] == []
    assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.", printed), "a token"


@pytest.mark.requirement("W3C Trace Context 3.4 propagation")
@pytest.mark.parametrize("service", SERVICES)
def test_every_log_line_is_json_and_a_trace_crosses_the_services(stack: Stack, service: str) -> None:
    run = stack.run_import(resend=True, fresh_token=True)
    lines = [json.loads(line) for line in stack.logs(service).splitlines()]
    assert {line["service"] for line in lines} == {service}
    assert run["trace_id"] in {line.get("trace_id") for line in lines}
