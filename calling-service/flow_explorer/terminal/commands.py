"""The commands `flow` and `try`: have the running service run an import or a case, and show it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, TypeVar

import click
import requests
from calling_service.settings import Settings, SettingsError

from flow_explorer.exports import curl, har, mermaid
from flow_explorer.gallery import listing
from flow_explorer.gallery.case import gallery
from flow_explorer.terminal import flow as terminal

POLL = 0.2  # seconds
FAILED = 1

Document = dict[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("--url", default="http://127.0.0.1:9002", show_default=True, help="Where the service is."),
    click.option("--public-url", help="How people reach it, for the addresses printed.  [default: --url]"),
    click.option("--json", "form", flag_value="json", help="Print the run's JSON instead of the steps."),
    click.option("--har", "form", flag_value="har", help="Print an HTTP Archive (HAR 1.2) instead."),
    click.option("--mermaid", "form", flag_value="mermaid", help="Print a Mermaid sequence diagram instead."),
    click.option("--curl", "form", flag_value="curl", help="Print curl commands to send it again instead."),
    click.option("--timeout", default=120.0, show_default=True, help="Seconds to wait for the run's end."),
)


def shows_a_run(command: Command) -> Command:
    """Give a command the options of those that show a run."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@shows_a_run
def flow(**options: Any) -> None:
    """Have the running service import everything again with a fresh token, and show the steps.

    \b
    Exit status:
      0  the run completed
      1  it failed, or the service did not answer
    """  # noqa: D301  # Click takes a real backspace
    document = _run({"resend": True, "fresh_token": True}, options["url"], options["timeout"])
    _print(document, options)
    sys.exit(0 if document["state"] == "completed" else FAILED)


@click.command("try")
@click.argument("case", required=False)
@click.option("--markdown", is_flag=True, help="Print the list of cases as docs/gallery.md has it.")
@shows_a_run
def play(case: str | None, *, markdown: bool, **options: Any) -> None:
    """Have the running service play a case of the gallery, and show it; without a case, list them.

    \b
    Exit status:
      0  the case came as expected
      1  it did not, or there is none of that name, or the service did not answer
    """  # noqa: D301  # Click takes a real backspace
    if not case:
        cases = gallery().values()
        echo(listing.markdown(cases) if markdown else listing.terminal(cases, width()))
        return
    if case not in gallery():
        close = get_close_matches(case, gallery(), cutoff=0.4)
        like = f"did you mean {' or '.join(close)}? " if close else ""
        raise click.ClickException(f"there is no case {case!r}; {like}`make try` lists them all")
    document = _run({"case": case}, options["url"], options["timeout"])
    _print(document, options)
    sys.exit(0 if document["state"] == "completed" and document["case"]["as_expected"] else FAILED)


def echo(lines: Iterable[str]) -> None:
    """Print the lines, without their styles where nobody or NO_COLOR wants them."""
    for line in lines:
        click.echo(line, color=False if os.environ.get("NO_COLOR") else None)


def width() -> int:
    """Return how wide the terminal is, within what can be read."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, 40), 110)


def _print(document: Document, options: dict[str, Any]) -> None:
    match options["form"]:
        case "json":
            echo([json.dumps(document, indent=2)])
        case "har":
            echo([json.dumps(har.archive(document), indent=2)])
        case "mermaid":
            echo(mermaid.diagram(document))
        case "curl":
            public = curl.public_addresses(_settings())
            echo(curl.commands(document, public))
        case _:
            public_url = (options["public_url"] or options["url"]).rstrip("/")
            places = {"This run, drawn": "flow", "This run as JSON": "runs"}
            look_next = [(what, f"{public_url}/{path}/{document['id']}") for what, path in places.items()]
            look_next.append(("The gallery: what if?", "make try"))
            echo(terminal.flow(document, look_next, datetime.now(UTC), width()))


def _settings() -> Settings:
    try:
        return Settings.from_environ(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _run(asked: Document, url: str, timeout: float) -> Document:
    """Return the run that the service made of what was asked, when it has ended."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between this and the service beside it
            started = session.post(f"{url.rstrip('/')}/runs", json=asked, timeout=10)
            if not started.ok:
                raise click.ClickException(f"{url} does not do that: {started.json()['detail']}")
            where = requests.compat.urljoin(f"{url}/", started.headers.get("Location", ""))
            return _ended(session, where, timeout)
    except (requests.RequestException, LookupError, TypeError) as error:
        raise click.ClickException(f"{url} did not answer as the calling service does: {error}") from error


def _ended(session: requests.Session, where: str, timeout: float) -> Document:
    deadline = time.monotonic() + timeout
    while True:
        answer = session.get(where, timeout=10)
        answer.raise_for_status()
        document: Document = answer.json()
        if document["state"] != "running":
            return document
        if time.monotonic() > deadline:
            raise click.ClickException(f"the run {document['id']} is still on after {timeout:.0f} s")
        time.sleep(POLL)
