// Sends traces with the OpenTelemetry SDK: node send.mjs ENDPOINT proto|json TRACES.

import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const [endpoint, format, traces] = process.argv.slice(2);
const Exporter = { proto: ProtoExporter, json: JsonExporter }[format];
const exporter = new Exporter({ url: endpoint });

// Remembers whether every export went well: the SDK itself only logs.
let failed = 0;
const checked = {
  export: (spans, done) =>
    exporter.export(spans, (result) => {
      if (result.code !== 0) failed += 1;
      done(result);
    }),
  forceFlush: () => exporter.forceFlush?.(),
  shutdown: () => exporter.shutdown(),
};

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({
    'service.name': 'storefront',
    'service.version': '7.0.0',
    'deployment.environment.name': 'test',
    'host.secret': 'never to leave',
  }),
  spanProcessors: [new BatchSpanProcessor(checked, { maxExportBatchSize: 64 })],
});
const tracer = provider.getTracer('pages', '0.9');
const other = {
  traceId: '123456789abcdef01122334455667788',
  spanId: '0102030405060708',
  traceFlags: 1,
};

for (let number = 0; number < Number(traces); number += 1) {
  const server = tracer.startSpan(
    'GET /products',
    {
      kind: SpanKind.SERVER,
      links: [{ context: other, attributes: { 'link.reason': 'retry' } }],
      attributes: {
        'http.route': '/products',
        'http.request.method': 'GET',
        'http.response.status_code': number % 5 === 0 ? 500 : 200,
        'enduser.mail': `someone.${number}@example.com`,
        'session.token': `token-${number}`,
        'page.score': 0.25,
        'page.cached': true,
        'page.tags': ['new', 'sale'],
        'page.sizes': [1, 2, 3],
        'text.utf8': 'Grüße, 世界 🌍',
      },
    },
    ROOT_CONTEXT,
  );
  server.addEvent('cache.miss', { 'cache.key': `page-${number}`, 'cache.size': 7 });
  const context = trace.setSpan(ROOT_CONTEXT, server);
  const client = tracer.startSpan(
    'query',
    {
      kind: SpanKind.CLIENT,
      attributes: { 'peer.service': 'catalogue', note: `write to accounts+${number}@example.com, please` },
    },
    context,
  );
  if (number % 5 === 0) {
    client.recordException(new Error('no such product'));
    client.setStatus({ code: SpanStatusCode.ERROR, message: 'no such product' });
    server.setStatus({ code: SpanStatusCode.ERROR });
  }
  client.end();
  server.end();
  tracer
    .startSpan('GET /healthz', { kind: SpanKind.SERVER, attributes: { 'http.route': '/healthz' } }, ROOT_CONTEXT)
    .end();
}
await provider.shutdown();
if (failed > 0) {
  console.error(`${failed} exports failed`);
  process.exit(1);
}
