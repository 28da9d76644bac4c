"""The stack of `OVERLAY=observability make up`, and what its Prometheus and its services' metrics say."""

from pathlib import Path

import requests
from live_stack import Stack, eventually, free_ports

READ_PAGE = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9464/metrics', timeout=5).read().decode())"
)


class ObservedStack(Stack):
    """The stack, whose Prometheus scrapes every two seconds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.prometheus_port,) = free_ports(1)
        self.environment |= {"OVERLAY": "observability", "PROMETHEUS_PORT": str(self.prometheus_port)}
        self.edit("deploy/observability/prometheus/prometheus.yml", "_interval: 5s", "_interval: 2s")

    @property
    def state(self) -> Path:
        """Return the folder of what the stack leaves on the host."""
        return Path(f"{super().state}-observability")

    def query(self, expression: str) -> list[float]:
        """Return the values that Prometheus has for an expression now."""
        url = f"http://127.0.0.1:{self.prometheus_port}/api/v1/query"
        answer = requests.get(url, {"query": expression}, timeout=10)
        assert answer.status_code == 200, answer.text
        return [float(series["value"][1]) for series in answer.json()["data"]["result"]]

    def wait_for(self, expression: str, least: float) -> None:
        """Wait until the values of an expression add up to this or more."""

        def is_there() -> bool | None:
            return sum(self.query(expression)) >= least or None

        eventually(is_there, f"{expression} is {least}")

    def page(self, service: str) -> str:
        """Return what a service answers at /metrics, which only its container's network reaches."""
        return self.inside(service, "python", "-c", READ_PAGE)
