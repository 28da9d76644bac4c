"""The flow explorer as one object, which the composition root installs into the service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from calling_service.oauth_client.token_source import TokenSource
from calling_service.runs.history import History
from calling_service.runs.run import timestamp
from calling_service.runs.runner import Record, Runner
from flask import Flask
from werkzeug.exceptions import NotFound

from flow_explorer import words
from flow_explorer.gallery.player import CasePlayer
from flow_explorer.meanings import rfc_address
from flow_explorer.page import endpoints as page
from flow_explorer.page import lesson_pages, side_by_side
from flow_explorer.page.booked_timesheets import TimesheetsReader
from flow_explorer.page.not_found import not_found
from flow_explorer.servers import Servers

FILTERS = (
    words.answer,
    words.moment,
    words.duration,
    words.milliseconds,
    words.omitted_note,
    words.rounding_note,
    words.state_notes,
    rfc_address,
    timestamp,
)


@dataclass(kw_only=True, eq=False)
class Explorer:
    """The page and the gallery of one service."""

    servers: Servers
    history: History
    runner: Runner
    record: Record
    tokens: TokenSource  # of the page
    token_facts: Callable[[], dict[str, Any]]  # of the token that the job has cached

    def __post_init__(self) -> None:
        self.player = CasePlayer(self.servers, self.history, self.record)
        self.play_case = self.player.start  # this and the next are called by the service
        self.stop = self.player.stop
        self.timesheets = TimesheetsReader(self.tokens, self.servers.api_url, self.servers.audience)

    def install(self, app: Flask) -> None:
        """Add the page to the web application."""
        app.extensions["flow-explorer"] = self
        app.jinja_env.filters |= {each.__name__: each for each in FILTERS}
        app.jinja_env.trim_blocks = True
        app.jinja_env.lstrip_blocks = True
        app.register_blueprint(page.blueprint)
        app.register_blueprint(side_by_side.blueprint)
        app.register_blueprint(lesson_pages.blueprint)
        app.register_error_handler(NotFound, not_found)

    def close(self) -> None:
        """Close the connections to the other services."""
        self.tokens.session.close()
