"""Prometheus scrapes a page that needs a token, with the `oauth2:` block of docs/other-clients.md."""

import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from live_stack import CHECKOUT, Stack, eventually, free_ports

LESSON = CHECKOUT / "docs/other-clients.md"
pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Prometheus is not installed (Debian: apt install prometheus)"
)


@pytest.fixture
def guarded_page(stack: Stack) -> Iterator[int]:
    """Serve metrics to requests with a token that the Timesheets API accepts; yield the port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status = stack.api("GET", "/timesheets", token).status_code
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(b"guarded_page 42\n" if status == 200 else b"")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def query(stack: Stack, guarded_page: int, tmp_path: Path) -> Iterator[Callable[[str], str | None]]:
    """Run Prometheus on the page; yield a function that returns the value of a series."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", LESSON.read_text(), re.DOTALL | re.MULTILINE)
    here = {
        ".secrets": f"{stack.folder}/.secrets",
        "http://localhost:9000/": f"{stack.url['auth-server']}/",
        "[localhost:9001]": f"[127.0.0.1:{guarded_page}]",
        "http://localhost:9001": stack.timesheets_api,
    }
    for shown, real in here.items():
        assert shown in block
        block = block.replace(shown, real)
    (tmp_path / "prometheus.yml").write_text("global: {scrape_interval: 1s, scrape_timeout: 1s}\n" + block)
    (port,) = free_ports(1)
    command = ["prometheus", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]

    def value(series: str) -> str | None:
        try:
            answer = requests.get(f"http://127.0.0.1:{port}/api/v1/query", {"query": series}, timeout=5)
        except requests.ConnectionError:
            return None
        found = answer.json()["data"]["result"] if answer.ok else None  # not ready: 503
        return str(found[0]["value"][1]) if found else None

    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield value
        finally:
            process.terminate()


def test_prometheus_scrapes_a_guarded_page(query: Callable[[str], str | None]) -> None:
    assert eventually(lambda: query("guarded_page"), "Prometheus has scraped the page") == "42"
