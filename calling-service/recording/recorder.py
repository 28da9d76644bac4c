"""Captures exchanges in the HTTP adapter, below authentication and redirects, so that it misses none.

A `recording` block receives the exchanges of its thread; outside of one, requests are sent and not captured.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from recording.capture import capture
from recording.exchange import Exchange, Step

Label = Callable[[requests.PreparedRequest, requests.Response | None], tuple[Step, ...]]
Keep = Callable[[Exchange], None]
Headers = Callable[[], Mapping[str, str]]

_current: ContextVar[tuple[Keep, Headers] | None] = ContextVar("recording", default=None)


@contextmanager
def recording(keep: Keep, headers: Headers = dict) -> Iterator[None]:
    """Pass every exchange of this thread within the block to `keep`, and add `headers()` to each request."""
    before = _current.set((keep, headers))
    try:
        yield
    finally:
        _current.reset(before)


class RecordingAdapter(HTTPAdapter):
    """An adapter that captures each exchange, failed ones too.

    When it repeats a request itself, it captures the last attempt, with the results of those before.
    """

    def __init__(
        self, sender: str, receiver: str, label: Label, retry: Retry, ca_file: Path | None = None
    ) -> None:
        super().__init__(pool_maxsize=16, max_retries=retry)
        self._ca_file = ca_file
        self._sender = sender
        self._receiver = receiver
        self._label = label

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send the request; raise what requests raises."""
        if self._ca_file:  # here, since requests prefers the bundle of REQUESTS_CA_BUNDLE to the session's
            options["verify"] = str(self._ca_file)
        current = _current.get()
        if current is None:
            return super().send(request, *args, **options)
        keep, headers = current
        request.headers.update(headers())
        started_at = datetime.now(UTC)
        start = time.perf_counter()
        response = None
        failure = None
        try:
            response = super().send(request, *args, **options)
            response.content  # noqa: B018  # read it here, so that a lost connection is part of the exchange
        except requests.RequestException as error:
            response = None
            failure = type(error).__name__
            raise
        finally:
            exchange = capture(
                steps=self._label(request, response),
                sender=self._sender,
                receiver=self._receiver,
                request=request,
                response=response,
                failure=failure,
                failed_before=_failed_before(response),
                started_at=started_at,
                elapsed=time.perf_counter() - start,
            )
            keep(exchange)
        return response


def _failed_before(response: requests.Response | None) -> tuple[str, ...]:
    if response is None or not response.raw.retries:
        return ()
    return tuple(str(each.status or type(each.error).__name__) for each in response.raw.retries.history)


def recorded_session(
    sender: str, receiver: str, label: Label, retry: Retry, ca_file: Path | None = None
) -> requests.Session:
    """Return a session that can capture every exchange between the two; `ca_file` has the CAs to trust."""
    session = requests.Session()
    session.headers["User-Agent"] = sender.lower().replace(" ", "-")
    for scheme in ("http://", "https://"):
        session.mount(scheme, RecordingAdapter(sender, receiver, label, retry, ca_file))
    return session
