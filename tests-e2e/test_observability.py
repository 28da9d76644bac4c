"""The stack of deploy/observability: one table of metrics and one of spans, against good and bad traffic."""

import base64
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
import requests
from calling_service.oauth_client.private_key_jwt import client_assertion
from live_stack import CHECKOUT, NO_ANSWER, SERVICES, Stack, eventually
from observed_stack import ObservedStack
from otlp_receiver import ReceivedSpan, Receiver, receiving
from telemetry.catalogue import METRICS

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.environ.get("RUNTIME") != "docker", reason="the overlay needs Docker"),
]
GALLERY = (
    *("wrong-secret", "unknown-client", "disabled-client", "replayed-assertion", "federated-token"),
    *("wrong-grant-type", "unknown-audience", "ungranted-scope", "action-denies", "no-token"),
    *("tampered-payload", "another-audience", "scope-too-small", "revoked-token-asked-about"),
)
WRONG_SECRET = "the-wrong-secret-of-this-test"

# What Prometheus must have after the traffic of `observed`: an expression, and the least sum of its values.
EXPECTED_METRICS = {
    "up == 1": 3,
    'service_workers{job="auth-server"}': 2,
    'service_workers{job="protected-api"}': 2,
    'service_workers{job="calling-service"}': 1,
    'http_requests_total{job="auth-server", route="/oauth/token", method="POST", status="200"}': 4,
    'http_requests_total{job="auth-server", route="/oauth/token", method="POST", status="429"}': 1,
    'http_requests_total{job="protected-api", route="/timesheets/upload", method="POST", status="200"}': 1,
    'http_requests_total{job="protected-api", route="/timesheets/{timesheet_id}", status="404"}': 1,
    'http_requests_total{job="protected-api", route="none", method="none", status="404"}': 1,
    'http_requests_total{job="calling-service", route="/runs", method="POST", status="202"}': 1,
    'http_request_duration_seconds_count{route="/oauth/token"}': 4,
    'http_request_duration_seconds_sum{route="/oauth/token"}': 0.001,
    'oauth_tokens_issued_total{grant_type="client_credentials", auth_method="client_secret_basic"}': 1,
    'oauth_tokens_issued_total{auth_method="client_secret_post"}': 1,
    'oauth_tokens_issued_total{auth_method="private_key_jwt"}': 1,
    'oauth_tokens_issued_total{auth_method="federated"}': 1,
    'oauth_token_requests_refused_total{error="invalid_client", reason="wrong secret"}': 101,
    'oauth_token_requests_refused_total{error="invalid_client", reason="unknown client"}': 1,
    'oauth_token_requests_refused_total{error="invalid_client", reason="disabled client"}': 1,
    'oauth_token_requests_refused_total{error="invalid_client", reason="client_assertion: replayed"}': 1,
    'oauth_token_requests_refused_total{error="invalid_client", reason="no credential"}': 1,
    'oauth_token_requests_refused_total{error="invalid_scope", reason="a scope is not granted"}': 1,
    'oauth_token_requests_refused_total{error="invalid_target", reason="other"}': 1,
    'oauth_token_requests_refused_total{error="unsupported_grant_type"}': 1,
    'oauth_token_requests_refused_total{error="unauthorized_client"}': 1,
    'oauth_checks_failed_total{check="credentials"}': 101,
    'oauth_checks_failed_total{check="scope"}': 1,
    'oauth_checks_failed_total{check="actions"}': 1,
    "oauth_failed_logins_limited_total": 1,
    'oauth_signing_key_age_seconds{alg="RS256"} > 0': 0.001,
    'api_token_checks_failed_total{check="presenting"}': 1,
    'api_token_checks_failed_total{check="signature"}': 1,
    'api_token_checks_failed_total{check="audience"}': 1,
    'api_token_checks_failed_total{check="scope"}': 1,
    'api_token_checks_failed_total{check="fresh"}': 1,
    'api_key_set_fetches_total{outcome="fetched"}': 2,
    "api_key_set_fetched_timestamp_seconds > time() - 600": 1,
    'token_source_uses_total{outcome="requested"}': 1,
    'token_source_uses_total{outcome="cached"}': 1,
    'import_rows_total{outcome="booked"}': 239,
    'import_rows_total{outcome="unchanged"}': 239,
    'import_rows_total{outcome="rejected"}': 4,
    'import_run_duration_seconds_count{state="completed"}': 2,
    "import_last_success_timestamp_seconds > time() - 600": 1,
}


@dataclass(frozen=True, slots=True)
class ExpectedSpan:
    """A span of the trace of an import: its service, kind and name, and the name of its parent."""

    service: str
    kind: str
    name: str
    parent: str


# The trace of one import that a request starts, whose caller has the span `caller`.
EXPECTED_SPANS = (
    ExpectedSpan("calling-service", "SERVER", "POST /runs", "caller"),
    ExpectedSpan("calling-service", "INTERNAL", "import", "POST /runs"),
    ExpectedSpan("calling-service", "CLIENT", "POST /oauth/token", "import"),
    ExpectedSpan("auth-server", "SERVER", "POST /oauth/token", "POST /oauth/token"),
    ExpectedSpan("calling-service", "CLIENT", "POST /timesheets/upload", "import"),
    ExpectedSpan("protected-api", "SERVER", "POST /timesheets/upload", "POST /timesheets/upload"),
)
# That of a request to a route that asks about the token.
EXPECTED_FRESH_SPANS = (
    ExpectedSpan("protected-api", "SERVER", "GET /approvals", "caller"),
    ExpectedSpan("protected-api", "CLIENT", "POST /oauth/introspect", "GET /approvals"),
    ExpectedSpan("auth-server", "SERVER", "POST /oauth/introspect", "POST /oauth/introspect"),
)
TRACE, FRESH_TRACE, UNSAMPLED_TRACE, CALLER = "1" * 32, "2" * 32, "3" * 32, "c" * 16


def traceparent(trace: str, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{CALLER}-{flags}"}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving("0.0.0.0") as receiver:  # noqa: S104  (containers send to the address of their bridge)
        yield receiver


@pytest.fixture(scope="module")
def observed(new_stack: Callable[[], Stack], receiver: Receiver) -> Iterator[ObservedStack]:
    """Return a running stack that has had good and bad traffic."""
    stack = ObservedStack(new_stack().folder)
    stack.edit("docker-compose.yml", "LOG_LEVEL: INFO", "LOG_LEVEL: DEBUG")
    stack.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://host.docker.internal:{receiver.port}"
    stack.first_output = stack.make("up")
    stack.wait_for("up == 1", 3)  # so that each counter has been scraped before it grows
    send_traffic(stack)
    yield stack
    stack.drop()


def send_traffic(stack: ObservedStack) -> None:
    for case in GALLERY:
        stack.play(case)
    form = {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    by_post = {"client_id": "payroll-report", "client_secret": stack.secret("payroll-report")}
    token_url = f"{stack.url['auth-server']}/oauth/token"
    stack.tokens.append(requests.post(token_url, form | by_post, timeout=10).json()["access_token"])
    requests.post(token_url, form, timeout=10)
    for _ in range(2 * 101):  # each of two workers counts for itself
        stack.ask_for_token("payroll-report", secret=WRONG_SECRET)
    token = stack.token("timesheets-console")
    stack.api("DELETE", "/timesheets/999999", token)
    stack.api("GET", f"/no/such/route?access_token={token}")
    query = {"access_token": token}
    stack.api("GET", "/timesheets", params=query)
    headers = traceparent(FRESH_TRACE) | {"Authorization": f"Bearer {approval_token(stack)}"}
    fresh = requests.get(f"{stack.url['protected-api']}/approvals", headers=headers, timeout=10)
    assert fresh.status_code == 200, fresh.text
    requests.get(
        f"{stack.url['protected-api']}/timesheets", headers=traceparent(UNSAMPLED_TRACE, "00"), timeout=10
    )
    asked = {"resend": True, "fresh_token": True}
    runs = f"{stack.url['calling-service']}/runs"
    assert requests.post(runs, json=asked, headers=traceparent(TRACE), timeout=10).status_code == 202
    stack.run_import()


def approval_token(stack: ObservedStack) -> str:
    """Return a token of a client with a key."""
    form = client_assertion("approvals-bot", stack.issuer, stack.secret("approvals-bot.pem"), time.time())
    form |= {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    answer = requests.post(f"{stack.url['auth-server']}/oauth/token", form, timeout=10)
    stack.tokens += [answer.json()["access_token"], form["client_assertion"]]
    return stack.tokens[-2]


@pytest.mark.parametrize("expression", EXPECTED_METRICS)
def test_each_expected_metric_is_in_prometheus(observed: ObservedStack, expression: str) -> None:
    observed.wait_for(expression, EXPECTED_METRICS[expression])


def test_every_metric_of_the_catalogue_is_expected() -> None:
    named = set(re.findall(r"[a-z_]{5,}", " ".join(EXPECTED_METRICS)))
    suffix = {"histogram": "_count"}
    assert {metric.name + suffix.get(metric.kind, "") for metric in METRICS} <= named


def trace(receiver: Receiver, trace_id: str, table: tuple[ExpectedSpan, ...]) -> list[ReceivedSpan]:
    """Return the spans of a trace, once there is one of each service, kind and name."""
    expected = {(row.service, row.kind, row.name) for row in table}

    def arrived() -> list[ReceivedSpan] | None:
        spans = [span for span in receiver.spans if span.trace_id == trace_id]
        return spans if expected <= {(span.service, span.kind, span.name) for span in spans} else None

    return eventually(arrived, "the spans of a trace arrive")


@pytest.mark.parametrize(
    ("trace_id", "table"), [(TRACE, EXPECTED_SPANS), (FRESH_TRACE, EXPECTED_FRESH_SPANS)]
)
def test_a_trace_has_each_expected_span_below_its_parent(
    observed: ObservedStack, receiver: Receiver, trace_id: str, table: tuple[ExpectedSpan, ...]
) -> None:
    spans = trace(receiver, trace_id, table)
    names = {span.span_id: span.name for span in spans} | {CALLER: "caller"}
    found = {ExpectedSpan(span.service, span.kind, span.name, names[span.parent]) for span in spans}
    assert found == set(table)
    assert trace_id in observed.logs(spans[0].service)


def test_a_trace_that_its_caller_does_not_record_is_not_recorded(
    observed: ObservedStack, receiver: Receiver
) -> None:
    trace(receiver, TRACE, EXPECTED_SPANS)  # it began later
    assert UNSAMPLED_TRACE in observed.logs("protected-api")
    assert [span for span in receiver.spans if span.trace_id == UNSAMPLED_TRACE] == []


@pytest.mark.usefixtures("observed")
def test_a_span_says_which_check_has_failed(receiver: Receiver) -> None:
    trace(receiver, TRACE, EXPECTED_SPANS)
    failed = {span.attributes.get("check.failed") for span in receiver.spans}
    assert {"credentials", "signature", "audience", "scope"} <= failed


def test_no_secret_token_or_query_is_exported(observed: ObservedStack, receiver: Receiver) -> None:
    trace(receiver, TRACE, EXPECTED_SPANS)
    url = f"http://127.0.0.1:{observed.prometheus_port}/api/v1/series"
    series = requests.get(url, {"match[]": '{__name__=~".+"}'}, timeout=10)
    exported = [receiver.received, series.content, *(observed.page(name).encode() for name in SERVICES)]
    files = observed.folder.glob(".secrets/*/*")
    secrets = [line for path in files for line in path.read_text().splitlines() if "PRIVATE" not in line]
    secrets += [WRONG_SECRET, *observed.tokens, "access_token", "grant_type=client"]
    signatures = [token.rpartition(".")[2] for token in observed.tokens]
    encoded = [base64.b64encode(secret.encode()).decode()[4:-4] for secret in secrets if len(secret) > 12]
    assert len(observed.tokens) > 2
    for text in (*secrets, *signatures, *encoded):
        assert [part for part in exported if text.encode() in part] == [], text
    assert not re.search(rb"eyJ[\w-]+\.eyJ[\w-]+\.", receiver.received), "a token"
    assert b"?" not in b"".join(path.encode() for span in receiver.spans for path in span.attributes.values())


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_are_not_reachable_from_the_public_port(observed: ObservedStack, service: str) -> None:
    for path in ("/metrics", "/metrics/", "//metrics", "/oauth/metrics"):
        assert requests.get(observed.url[service] + path, timeout=10).status_code == 404
    published = observed.run("docker", "port", observed.compose("ps", "--quiet", service).strip()).stdout
    assert "9464" not in published


def test_the_metrics_port_has_the_metrics_alone(observed: ObservedStack) -> None:
    program = (
        "import http.client as h; c = h.HTTPConnection('127.0.0.1', 9464, timeout=5); c.request('{}', '{}')"
    )
    program += "; print(c.getresponse().status)"
    asked = [("GET", "/metrics"), ("GET", "/"), ("GET", "/runs"), ("POST", "/metrics")]
    answers = [observed.inside("calling-service", "python", "-c", program.format(*each)) for each in asked]
    assert [int(answer) for answer in answers] == [200, 404, 404, 501]


def test_every_query_of_the_dashboard_has_a_result(observed: ObservedStack) -> None:
    dashboard = json.loads((CHECKOUT / "deploy/observability/grafana/dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 12
    for query in queries:
        eventually(lambda query=query: observed.query(query) or None, query)  # type: ignore[misc]


def test_prometheus_has_read_every_rule(observed: ObservedStack) -> None:
    url = f"http://127.0.0.1:{observed.prometheus_port}/api/v1/rules"

    def evaluated() -> bool | None:
        groups = requests.get(url, timeout=10).json()["data"]["groups"]
        health = [rule["health"] for group in groups for rule in group["rules"]]
        return True if health and set(health) == {"ok"} else None

    eventually(evaluated, "every rule is evaluated without an error")


def test_a_folder_without_room_stops_no_worker(observed: ObservedStack) -> None:
    """Workers that are replaced count on in the room of those before; one that finds no room is not seen."""
    fill = "dd if=/dev/zero of=/run/metrics/fill bs=64k 2>/dev/null; kill -HUP 1"
    observed.inside("auth-server", "sh", "-c", fill)
    try:
        eventually(
            lambda: "folder cannot be used" in observed.logs("auth-server") or None, "a worker says so"
        )
        for _ in range(20):
            observed.token("payroll-report")
    finally:
        observed.inside("auth-server", "sh", "-c", "rm /run/metrics/fill; kill -HUP 1")
    observed.wait_for('service_workers{job="auth-server"} == 2', 2)


def test_a_killed_worker_leaves_no_gauge_and_takes_no_count_back(observed: ObservedStack) -> None:
    issued = 'oauth_tokens_issued_total{auth_method="client_secret_basic"}'
    before = eventually(lambda: sum(observed.query(issued)) or None, "a scrape succeeds")
    workers = "open('/proc/1/task/1/children').read().split()"
    kill = f"import os, signal; os.kill(int({workers}[0]), signal.SIGKILL)"
    observed.inside("auth-server", "python", "-c", kill)
    answered = len(observed.tokens)
    for _ in range(20):
        with suppress(*NO_ANSWER):  # of the worker that died
            observed.token("payroll-report")
        assert all(count >= before for count in observed.query(issued))
    observed.wait_for(issued, before + len(observed.tokens) - answered)
    observed.wait_for('service_workers{job="auth-server"} == 2', 2)


def test_the_import_and_the_commands_of_make_are_as_without_the_overlay(observed: ObservedStack) -> None:
    assert re.search(r"234 rows +234 booked", observed.first_output)
    assert "OVERLAY=observability make try" in observed.first_output
    assert "invalid_client" in observed.make("try", CASE="wrong-secret")
