"""The running service: its parts, and what it does when it starts and stops.

Not here: how the parts are put together (composition.py).
"""

import logging
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from calling_service.oauth_client.token_source import TokenSource
from calling_service.runs.history import History
from calling_service.runs.runner import Runner
from calling_service.settings import Settings

if TYPE_CHECKING:
    from flask import Flask  # which the command line need not load

log = logging.getLogger(__name__)


class Explorer(Protocol):
    """The flow explorer, as far as this service knows it."""

    def install(self, app: "Flask") -> None:
        """Add the page to the web application."""

    def play_case(self, case_id: str) -> str:
        """Play a case of the gallery in the background; return the run's id; raise UnknownCaseError."""

    def start(self) -> None:
        """Begin the work in the background; called once per process."""

    def stop(self) -> None:
        """End the work in the background."""


@dataclass(frozen=True, slots=True)
class JobToken:
    """The access token with which the job calls the API, as it is cached."""

    tokens: TokenSource
    settings: Settings

    def drop(self) -> None:
        """Drop the token, so that the next call requests a new one."""
        token = self.tokens.peek(self.settings.audience, self.settings.scopes)
        if token:
            self.tokens.drop(token)

    def facts(self) -> dict[str, Any]:
        """Return facts about the token, never the token; times in seconds."""
        settings = self.settings
        asked = {"issuer": settings.issuer, "client_id": settings.client_id, "audience": settings.audience}
        token = self.tokens.peek(settings.audience, settings.scopes)
        if token is None:
            return {"cached": False, **asked, "scopes": sorted(settings.scopes)}
        now = time.monotonic()
        times = {"expires_in": int(token.expires_at - now), "renewed_in": max(0, int(token.renew_at - now))}
        return {"cached": True, **asked, "scopes": sorted(token.scopes), **times}


@dataclass(frozen=True, slots=True)
class Service:
    """What the endpoints and the command line work with."""

    settings: Settings
    history: History
    runner: Runner
    token: JobToken
    connections: ExitStack  # to the other services
    explorer: Explorer | None = None  # None: EXPLAIN=0

    def start(self, stop: threading.Event) -> None:
        """Resume a run that died, and start the schedule if there is one; call once per process."""
        if self.explorer:
            self.explorer.start()
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
        """Finish the request in flight of a case and the chunk in flight of an import."""
        if self.explorer:
            self.explorer.stop()
        self.runner.stop()

    def close(self) -> None:
        """Close the connections to the other services; for tests and programs that embed this one."""
        self.connections.close()
