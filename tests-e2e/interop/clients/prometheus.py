"""Run Prometheus with prometheus.yml, in a container if IN_A_CONTAINER is set.

A call waits for the next scrape.
"""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests

CONFIGURATION = Path(__file__).with_name("prometheus.yml")
CONTAINER = ["sh", str(Path(__file__).with_name("prometheus_container.sh"))]
INSTALLED = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
SECRET = Path(os.environ["CLIENT_SECRET_FILE"])
GLOBAL = "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\n"
STATUS = "server returned HTTP status "
NO_METRICS = "INVALID"  # what the parser of metrics says of JSON: the API answered 200
TOO_LATE = "context deadline exceeded"  # of a busy machine, or because the play takes its time
running = []


def new_client():
    """Stop the last Prometheus; the next call starts one, which has no token."""
    while running:
        running[0].terminate()
        running.pop().wait()
    return {}


atexit.register(new_client)


def call(prometheus):
    if not prometheus:
        prometheus["url"] = start()
    error = next_scrape(prometheus["url"])
    if TOO_LATE in error:
        error = next_scrape(prometheus["url"])
    if error.startswith(STATUS):
        return int(error.removeprefix(STATUS)[:3])
    if error and NO_METRICS not in error:
        raise RuntimeError(error)
    return 200


def next_scrape(url):
    now = datetime.now(UTC)
    while True:
        time.sleep(0.02)
        target = last_scrape(url)
        if target and begun(target) > now:
            return target["lastError"]


def start():
    folder = tempfile.mkdtemp(dir=SECRET.parent)
    shutil.copy(SECRET, folder)
    Path(folder, "prometheus.yml").write_text(GLOBAL + configuration(folder))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = CONTAINER if "IN_A_CONTAINER" in os.environ else INSTALLED
    running.append(
        subprocess.Popen(
            [*command, f"--web.listen-address={address}"],
            cwd=folder,
            env={**os.environ, "FOLDER": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    return f"http://{address}/api/v1/targets"


def configuration(folder):
    api = urlsplit(os.environ["API_URL"])
    here = {
        "[localhost:9001]": f"[{api.netloc}]",
        "http://localhost:9001": os.environ["AUDIENCE"],
        "http://localhost:9000/oauth/token": os.environ["TOKEN_URL"],
        ".secrets/calling-service/payroll-report": f"{folder}/{SECRET.name}",
        "client_id: payroll-report": f"client_id: {os.environ['CLIENT_ID']}",
    }
    text = CONFIGURATION.read_text()
    for shown, real in here.items():
        assert shown in text
        text = text.replace(shown, real)
    return text


def last_scrape(url):
    try:
        answer = requests.get(url, timeout=5)
    except requests.ConnectionError:  # it is starting
        return None
    targets = answer.json()["data"]["activeTargets"] if answer.ok else []
    return targets[0] if targets else None


def begun(target):
    return datetime.fromisoformat(target["lastScrape"])
