/** Tests of the plugin, without WebAssembly. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RouteCalls } from './route_calls.ts';
import { ConnectorKit, Span, traces } from './spanmill_sdk/testing/index.js';

test('calls are counted by route', () => {
  const kit = new ConnectorKit(RouteCalls, {});
  const cart = { 'http.route': '/cart' };
  const spans = traces(
    [
      new Span('a', cart, {
        kind: 2,
        start_time_unix_nano: 1_000_000n,
        end_time_unix_nano: 13_000_000n,
      }),
      new Span('b', cart, {
        kind: 2,
        start_time_unix_nano: 2_000_000n,
        end_time_unix_nano: 1_000_000n,
      }),
      new Span('c', { 'http.route': 7n }, { kind: 9, status_code: 2 }),
    ],
    { 'service.name': 'shop' },
  );
  kit.run(spans);
  kit.run(spans);
  const [first, second] = kit.metric('route.calls');
  assert.deepEqual([first.count, first.resource], [4, { 'service.name': 'shop' }]);
  assert.deepEqual(first.attributes, {
    'http.route': '/cart',
    'span.kind': 'SPAN_KIND_SERVER',
    'status.code': 'STATUS_CODE_UNSET',
  });
  assert.deepEqual(second.attributes, {
    'span.kind': 'SPAN_KIND_UNSPECIFIED',
    'status.code': 'STATUS_CODE_ERROR',
  });
  assert.deepEqual(kit.metric('route.duration')[0].values, [12, 0, 12, 0]);
  assert.equal(kit.series.length, 2);
});

test('resources are told apart by kind', () => {
  const kit = new ConnectorKit(RouteCalls, {});
  kit.run(traces([new Span('a')], { n: 1n }).with(traces([new Span('b')], { n: '1' })));
  assert.deepEqual(
    kit.metric('route.calls').map(({ resource }) => resource),
    [{ n: 1n }, { n: '1' }],
  );
});

test('buckets that do not increase are refused', () => {
  assert.throws(() => new ConnectorKit(RouteCalls, { buckets_ms: [5, 5] }), {
    message: '/buckets_ms/1: must be greater than the one before',
  });
});
