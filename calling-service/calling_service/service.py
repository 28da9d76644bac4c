"""The service, put together from its settings: its parts, and what it does when it starts and stops.

This module alone imports `recording`. Not here: the flow explorer, which web.py and cli.py install.
"""

import logging
import secrets
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from flow_explorer.servers import Servers
from recording.exchange import Exchange
from recording.recorder import recorded_session, recording
from recording.story import API, AUTHORIZATION_SERVER, JOB, of_api, of_authorization_server

from calling_service.database import prepare
from calling_service.import_job.job import ImportJob
from calling_service.import_job.timesheets_api import TimesheetsApi
from calling_service.logs import current_trace_id, tracing
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.dpop_auth import FreshProofs, auth_for
from calling_service.oauth_client.private_key_jwt import PrivateKeyTokenSource
from calling_service.oauth_client.retry import retry_policy
from calling_service.oauth_client.tls_client_certificate import CertificateTokenSource, present
from calling_service.oauth_client.token_source import TokenSource
from calling_service.oauth_client.workload_identity import FederatedTokenSource
from calling_service.runs.history import History
from calling_service.runs.run import CASE_INTERRUPTED, Run
from calling_service.runs.runner import Runner
from calling_service.settings import Settings
from calling_service.settings_reader import SettingsError

if TYPE_CHECKING:
    from flow_explorer.explorer import Explorer  # with Flask, which the command line need not load

LOGGED = (
    "calling_service",
    "timesheet_exports",
    "recording",
    "flow_explorer",
)  # the packages that log from LOG_LEVEL up
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What the endpoints and the command line work with."""

    settings: Settings
    history: History
    runner: Runner
    tokens: TokenSource
    connections: ExitStack  # to the other services
    explorer: "Explorer | None" = None  # None: EXPLAIN=0

    def token_facts(self) -> dict[str, Any]:
        """Return facts about the cached token, never the token; times in seconds."""
        settings = self.settings
        asked = {"issuer": settings.issuer, "client_id": settings.client_id, "audience": settings.audience}
        token = self.tokens.peek(settings.audience, settings.scopes)
        if token is None:
            return {"cached": False, **asked, "scopes": sorted(settings.scopes)}
        age = token.received_at.seconds_until(self.tokens.now())
        times = {"expires_in": int(token.life - age), "renewed_in": max(0, int(token.renew_after - age))}
        return {"cached": True, **asked, "scopes": sorted(token.scopes), **times}

    def start(self, stop: threading.Event) -> None:
        """End what an earlier process left, and start the schedule if there is one; call once per process."""
        self.history.abandon(CASE_INTERRUPTED, cases=True)
        self.runner.resume()
        if self.settings.schedule_seconds:
            keep = threading.Thread(target=self.keep_schedule, args=(stop,), name="schedule", daemon=True)
            keep.start()

    def keep_schedule(self, stop: threading.Event) -> None:
        """Start a run every SCHEDULE_SECONDS, until `stop` is set."""
        while not stop.wait(self.settings.schedule_seconds):
            try:
                self.runner.start("schedule")
            except Exception:
                log.exception("scheduled run not started")

    def stop(self) -> None:
        """Let a case finish its current request, and an import its current chunk, then stop."""
        if self.explorer:
            self.explorer.stop()
        self.runner.stop()

    def close(self) -> None:
        """Close the connections to the other services; for tests and programs that embed this one."""
        self.connections.close()


def build(settings: Settings) -> Service:
    """Return the service, nothing started; raise SettingsError if its database cannot be used."""
    try:
        prepare(settings.state_dir)
    except (OSError, sqlite3.Error) as error:
        problem = f"STATE_DIR: import.db there cannot be used ({error}); name another folder"
        raise SettingsError((problem,)) from error
    tokens = _token_source(settings)
    api_session = _api_session(settings, tokens)
    connections = ExitStack()
    for session in (tokens.session, api_session):
        connections.enter_context(session)
    api = TimesheetsApi(api_session, settings.api_url, settings.timeout)
    job = ImportJob(
        settings.inbox,
        settings.state_dir,
        api.upload,
        settling=settings.settle_seconds,
        column_map=settings.column_map,
    )
    history = History(settings.state_dir)
    record = partial(_record, history)
    runner = Runner(settings, job, history, record, tokens)
    return Service(settings, history, runner, tokens, connections)


def _token_source(settings: Settings) -> TokenSource:
    """Return the source of the job's tokens, by the credential that it has."""
    key = DpopKey() if settings.dpop else None
    once = retry_policy(0)  # the source makes each try anew: an assertion and a proof count once
    session = recorded_session(JOB, AUTHORIZATION_SERVER, of_authorization_server, once, settings.ca_file)
    source: Callable[..., TokenSource] = TokenSource
    if settings.private_key:
        source = PrivateKeyTokenSource
    elif settings.assertion_type:
        source = partial(FederatedTokenSource, assertion_type=settings.assertion_type)
    elif settings.certificate_key_file:
        source = CertificateTokenSource
        present(session, settings.credential_file, settings.certificate_key_file)
    return source(
        issuer=settings.issuer,
        client_id=settings.client_id,
        secret_file=settings.credential_file,
        token_url=settings.token_url,
        audience_parameter=settings.audience_parameter,
        session=session,
        timeout=settings.timeout,
        retries=settings.retries,
        dpop=key,
    )


def _api_session(settings: Settings, tokens: TokenSource) -> requests.Session:
    """Return the session for the API, whose requests have a token."""
    retry = retry_policy(settings.retries, repeatable=True)  # an entry that comes again is booked once
    by_the_adapter = retry_policy(0) if tokens.dpop else retry
    session = recorded_session(JOB, API, of_api, by_the_adapter, settings.ca_file)
    if settings.certificate_key_file:
        present(session, settings.credential_file, settings.certificate_key_file)
    if tokens.dpop:
        for scheme, adapter in list(session.adapters.items()):
            session.mount(scheme, FreshProofs(adapter, tokens.dpop, retry))
    addresses = {"api_url": settings.api_url, "audience": settings.audience}
    session.auth = auth_for(tokens, **addresses, scopes=settings.scopes)
    return session


def build_or_exit(environ: Mapping[str, str], build: Callable[[Settings], Service] = build) -> Service:
    """Return the service of these environment variables; if they are unusable, print why and exit with 1."""
    try:
        return build(Settings.from_environ(environ))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  # before there is a log
        sys.exit(1)


def servers_of(settings: Settings) -> Servers:
    """Return the two servers of the flow, for the explorer."""
    certificate = None
    if settings.certificate_key_file:
        certificate = (settings.credential_file, settings.certificate_key_file)
    return Servers(
        issuer=settings.issuer,
        issuer_url=settings.issuer_url,
        api_url=settings.api_url,
        audience=settings.audience,
        credentials=settings.credential_file.parent,
        timeout=settings.timeout,
        ca_file=settings.ca_file,
        certificate=certificate,
        overlay=_overlay(settings),
    )


def _overlay(settings: Settings) -> str:
    if settings.dpop:
        return "dpop"
    return "mtls" if settings.certificate_key_file else ""


@contextmanager
def _record(history: History, run: Run) -> Iterator[None]:
    def keep(exchange: Exchange) -> None:
        history.add(run.id, exchange.as_json())

    with tracing(run.trace_id), recording(keep, headers=_trace_headers):
        yield


def _trace_headers() -> dict[str, str]:
    """Return the header that passes the trace on to a server (W3C Trace Context, level 1)."""
    return {"traceparent": f"00-{current_trace_id.get()}-{secrets.token_hex(8)}-01"}
