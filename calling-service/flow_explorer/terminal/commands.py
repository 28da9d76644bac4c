"""The commands `flow` and `try`: they start an import or a case in the running service, and show it."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

import click
from calling_service.runs.run import Run
from click import Option

from flow_explorer.columns import echo, width
from flow_explorer.formats import curl, har, mermaid
from flow_explorer.gallery import listing
from flow_explorer.gallery.case import gallery
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.servers import Servers
from flow_explorer.terminal import flow as terminal
from flow_explorer.terminal.running_service import Document, ended_run, shows_page
from flow_explorer.terminal.side_by_side import side_by_side

FAILED = 1

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
@click.option("--against", metavar="CASE", help="Play this case too, and show what differs.")
@click.option("--markdown", is_flag=True, help="Print the list of cases as in docs/gallery.md.")
@click.pass_obj
def play(
    servers: Callable[[], Servers],
    /,
    case_id: str | None,
    *,
    against: str | None,
    markdown: bool,
    **options: Any,
) -> None:
    """Play a case of the gallery in the running service, and show it; without CASE, list all cases.

    \b
    Exit status:
      0  the answer was as expected
      1  it was not, or there is no such case, or the service did not answer
    """  # noqa: D301  # Click takes a real backspace
    if against and not case_id:
        raise click.ClickException("name two cases: make try CASE=cached-token AGAINST=tampered-payload")
    if not case_id:
        _list_cases(markdown=markdown)
        return
    wanted = [name for name in (case_id, against) if name]
    for name in wanted:
        _require_case(name, servers)
    if against:
        runs = [ended_run({"case": name}, options)[1] for name in wanted]
        echo(side_by_side(runs[0], runs[1], width()))
    else:
        runs = [_show({"case": case_id}, options, servers)]
    if not all(_was_as_expected(recorded.run) for recorded in runs):
        sys.exit(FAILED)


def _list_cases(*, markdown: bool) -> None:
    cases = gallery().values()
    if markdown:
        echo(listing.markdown(cases))
    else:
        echo(listing.terminal(cases, width()))


def _require_case(name: str, servers: Callable[[], Servers]) -> None:
    """Raise ClickException unless the gallery has this case, and this stack can play it."""
    cases = gallery()
    if name not in cases:
        similar = " or ".join(get_close_matches(name, cases, cutoff=0.4))
        message = f"there is no case {name!r}; "
        if similar:
            message += f"did you mean {similar}? "
        raise click.ClickException(message + "`make try` lists all cases")
    overlay = cases[name].overlay
    if overlay and overlay != servers().overlay:
        raise click.ClickException(f"this case needs another stack: OVERLAY={overlay} make up")


def _was_as_expected(run: Run) -> bool:
    return run.state == "completed" and run.case is not None and bool(run.case.as_expected)


def _show(wanted: Document, options: Document, servers: Callable[[], Servers]) -> RecordedRun:
    """Start what is wanted, print it when it has ended, and return it."""
    url = options["url"].rstrip("/")
    document, recorded = ended_run(wanted, options)
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
            has_page = shows_page(url, recorded.run.id)
            now = datetime.now(UTC)
            echo(terminal.flow(recorded, public_url, now, width(), has_page=has_page, make=options["make"]))
    return recorded
