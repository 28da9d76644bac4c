"""Where exchanges are captured: in the HTTP adapter, below auth and redirects, so that nothing is missed.

A run says for its thread where they go; calls outside of a run are made all the same, and not kept.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import requests
from calling_service import trace
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from recording.capture import capture
from recording.exchange import Exchange, Step

Label = Callable[[requests.PreparedRequest, requests.Response | None], tuple[Step, ...]]
Keep = Callable[[Exchange], None]

_keep: ContextVar[Keep | None] = ContextVar("keep", default=None)


@contextmanager
def recording(keep: Keep) -> Iterator[None]:
    """Hand every exchange of this thread within the block to `keep`."""
    before = _keep.set(keep)
    try:
        yield
    finally:
        _keep.reset(before)


class RecordingAdapter(HTTPAdapter):
    """An adapter that sends the trace on (W3C Trace Context) and captures each exchange, failed ones too.

    Of a call that it repeats by itself it captures the last attempt, with what came of those before.
    """

    def __init__(self, sender: str, receiver: str, label: Label, retry: Retry) -> None:
        super().__init__(pool_maxsize=16, max_retries=retry)
        self._sender, self._receiver, self._label = sender, receiver, label

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send the request; raise what requests raises."""
        if trace_id := trace.current():
            request.headers["traceparent"] = trace.traceparent(trace_id)
        keep = _keep.get()
        if keep is None:
            return super().send(request, *args, **options)
        started_at, start = datetime.now(UTC), time.perf_counter()
        response, failure = None, None
        try:
            response = super().send(request, *args, **options)
            response.content  # noqa: B018  # read here, so that a cut connection is part of the exchange
        except requests.RequestException as error:
            response, failure = None, type(error).__name__
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
    history = response.raw.retries.history if response is not None and response.raw.retries else ()
    return tuple(str(each.status or type(each.error).__name__) for each in history)


def recorded_session(sender: str, receiver: str, label: Label, retry: Retry) -> requests.Session:
    """Return a session whose every exchange between the two is captured."""
    session = requests.Session()
    session.headers["User-Agent"] = sender.lower().replace(" ", "-")
    for scheme in ("http://", "https://"):
        session.mount(scheme, RecordingAdapter(sender, receiver, label, retry))
    return session
