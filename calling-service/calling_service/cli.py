"""The command line: `run` imports in this process; `public-keys` prints what a server has to know of a key.

Not here: `flow` and `try`, which ask the running service and show what it did (show.py).
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click
from flow_explorer.terminal import commands as show
from flow_explorer.terminal import flow as terminal

from calling_service import logs, trace
from calling_service.import_job.dry_run import rehearse
from calling_service.import_job.job import Progress
from calling_service.oauth_client.private_key_jwt import public_jwk_set
from calling_service.runs.failures import storage_failure
from calling_service.runs.run import Run
from calling_service.service import Service, build
from calling_service.settings import Settings, SettingsError

FAILED, WITH_REJECTS, UNFINISHED = 1, 3, 4


@click.group()
def main() -> None:
    """Import exports of time entries, or have it done and see each step (the Timesheets Import Job)."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal need not know every character


@main.command()
@click.option("--resend", is_flag=True, help="Send exports again that are done already.")
@click.option("--fresh-token", is_flag=True, help="Ask for a new token, whatever is cached.")
@click.option("--dry-run", is_flag=True, help="Check the rows; send nothing, remember nothing.")
def run(*, resend: bool, fresh_token: bool, dry_run: bool) -> None:
    """Import what lies in the inbox, in this process.

    \b
    Exit status:
      0  every row is booked, or with --dry-run would be sent
      1  the run failed, or the settings cannot be used
      3  the run completed, and rows were rejected
      4  something is left to do: a file is still being written, or the run was told
         to stop (SIGTERM, SIGINT) and did so after a chunk; run again

    While another run is on, this one waits for its end.
    """  # noqa: D301  # Click takes a real backspace
    service = _service()
    if not dry_run:  # which can be interrupted anywhere
        _stop_after_a_chunk(service)
    interactive = sys.stderr.isatty()
    logs.configure("WARNING" if interactive else service.settings.log_level, sys.stderr)
    with _progress_bar(visible=interactive) as progress:
        if dry_run:
            ended = rehearse(service.settings, resend=resend, progress=progress)
        else:
            ended = _imported(service, progress, resend=resend, fresh_token=fresh_token)
    document = ended.as_json()
    show.echo(terminal.books(document, show.width(), dry_run=dry_run))
    sys.exit(_status(document))


def _stop_after_a_chunk(service: Service) -> None:
    def stop(number: int, _frame: object) -> None:
        service.runner.stopping.set()
        signal.signal(number, signal.SIG_DFL)  # a second one waits for nothing: no moment is a wrong one

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


@contextmanager
def _progress_bar(*, visible: bool) -> Iterator[Progress]:
    with click.progressbar(
        length=1, label="Importing", width=0, show_eta=False, file=sys.stderr, hidden=not visible
    ) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


def _status(document: dict[str, Any]) -> int:
    if document["state"] == "failed":
        return FAILED
    if document["state"] != "completed":
        return UNFINISHED
    if document["rejected"]:
        return WITH_REJECTS
    return UNFINISHED if any(file["state"] == "waiting" for file in document["files"]) else 0


def _imported(service: Service, progress: Progress, **options: bool) -> Run:
    try:
        run = service.runner.run_here(trace.trace_id_of(None), progress=progress, **options)
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(storage_failure(error).message) from error
    if run is None:
        sys.exit(UNFINISHED)
    return run


@main.command("public-keys")
@click.argument("key", type=click.File())
def public_keys(key: TextIO) -> None:
    """Print the JWK Set to register for the private key in a file (CLIENT_KEY_FILE), or for - in stdin."""
    try:
        click.echo(json.dumps(public_jwk_set(key.read())))
    except ValueError as error:
        raise click.ClickException(f"{key.name} holds {error}") from error


def _service() -> Service:
    try:
        return build(Settings.from_environ(os.environ))
    except SettingsError as error:
        click.echo(error, err=True)
        sys.exit(FAILED)


main.add_command(show.flow)
main.add_command(show.play)
