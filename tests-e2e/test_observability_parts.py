"""The parts of deploy/observability in one process: settings, files of workers, requests, runs; its docs."""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from calling_service.oauth_client.token_source import TokenError
from flask import Flask
from live_stack import CHECKOUT
from prometheus_client import CollectorRegistry, generate_latest, values
from telemetry import calling_service, protected_api
from telemetry.catalogue import ALL, METRICS, Metric
from telemetry.endpoint import serve
from telemetry.metrics import Metrics
from telemetry.served import ObservedApp, continued, observe_requests
from telemetry.spans import SpanId, Spans
from telemetry.worker import check_settings, slot_or_none
from telemetry.worker_files import ROOM, AllWorkers, Slot, keep_values_in, take_slot

OVERLAY = CHECKOUT / "deploy/observability"
PAGE = (CHECKOUT / "docs/observability.md").read_text()
RULES = yaml.safe_load((OVERLAY / "prometheus/rules.yml").read_text())["groups"]
ALERTS = {rule["alert"]: rule for group in RULES for rule in group["rules"] if "alert" in rule}
NEW = "f" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the workers' files."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    return tmp_path


@pytest.fixture
def slot(folder: Path) -> Iterator[Slot]:
    """Return the slot of this process, as if it were a worker; metrics are kept in it."""
    slot = take_slot(folder)
    keep_values_in(slot)
    yield slot
    slot.lock.close()


def scraped(folder: Path) -> str:
    """Return what a scrape gets."""
    registry = CollectorRegistry()
    registry.register(AllWorkers(folder))
    return generate_latest(registry).decode()


def test_a_start_with_wrong_settings_names_all_of_them(tmp_path: Path) -> None:
    wrong = {
        "OTEL_SERVICE_NAME": "other",
        "PROMETHEUS_MULTIPROC_DIR": f"{tmp_path}/none",
        "METRICS_PORT": "0",
    }
    with pytest.raises(SystemExit) as caught:
        check_settings(wrong | {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"})
    problems = str(caught.value).splitlines()
    assert [problem.partition(":")[0] for problem in problems] == [
        *("OTEL_SERVICE_NAME", "PROMETHEUS_MULTIPROC_DIR", "OTEL_EXPORTER_OTLP_ENDPOINT", "METRICS_PORT")
    ]
    check_settings({"OTEL_SERVICE_NAME": "auth-server", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})


def test_each_worker_that_runs_has_a_slot_of_its_own(folder: Path, slot: Slot) -> None:
    second = take_slot(folder)
    assert (slot.number, second.number) == (0, 1)
    second.lock.close()


def test_the_next_worker_counts_on_from_one_that_has_died(folder: Path) -> None:
    first = take_slot(folder)
    keep_values_in(first)
    metrics = Metrics("auth-server")
    metrics.count("oauth_failed_logins_limited_total", amount=3)
    metrics.set("service_workers", 1)
    assert "service_workers 1.0" in scraped(folder)
    first.lock.close()  # as the system does when the worker dies
    assert "service_workers" not in scraped(folder)
    second = take_slot(folder)
    assert second.number == 0
    keep_values_in(second)
    metrics = Metrics("auth-server")
    metrics.count("oauth_failed_logins_limited_total")
    assert "oauth_failed_logins_limited_total 4.0" in scraped(folder)
    second.lock.close()


def test_a_scrape_adds_up_the_workers(folder: Path) -> None:
    workers = [take_slot(folder) for _ in range(2)]
    for worker in workers:
        keep_values_in(worker)
        metrics = Metrics("protected-api")
        metrics.set("service_workers", 1)
        metrics.set("api_key_set_fetched_timestamp_seconds", 100 + worker.number)
        metrics.count("api_key_set_fetches_total", "fetched")
        metrics.measure("http_request_duration_seconds", 0.02, "/timesheets")
    page = scraped(folder)
    for line in (
        "service_workers 2.0",
        "api_key_set_fetched_timestamp_seconds 100.0",
        'api_key_set_fetches_total{outcome="fetched"} 2.0',
        'http_request_duration_seconds_bucket{le="0.025",route="/timesheets"} 2.0',
        'http_request_duration_seconds_count{route="/timesheets"} 2.0',
    ):
        assert line in page
    for worker in workers:
        worker.lock.close()


def test_a_worker_without_room_serves_without_metrics(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    slot = slot_or_none(folder)
    assert slot is None
    keep_values_in(slot)
    Metrics("auth-server").count("oauth_failed_logins_limited_total")
    assert "folder cannot be used" in caplog.text
    assert (list(folder.glob("*.db")), scraped(folder)) == ([], "")
    assert slot_or_none(folder / "none") is None


def test_every_series_has_room_from_the_start(folder: Path, slot: Slot) -> None:
    """A file that grows could meet a full folder, and the worker would be killed."""
    for service in ALL:
        metrics = Metrics(service)
        for metric in METRICS:
            if service in metric.services and not metric.is_collected:
                _fill(metrics, metric)
    sizes = {path.name.removesuffix("_0.db"): path.stat().st_size for path in folder.glob("*.db")}
    assert sizes == ROOM
    assert "status=" in scraped(folder)
    assert slot.number == 0


def _fill(metrics: Metrics, metric: Metric) -> None:
    """Make 40 routes with three statuses each, and 40 series of other metrics: more than there can be."""
    for number in range(120 if "status" in metric.labels else 40):
        labels = [f"{number}-of-{name}-and-a-long-one" for name in metric.labels]
        if metric.kind == "counter":
            metrics.count(metric.name, *labels)
        elif metric.kind == "histogram":
            metrics.measure(metric.name, 1, *labels)


@pytest.fixture
def app() -> Flask:
    """Return an app with one route, and one that fails."""
    app = Flask(__name__)

    @app.get("/things/<int:thing_id>")
    def thing(thing_id: int) -> str:
        return str(thing_id)

    return app


def test_a_request_counts_by_its_route_whatever_its_path_and_method(
    folder: Path, slot: Slot, app: Flask
) -> None:
    observe_requests(app, Metrics("auth-server"), None, lambda _: NEW)
    client = app.test_client()
    for path in ("/things/1", "/things/2", "/things/x", "/%ff%00", "/" + "a" * 3000):
        client.get(path)
    for method in ("BREW", "DELETE", "A" * 500):
        client.open("/things/1", method=method)
    page = scraped(folder)
    requests = re.findall(r"^http_requests_total(\{.*\}) (.*)$", page, re.MULTILINE)
    assert sorted(requests) == [
        ('{method="GET",route="/things/{thing_id}",status="200"}', "2.0"),
        ('{method="none",route="none",status="404"}', "3.0"),
        ('{method="none",route="none",status="405"}', "3.0"),
    ]
    assert slot.number == 0


def test_telemetry_that_fails_does_not_fail_the_request(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    without_metrics = Metrics("of no service")
    app.wsgi_app = ObservedApp(app.wsgi_app, without_metrics, None, lambda _: NEW)  # type: ignore[method-assign]
    assert app.test_client().get("/things/1").status_code == 200
    assert "telemetry failed" in caplog.text


def test_a_port_that_is_in_use_stops_no_service(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("", 0)) as server:
        serve(CollectorRegistry(), server.getsockname()[1])
    assert "metrics are not served" in caplog.text


@pytest.mark.parametrize(
    ("header", "trace_id", "parent", "sampled"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", "a" * 32, "b" * 16, True),
        (f"00-{'a' * 32}-{'b' * 16}-00", "a" * 32, "b" * 16, False),
        (f"cc-{'a' * 32}-{'b' * 16}-03-later", "a" * 32, "b" * 16, True),
        ("", NEW, "", True),
        ("garbage", NEW, "", True),
        (f"ff-{'a' * 32}-{'b' * 16}-01", NEW, "", True),
    ],
)
def test_a_span_continues_the_trace_that_the_service_continues(
    header: str, trace_id: str, parent: str, sampled: bool
) -> None:
    span = continued(header, lambda _: trace_id)  # the service's own function decides what is valid
    assert (span.trace_id, span.parent, span.sampled) == (trace_id, parent, sampled)
    assert span.traceparent == f"00-{trace_id}-{span.span_id}-0{int(sampled)}"


def test_a_token_from_the_cache_is_told_from_one_that_is_requested(folder: Path, slot: Slot) -> None:
    held = SimpleNamespace(value="old")
    answers = iter((held, SimpleNamespace(value="new"), TokenError("unreachable", "no answer")))

    def get(*_: object) -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    tokens: Any = SimpleNamespace(peek=lambda *_: held, get=get)
    calling_service.count_uses(tokens, Metrics("calling-service"))
    tokens.get("audience", ["scope"])
    tokens.get("audience", ["scope"])
    with pytest.raises(TokenError):
        tokens.get("audience", ["scope"])
    uses = re.findall(r'^token_source_uses_total\{outcome="(\w+)"\} 1.0$', scraped(folder), re.MULTILINE)
    assert set(uses) == {"cached", "requested", "failed"}
    assert slot.number == 0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [({"keys": [{}]}, "fetched"), ({"keys": []}, "failed"), ([], "failed"), (OSError, "failed")],
)
def test_a_fetch_of_the_key_set_counts_by_its_outcome(
    folder: Path, slot: Slot, answer: Any, outcome: str
) -> None:
    def fetch() -> Any:
        if answer is OSError:
            raise OSError("no answer")
        return answer

    keys: Any = SimpleNamespace(fetch=fetch)
    protected_api.observe_fetches(keys, Metrics("protected-api"), clock=lambda: 42.0)
    if answer is OSError:
        with pytest.raises(OSError, match="no answer"):
            keys.fetch()
    else:
        assert keys.fetch() == answer
    page = scraped(folder)
    assert f'api_key_set_fetches_total{{outcome="{outcome}"}} 1.0' in page
    seen = 42.0 if outcome == "fetched" else 0.0
    assert f"api_key_set_fetched_timestamp_seconds {seen}" in page
    assert slot.number == 0


@pytest.mark.long
def test_a_collector_that_hangs_delays_nobody_and_fills_no_memory() -> None:
    hangs = threading.Event()

    class Hanging:
        def export(self, _: Any) -> None:
            hangs.wait(60)

        def shutdown(self) -> None:
            hangs.set()

    spans = Spans(Hanging())  # type: ignore[arg-type]
    began = time.perf_counter()
    for number in range(5000):
        span = SpanId(NEW, f"{number:016x}")
        spans.add("server", "GET /", span, began=1, ended=2, attributes={"http.route": "/"})
    assert time.perf_counter() - began < 5
    spans.close()


def test_the_docs_have_each_metric_as_the_catalogue_has_it() -> None:
    services = {"auth-server": "authorization server", "protected-api": "API", "calling-service": "job"}
    rows = []
    for metric in METRICS:
        of = "all" if metric.services == ALL else services[metric.services[0]]
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {of} | {labels} | {metric.meaning} |")
    table = "\n".join(rows)
    assert table in PAGE, f"docs/observability.md must have these rows:\n{table}"


def test_each_metric_has_its_unit_in_its_name_and_no_label_that_a_client_chooses() -> None:
    for metric in METRICS:
        assert metric.name.endswith(("_total", "_seconds", "_workers")), metric.name
    labels = {label for metric in METRICS for label in metric.labels}
    assert labels == {
        *("route", "method", "status", "grant_type", "auth_method", "error", "reason"),
        *("check", "alg", "outcome", "state"),
    }


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_leads_to_what_to_do_and_has_a_test(alert: str) -> None:
    assert ALERTS[alert]["annotations"]["runbook"] == f"docs/observability.md#{alert.lower()}"
    assert f"\n### {alert}\n" in PAGE
    tests = yaml.safe_load((OVERLAY / "prometheus/rules_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == alert]
    assert {bool(case.get("exp_alerts")) for case in cases} == {True, False}


def promtool() -> list[str] | None:
    """Return the command that runs promtool in the folder of the rules."""
    if shutil.which("promtool"):
        return ["promtool"]
    found = (
        subprocess.run(
            ["docker", "image", "inspect", "prom/prometheus:v2.53.3"], check=False, capture_output=True
        )
        if shutil.which("docker")
        else None
    )
    if found is None or found.returncode:
        return None
    mount = f"{OVERLAY}/prometheus:/rules:ro"
    container = ["docker", "run", "--rm", "--workdir=/rules", f"--volume={mount}", "--entrypoint=promtool"]
    return [*container, "prom/prometheus:v2.53.3"]


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ("test", "rules", "rules_test.yml"),
        ("check", "rules", "rules.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
    ids=["rules_test.yml", "rules.yml", "prometheus.yml"],
)
def test_promtool_accepts_the_rules_and_their_tests(arguments: tuple[str, ...]) -> None:
    command = promtool()
    if command is None:
        pytest.skip("neither promtool nor the image of Prometheus is here")
    done = subprocess.run(
        [*command, *arguments], check=False, cwd=OVERLAY / "prometheus", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_names_only_metrics_and_rules_that_there_are() -> None:
    dashboard = json.loads((OVERLAY / "grafana/dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    recorded = {rule["record"] for group in RULES for rule in group["rules"] if "record" in rule}
    known = recorded | {metric.name for metric in METRICS} | {"up"}
    for query in queries:
        names = re.findall(
            r"[a-z_]+:[a-z0-9_:]+|[a-z]+_[a-z_]+(?=\b)", re.sub(r'"[^"]*"|by \([^)]*\)', "", query)
        )
        for name in set(names) - {"histogram_quantile"}:
            assert re.sub("_(bucket|count|sum)$", "", name) in known, name


def test_the_services_import_nothing_of_the_overlay() -> None:
    for service in ALL:
        for path in (CHECKOUT / service).rglob("*.py"):
            assert not re.search(r"telemetry|prometheus|opentelemetry", path.read_text()), path
        assert "prometheus" not in (CHECKOUT / service / "requirements.txt").read_text()
