"""Spans for a collector, by OTLP over HTTP. They get the ids that the services' logs and headers have.

Ended spans wait in a queue of bounded length, which one thread sends: no request waits for a collector, and
while it is away the oldest spans are dropped. The SDK reads its own settings, the variables OTEL_….
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Thread, local

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from telemetry.harmless import harmless

LAST_WORDS = 2  # seconds for what is in the queue when a worker ends


@dataclass(frozen=True, slots=True)
class SpanId:
    """The ids of a span in lower-case hex (W3C Trace Context), and whether the trace is to be recorded."""

    trace_id: str
    span_id: str
    parent: str = ""
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """Return the header of what this span calls."""
        return f"00-{self.trace_id}-{self.span_id}-0{int(self.sampled)}"


class _GivenIds(IdGenerator):
    """Gives the next span of this thread the ids that were set for it."""

    def __init__(self) -> None:
        self.given = local()

    def generate_span_id(self) -> int:
        return int(self.given.span.span_id, 16)

    def generate_trace_id(self) -> int:
        return int(self.given.span.trace_id, 16)


class Spans:
    """Sends the spans of one worker."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        self._ids = _GivenIds()
        self._provider = TracerProvider(id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("telemetry")

    @harmless
    def add(
        self,
        kind: str,
        name: str,
        span_id: SpanId,
        *,
        began: int,
        ended: int,
        attributes: Mapping[str, str | int],
        failed: bool = False,
    ) -> None:
        """Add a span that has ended; `kind` is server, client or internal, times are in ns of Unix time."""
        self._ids.given.span = span_id
        span = self._tracer.start_span(
            name, _parent_of(span_id), SpanKind[kind.upper()], attributes, start_time=began
        )
        if failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def close(self) -> None:
        """Send what is in the queue, within LAST_WORDS seconds."""
        closing = Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(LAST_WORDS)


def _parent_of(span: SpanId) -> Context:
    if not span.parent:
        return Context()
    sampled = TraceFlags.SAMPLED if span.sampled else TraceFlags.DEFAULT
    flags = TraceFlags(sampled)
    parent = SpanContext(int(span.trace_id, 16), int(span.parent, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(parent), Context())
