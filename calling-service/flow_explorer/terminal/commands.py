"""The commands `flow` and `try`: they start an import or a case in the running service, and show it."""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import click
import requests
from click import Option

from flow_explorer.columns import echo, width
from flow_explorer.formats import curl, har, mermaid
from flow_explorer.gallery import listing
from flow_explorer.gallery.case import gallery
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.servers import Servers
from flow_explorer.terminal import flow as terminal

POLL = 0.2  # seconds
FAILED = 1

Document = dict[str, Any]

OPTIONS = [
    Option(["--url"], default="http://127.0.0.1:9002", show_default=True, help="Address of the service."),
    Option(["--public-url"], help="Its address in what is printed.  [default: --url]"),
    Option(["--make"], default="make", show_default=True, help="How to call make, in what is printed."),
    Option(["--json", "form"], flag_value="json", help="Print the run's JSON instead of the steps."),
    Option(["--har", "form"], flag_value="har", help="Print an HTTP Archive (HAR 1.2) instead."),
    Option(["--mermaid", "form"], flag_value="mermaid", help="Print a Mermaid sequence diagram instead."),
    Option(["--curl", "form"], flag_value="curl", help="Print the requests as curl commands instead."),
    Option(["--timeout"], default=120.0, show_default=True, help="Seconds to wait for the run's end."),
]


@click.command(params=[*OPTIONS])
@click.pass_obj
def flow(servers: Callable[[], Servers], /, **options: Any) -> None:
    """Import everything again with a fresh token, in the running service, and show the steps.

    \b
    Exit status:
      0  the run completed
      1  the run failed, or the service did not answer
    """  # noqa: D301  # Click takes a real backspace
    recorded = _show({"resend": True, "fresh_token": True}, options, servers)
    if recorded.run.state != "completed":
        sys.exit(FAILED)


@click.command("try", params=[*OPTIONS])
@click.argument("case_id", metavar="[CASE]", required=False)
@click.option("--markdown", is_flag=True, help="Print the list of cases as in docs/gallery.md.")
@click.pass_obj
def play(servers: Callable[[], Servers], /, case_id: str | None, *, markdown: bool, **options: Any) -> None:
    """Play a case of the gallery in the running service, and show it; without CASE, list all cases.

    \b
    Exit status:
      0  the answer was as expected
      1  it was not, or there is no such case, or the service did not answer
    """  # noqa: D301  # Click takes a real backspace
    cases = gallery()
    if not case_id and markdown:
        echo(listing.markdown(cases.values()))
        return
    if not case_id:
        echo(listing.terminal(cases.values(), width()))
        return
    if case_id not in cases:
        similar = " or ".join(get_close_matches(case_id, cases, cutoff=0.4))
        message = f"there is no case {case_id!r}; "
        if similar:
            message += f"did you mean {similar}? "
        raise click.ClickException(message + "`make try` lists all cases")
    overlay = cases[case_id].overlay
    if overlay and overlay != servers().overlay:
        raise click.ClickException(f"this case needs another stack: OVERLAY={overlay} make up")
    run = _show({"case": case_id}, options, servers).run
    if run.state != "completed" or not run.case or not run.case.as_expected:
        sys.exit(FAILED)


def _show(wanted: Document, options: Document, servers: Callable[[], Servers]) -> RecordedRun:
    """Start what is wanted, print it when it has ended, and return it."""
    url = options["url"].rstrip("/")
    try:
        document = _run(wanted, url, options["timeout"])
        recorded = RecordedRun.from_json(document)
    except (requests.RequestException, LookupError, TypeError, ValueError, AttributeError) as error:
        raise click.ClickException(f"{url} did not answer as the calling service does: {error}") from error
    match options["form"]:
        case "json":
            echo([json.dumps(document, indent=2)])
        case "har":
            echo([json.dumps(har.archive(recorded), indent=2)])
        case "mermaid":
            echo(mermaid.diagram(recorded))
        case "curl":
            echo(curl.commands(recorded, servers().public_addresses()))
        case _:
            public_url = (options["public_url"] or url).rstrip("/")
            has_page = _has_page(url, recorded.run.id)
            now = datetime.now(UTC)
            echo(terminal.flow(recorded, public_url, now, width(), has_page=has_page, make=options["make"]))
    return recorded


def _has_page(url: str, run_id: str) -> bool:
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
