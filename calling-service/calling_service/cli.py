"""The command line: `run` imports in this process; `public-keys` prints the JWK Set to register for a key.

Not here: `flow` and `try`, which ask the running service and show what it did (flow_explorer).
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click
from flow_explorer.columns import echo, width
from flow_explorer.terminal import commands
from flow_explorer.terminal.report import report

from calling_service.import_job.job import Progress
from calling_service.logs import configure_logs
from calling_service.oauth_client.private_key_jwt import public_jwk_set
from calling_service.runs.dry_run import dry_run as run_dry
from calling_service.runs.failures import storage_failure
from calling_service.runs.run import Run
from calling_service.service import LOGGED, Service, build_or_exit, servers_of

FAILED = 1  # statuses with which a command exits
WITH_REJECTS = 3
UNFINISHED = 4


@click.group(context_settings={"obj": lambda: servers_of(build_or_exit(os.environ).settings)})
def main() -> None:
    """Import exports of time entries, or have the running service do it and show each step."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may lack characters


@main.command()
@click.option("--resend", is_flag=True, help="Send again what is done already.")
@click.option("--fresh-token", is_flag=True, help="Request a new token, even if one is cached.")
@click.option("--dry-run", is_flag=True, help="Check the rows; send nothing, remember nothing.")
def run(*, resend: bool, fresh_token: bool, dry_run: bool) -> None:
    """Import what lies in the inbox, in this process.

    \b
    Exit status:
      0  every row is booked, or with --dry-run would be sent
      1  the run failed, or the settings cannot be used
      3  the run completed, and rows were rejected
      4  something is left to do: a file is still being written, or a signal (SIGTERM,
         SIGINT) has stopped the run after a chunk; run again

    While another run is going on, this one waits for its end.
    """  # noqa: D301  # Click takes a real backspace
    service = build_or_exit(os.environ)
    interactive = sys.stderr.isatty()
    level = "WARNING" if interactive else service.settings.log_level
    configure_logs(level, LOGGED, sys.stderr.fileno())
    with _progress_bar(visible=interactive) as progress:
        if dry_run:
            ended = run_dry(service.settings, resend=resend, progress=progress)
        else:
            _stop_after_a_chunk(service)
            ended = _imported(service, progress, resend=resend, fresh_token=fresh_token)
    echo(report(ended, width(), dry_run=dry_run))
    sys.exit(_status(ended))


def _stop_after_a_chunk(service: Service) -> None:
    def stop(number: int, _frame: object) -> None:
        service.runner.stopping.set()
        signal.signal(number, signal.SIG_DFL)  # a second one ends it at once, which is safe at any moment

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


def _status(run: Run) -> int:
    if run.state == "failed":
        return FAILED
    if run.state == "completed" and run.report.rejected:
        return WITH_REJECTS
    is_waiting = any(file.state == "waiting" for file in run.report.files)
    return UNFINISHED if is_waiting or run.state == "stopped" else 0


def _imported(service: Service, progress: Progress, **options: bool) -> Run:
    try:
        run = service.runner.run_here(progress=progress, **options)
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(storage_failure(error).message) from error
    if run is None:
        sys.exit(UNFINISHED)
    return run


@main.command("public-keys")
@click.argument("key", type=click.File(errors="replace"))
def public_keys(key: TextIO) -> None:
    """Print the JWK Set to register for the private key in a file (CLIENT_KEY_FILE), or for - in stdin."""
    try:
        keys = public_jwk_set(key.read())
        click.echo(json.dumps(keys))
    except ValueError as error:
        raise click.ClickException(f"{key.name} holds {error}") from error


main.add_command(commands.flow)
main.add_command(commands.play)
