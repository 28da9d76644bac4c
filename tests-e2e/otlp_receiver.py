"""A collector of our own, for tests: takes OTLP over HTTP, and keeps every span and byte."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as a collector sees it; ids in hex, the kind as SERVER, CLIENT or INTERNAL."""

    service: str
    kind: str
    name: str
    trace_id: str
    span_id: str
    parent: str
    attributes: dict[str, str]


@dataclass
class Receiver:
    """What has arrived at this port so far."""

    port: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    received: bytes = b""

    def take(self, body: bytes) -> None:
        """Keep what one request brought."""
        self.received += body
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _attributes(of_resource.resource)["service.name"]
            for of_scope in of_resource.scope_spans:
                self.spans += [_span(service, span) for span in of_scope.spans]


def _span(service: str, span: Any) -> ReceivedSpan:
    kind = type(span).SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return ReceivedSpan(service, kind, span.name, *ids, _attributes(span))


def _attributes(of: Any) -> dict[str, str]:
    """Return the attributes of a span or a resource as text."""
    values = {each.key: each.value for each in of.attributes}
    return {key: str(getattr(value, value.WhichOneof("value"))) for key, value in values.items()}


@contextmanager
def receiving(address: str = "127.0.0.1") -> Iterator[Receiver]:
    """Receive during the block; containers reach this machine at another address than loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((address, 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
