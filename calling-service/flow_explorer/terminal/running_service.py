"""The running service, as the commands use it: start a run there, and wait for its end."""

import time
from typing import Any

import click
import requests

from flow_explorer.recorded_run import RecordedRun

POLL = 0.2  # seconds

Document = dict[str, Any]


def ended_run(wanted: Document, options: Document) -> tuple[Document, RecordedRun]:
    """Start what is wanted; return its JSON when it has ended, and the run that this shows."""
    url = options["url"].rstrip("/")
    try:
        document = _run(wanted, url, options["timeout"])
        return document, RecordedRun.from_json(document)
    except (requests.RequestException, LookupError, TypeError, ValueError, AttributeError) as error:
        raise click.ClickException(f"{url} did not answer as the calling service does: {error}") from error


def shows_page(url: str, run_id: str) -> bool:
    """Return whether the service shows the run on a page, as it does unless EXPLAIN=0."""
    with _session() as session:
        return session.head(f"{url}/flow/{run_id}", timeout=10).ok


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy stands between this command and the service beside it
    return session


def _run(wanted: Document, url: str, timeout: float) -> Document:
    """Start what is wanted, and return the JSON of its run when it has ended."""
    with _session() as session:
        started = session.post(f"{url}/runs", json=wanted, timeout=10)
        if not started.ok:
            raise click.ClickException(f"{url} refuses: {started.json()['detail']}")
        run_url = requests.compat.urljoin(f"{url}/", started.headers.get("Location", ""))
        return _ended(session, run_url, timeout)


def _ended(session: requests.Session, run_url: str, timeout: float) -> Document:
    deadline = time.monotonic() + timeout
    while True:
        answer = session.get(run_url, timeout=10)
        answer.raise_for_status()
        document: Document = answer.json()
        if document["state"] != "running":
            return document
        if time.monotonic() > deadline:
            raise click.ClickException(f"the run {document['id']} is still running after {timeout:.0f} s")
        time.sleep(POLL)
