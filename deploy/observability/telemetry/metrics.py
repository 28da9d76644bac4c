"""The metrics of one worker, by name. Not here: where their values are kept (worker_files.py)."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from telemetry.catalogue import METRICS, Metric
from telemetry.harmless import harmless

Labels = tuple[str, ...]


class Metrics:
    """Counts and measures; the values of labels come from the code of the services, never from a request."""

    def __init__(self, service: str) -> None:
        registry = CollectorRegistry()  # nobody reads it: a scrape reads the files of all workers
        ours = [metric for metric in METRICS if service in metric.services and not metric.is_collected]
        self._metrics = {metric.name: _made(metric, registry) for metric in ours}
        self._series: dict[tuple[str, Labels], Any] = {}
        for metric in ours:
            for labels in metric.starts:
                self._of(metric.name, labels)
            if metric.of_workers:
                self.set(metric.name, 0)  # not what the worker before has left

    @harmless
    def count(self, name: str, *labels: str, amount: float = 1) -> None:
        """Add to a counter."""
        self._of(name, labels).inc(amount)

    @harmless
    def measure(self, name: str, seconds: float, *labels: str) -> None:
        """Add to a histogram."""
        self._of(name, labels).observe(seconds)

    @harmless
    def set(self, name: str, value: float) -> None:
        """Set a gauge."""
        self._of(name, ()).set(value)

    def _of(self, name: str, labels: Labels) -> Any:
        """Return the series; prometheus_client's own look-up costs as much as counting."""
        series = self._series.get((name, labels))
        if series is None:
            metric = self._metrics[name]
            series = metric.labels(*labels) if labels else metric
            self._series[name, labels] = series
        return series


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    about = (metric.name, metric.meaning, metric.labels)
    if metric.kind == "counter":
        return Counter(*about, registry=registry)
    if metric.kind == "histogram":
        return Histogram(*about, buckets=metric.buckets, registry=registry)
    return Gauge(*about, multiprocess_mode=metric.of_workers or "livesum", registry=registry)
