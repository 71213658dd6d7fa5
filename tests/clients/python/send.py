"""Sends traces with the OpenTelemetry SDK: send.py ENDPOINT TRACES [grpc|http]."""

import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Link, SpanKind, Status, StatusCode


class Checked(SpanExporter):
    """Remembers whether every export went well: the SDK itself only logs."""

    def __init__(self, exporter):
        self.exporter = exporter
        self.failed = 0

    def export(self, spans):
        result = self.exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self.failed += 1
        return result

    def shutdown(self):
        self.exporter.shutdown()

    def force_flush(self, timeout_millis=30000):
        return self.exporter.force_flush(timeout_millis)


def main():
    endpoint, traces = sys.argv[1], int(sys.argv[2])
    resource = Resource.create(
        {
            "service.name": "checkout",
            "service.version": "1.4.2",
            "deployment.environment.name": "test",
            "host.secret": "never to leave",
        }
    )
    if sys.argv[3:] == ["http"]:
        exporter = Checked(HttpSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    else:
        insecure = endpoint.startswith("http://")
        exporter = Checked(OTLPSpanExporter(endpoint=endpoint, insecure=insecure))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=64))
    tracer = provider.get_tracer("shop", "2.0", attributes={"library.level": 3})
    other = trace.SpanContext(
        trace_id=0x1234_5678_9ABC_DEF0_1122_3344_5566_7788,
        span_id=0x0102_0304_0506_0708,
        is_remote=True,
        trace_flags=trace.TraceFlags(1),
    )
    for number in range(traces):
        with tracer.start_as_current_span(
            "POST /orders",
            kind=SpanKind.SERVER,
            links=[Link(other, {"link.reason": "retry"})],
            attributes={
                "http.route": "/orders",
                "http.request.method": "POST",
                "http.response.status_code": 500 if number % 5 == 0 else 201,
                "enduser.mail": f"someone.{number}@example.com",
                "session.token": f"token-{number}",
                "cart.total": 12.5,
                "cart.empty": False,
                "cart.items": ["lamp", "desk"],
                "cart.prices": [9.5, 3.0],
                "cart.flags": [True, False],
                "text.utf8": "Grüße, 世界 🌍",
            },
        ) as server:
            server.add_event("cache.miss", {"cache.key": f"cart-{number}", "cache.size": 7})
            with tracer.start_as_current_span(
                "charge",
                kind=SpanKind.CLIENT,
                attributes={
                    "peer.service": "payments",
                    "note": f"write to accounts+{number}@example.com, please",
                },
            ) as client:
                if number % 5 == 0:
                    client.record_exception(ValueError("card refused"))
                    client.set_status(Status(StatusCode.ERROR, "card refused"))
                    server.set_status(Status(StatusCode.ERROR))
        with tracer.start_as_current_span(
            "GET /healthz", kind=SpanKind.SERVER, attributes={"http.route": "/healthz"}
        ):
            pass
    provider.shutdown()
    sys.exit(f"{exporter.failed} exports failed" if exporter.failed else 0)


main()
