#!/bin/sh
# opentelemetry-sdk 1.45.2 (Python): BatchSpanProcessor ignores the time-outs of force_flush and of an export.
#
# `force_flush(timeout_millis)` and `export_timeout_millis` (OTEL_BSP_EXPORT_TIMEOUT) are documented as limits, so a worker that
# is told to stop would call force_flush(500) and expect to be gone half a second later. It waits as long as the exporter does:
# with OTLP over HTTP and a collector that hangs, 10 s for each batch. Only shutdown() has a limit, 30 s, which is no parameter.
# Call shutdown() in a daemon thread, and join that for as long as you want to wait.
#
# Seen on CPython 3.11 with opentelemetry-sdk 1.45.2, and an exporter that takes 3 s:
#   force_flush(timeout_millis=500): True after 3 s
#   with export_timeout_millis=500: True after 3 s
#   shutdown in a thread, joined for 0.5 s: after 0.5 s
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-sdk==1.45.2 opentelemetry-api==1.45.2
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/seen"
import os
import threading
import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class Slow(SpanExporter):
    def export(self, _spans):
        time.sleep(3)
        return SpanExportResult.SUCCESS


def with_a_span(**settings):
    processor = BatchSpanProcessor(Slow(), **settings)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("finding").start_span("a span").end()
    return processor


def show(name, processor):
    began = time.monotonic()
    answer = processor.force_flush(timeout_millis=500)
    print(f"{name}: {answer} after {time.monotonic() - began:.0f} s")


show("force_flush(timeout_millis=500)", with_a_span())
show("with export_timeout_millis=500", with_a_span(export_timeout_millis=500))
closing = threading.Thread(target=with_a_span().shutdown, daemon=True)
began = time.monotonic()
closing.start()
closing.join(0.5)
print(f"shutdown in a thread, joined for 0.5 s: after {time.monotonic() - began:.1f} s", flush=True)
os._exit(0)
PYTHON
diff - "$folder/seen" <<'SEEN'
force_flush(timeout_millis=500): True after 3 s
with export_timeout_millis=500: True after 3 s
shutdown in a thread, joined for 0.5 s: after 0.5 s
SEEN
