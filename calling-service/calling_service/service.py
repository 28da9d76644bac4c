"""The parts of the service, put together from its settings; used by the web application and the CLI alike."""

import sqlite3
import time
from dataclasses import dataclass
from typing import Any

import requests
from flow_explorer.gallery.player import Cases
from flow_explorer.page.booked_timesheets import TIMEOUT as BOOKS_TIMEOUT
from flow_explorer.page.booked_timesheets import BooksReader
from recording.recorder import recorded_session
from recording.story import API, AUTHORIZATION_SERVER, JOB, of_api, of_authorization_server

from calling_service.database import prepare
from calling_service.import_job.job import ImportJob
from calling_service.import_job.timesheets_api import TimesheetsApi
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.private_key_jwt import PrivateKeyTokenSource
from calling_service.oauth_client.retry import patience
from calling_service.oauth_client.token_source import TokenSource
from calling_service.runs.history import History
from calling_service.runs.runner import Runner
from calling_service.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class Service:
    """What the endpoints and the CLI work with."""

    settings: Settings
    history: History
    runner: Runner
    cases: Cases
    tokens: TokenSource
    books: BooksReader
    sessions: tuple[requests.Session, ...]

    def close(self) -> None:
        """Close the connections to the other services; for tests and for whoever embeds this one."""
        for session in self.sessions:
            session.close()

    def token_facts(self) -> dict[str, Any]:
        """Return facts about the cached token, never the token; times in seconds."""
        settings = self.settings
        asked = {"issuer": settings.issuer, "client_id": settings.client_id, "audience": settings.audience}
        if (token := self.tokens.peek(settings.audience, settings.scopes)) is None:
            return {"cached": False, **asked, "scopes": sorted(settings.scopes)}
        now = time.monotonic()
        times = {"expires_in": int(token.expires_at - now), "renewed_in": max(0, int(token.renew_at - now))}
        return {"cached": True, **asked, "scopes": sorted(token.scopes), **times}


def build(settings: Settings) -> Service:
    """Return the service, nothing open or started; raise SettingsError if its database cannot be used."""
    try:
        prepare(settings.state_dir)
    except (OSError, sqlite3.Error) as error:
        raise SettingsError(
            (f"STATE_DIR: import.db there cannot be used ({error}); name another folder",)
        ) from error
    token_session = recorded_session(
        JOB,
        AUTHORIZATION_SERVER,
        of_authorization_server,
        patience(settings.retries, unless_arrived=settings.private_key),
    )
    tokens = _tokens(settings, token_session, settings.timeout)
    session = recorded_session(JOB, API, of_api, patience(settings.retries))
    session.auth = BearerAuth(
        tokens, api_url=settings.api_url, audience=settings.audience, scopes=settings.scopes
    )
    job = ImportJob(
        settings.inbox,
        settings.state_dir,
        TimesheetsApi(session, settings.api_url, settings.timeout),
        settling=settings.settle_seconds,
    )
    history = History(settings.state_dir)

    def drop_token() -> None:
        if token := tokens.peek(settings.audience, settings.scopes):
            tokens.drop(token)

    runner = Runner(settings, job, history, drop_token)
    # Its own tokens and connections: what the page reads is no part of a run, and no run waits for it.
    reading_session = requests.Session()
    books = BooksReader(
        _tokens(settings, reading_session, BOOKS_TIMEOUT), settings.api_url, settings.audience
    )
    sessions = (token_session, session, reading_session, books.session)
    return Service(settings, history, runner, Cases(settings, history), tokens, books, sessions)


def _tokens(settings: Settings, session: requests.Session, timeout: tuple[float, float]) -> TokenSource:
    return (PrivateKeyTokenSource if settings.private_key else TokenSource)(
        issuer=settings.issuer,
        client_id=settings.client_id,
        secret_file=settings.credential_file,
        token_url=settings.token_url,
        audience_parameter=settings.audience_parameter,
        session=session,
        timeout=timeout,
    )
