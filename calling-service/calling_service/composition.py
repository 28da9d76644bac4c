"""The composition root: puts the service together from its settings.

Only this module and web.py import `recording` and `flow_explorer`. Not here: the page, the gallery (web.py).
"""

import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import click
import requests
from flow_explorer.columns import echo, width
from flow_explorer.servers import Servers
from flow_explorer.terminal import commands
from flow_explorer.terminal.report import report
from recording.exchange import Exchange
from recording.recorder import recorded_session, recording
from recording.story import API, AUTHORIZATION_SERVER, JOB, of_api, of_authorization_server

from calling_service.database import prepare
from calling_service.import_job.job import ImportJob
from calling_service.import_job.timesheets_api import TimesheetsApi
from calling_service.logs import current_trace_id, tracing
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.private_key_jwt import PrivateKeyTokenSource
from calling_service.oauth_client.retry import retry_policy
from calling_service.oauth_client.token_source import TokenSource
from calling_service.runs.history import History
from calling_service.runs.run import Run
from calling_service.runs.runner import Runner
from calling_service.service import JobToken, Service
from calling_service.settings import Settings
from calling_service.settings_reader import SettingsError

LOGGED = ("calling_service", "recording", "flow_explorer")  # the packages that log from LOG_LEVEL up


def build(settings: Settings) -> Service:
    """Return the service, nothing started; raise SettingsError if its database cannot be used."""
    try:
        prepare(settings.state_dir)
    except (OSError, sqlite3.Error) as error:
        problem = f"STATE_DIR: import.db there cannot be used ({error}); name another folder"
        raise SettingsError((problem,)) from error
    history = History(settings.state_dir)

    @contextmanager
    def record(run: Run) -> Iterator[None]:
        def keep(exchange: Exchange) -> None:
            history.add(run.id, exchange.as_json())

        with tracing(run.trace_id), recording(keep, headers=_trace_headers):
            yield

    token_retry = retry_policy(settings.retries, connect_only=settings.private_key)
    token_session = recorded_session(JOB, AUTHORIZATION_SERVER, of_authorization_server, token_retry)
    tokens = token_source(settings, token_session, settings.timeout)
    token = JobToken(tokens, settings)

    api_session = recorded_session(JOB, API, of_api, retry_policy(settings.retries))
    api_session.auth = BearerAuth(
        tokens, api_url=settings.api_url, audience=settings.audience, scopes=settings.scopes
    )
    connections = ExitStack()
    connections.enter_context(token_session)
    connections.enter_context(api_session)
    api = TimesheetsApi(api_session, settings.api_url, settings.timeout)
    job = ImportJob(settings.inbox, settings.state_dir, api, settling=settings.settle_seconds)
    runner = Runner(settings, job, history, record, token.drop)
    return Service(settings, history, runner, token, connections)


def add_explorer_commands(group: click.Group, read_settings: Callable[[], Settings]) -> None:
    """Add the commands that ask the running service, and show what it did."""
    group.context_settings["obj"] = lambda: servers_of(read_settings())
    group.add_command(commands.flow)
    group.add_command(commands.play)


def print_report(run: Run, *, dry_run: bool) -> None:
    """Print what became of a run's files and rows, or what would."""
    echo(report(run, width(), dry_run=dry_run))


def build_or_exit(environ: Mapping[str, str], build: Callable[[Settings], Service] = build) -> Service:
    """Return the service of these environment variables; if they are unusable, print why and exit with 1."""
    try:
        return build(Settings.from_environ(environ))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # before there is a log
        sys.exit(1)


def token_source(settings: Settings, session: requests.Session, timeout: tuple[float, float]) -> TokenSource:
    """Return a source of tokens for the client of the settings."""
    kind = PrivateKeyTokenSource if settings.private_key else TokenSource
    return kind(
        issuer=settings.issuer,
        client_id=settings.client_id,
        secret_file=settings.credential_file,
        token_url=settings.token_url,
        audience_parameter=settings.audience_parameter,
        session=session,
        timeout=timeout,
    )


def _trace_headers() -> dict[str, str]:
    """Return the header that passes the trace on to a server (W3C Trace Context, level 1)."""
    return {"traceparent": f"00-{current_trace_id.get()}-{secrets.token_hex(8)}-01"}


def servers_of(settings: Settings) -> Servers:
    """Return the two servers as the explorer needs to know them."""
    return Servers(
        issuer=settings.issuer,
        issuer_url=settings.issuer_url,
        api_url=settings.api_url,
        audience=settings.audience,
        credentials=settings.credential_file.parent,
        timeout=settings.timeout,
    )
