"""Telemetry in one worker: it begins after the fork, before the service's own work in the background."""

import logging
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from prometheus_client import CollectorRegistry

from telemetry import endpoint
from telemetry.catalogue import ALL
from telemetry.metrics import Metrics
from telemetry.spans import Spans
from telemetry.worker_files import AllWorkers, Slot, keep_values_in, take_slot

SERVICE = "OTEL_SERVICE_NAME"
COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PORT = "METRICS_PORT"
USUAL_PORT = "9464"
log = logging.getLogger(__name__)


def check_settings(environ: Mapping[str, str]) -> None:
    """Exit with everything that is wrong with the settings."""
    problems = []
    if environ.get(SERVICE) not in ALL:
        problems.append(f"{SERVICE}: must be one of {', '.join(ALL)}")
    if not Path(environ.get(FOLDER) or "/nowhere").is_dir():
        problems.append(f"{FOLDER}: must name a folder, in memory and empty at the start")
    collector = environ.get(COLLECTOR)
    if collector and urlsplit(collector).scheme not in {"http", "https"}:
        problems.append(f"{COLLECTOR}: must be a URL, http:// or https://; unset, there are no traces")
    port = environ.get(PORT, USUAL_PORT)
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        problems.append(f"{PORT}: must be a port, 1 to 65535")
    if problems:
        sys.exit("\n".join(problems))


class Telemetry:
    """What a worker has of it; the slot is its for as long as this exists."""

    def __init__(self, app: Flask, environ: Mapping[str, str]) -> None:
        service = environ[SERVICE]
        folder = Path(environ[FOLDER])
        self.slot = slot_or_none(folder)
        keep_values_in(self.slot)
        metrics = Metrics(service)
        self.spans = Spans() if environ.get(COLLECTOR) else None
        of_service = import_module(f"telemetry.{service.replace('-', '_')}")
        of_service.observe(app, metrics, self.spans)
        metrics.set("service_workers", 1)
        registry = CollectorRegistry()
        for collector in (AllWorkers(folder), *of_service.collectors(app)):
            registry.register(collector)
        endpoint.serve(registry, int(environ.get(PORT, USUAL_PORT)))

    def close(self) -> None:
        """Send the last spans."""
        if self.spans:
            self.spans.close()


def slot_or_none(folder: Path) -> Slot | None:
    """Return a slot; without room for one, this worker serves all the same, and its metrics are not seen."""
    try:
        return take_slot(folder)
    except OSError:
        log.exception("this worker has no metrics: their folder cannot be used")
        return None
