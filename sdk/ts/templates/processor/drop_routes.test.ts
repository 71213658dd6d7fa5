/** Tests of the plugin, without WebAssembly. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DropRoutes } from './drop_routes.ts';
import { Kit, Span, traces } from './spanmill_sdk/testing/index.js';

test('spans of the routes are dropped and others stay', () => {
  const spans = traces([
    new Span('probe', { 'http.route': '/healthz' }),
    new Span('order', { 'http.route': '/orders' }),
    new Span('worker'),
  ]);
  assert.deepEqual(new Kit(DropRoutes, { routes: ['/healthz'] }).run(spans).names, ['order', 'worker']);
});

test('a route that is no text stays', () => {
  const spans = traces([new Span('odd', { 'http.route': 7n }), new Span('probe', { 'http.route': '/healthz' })]);
  assert.deepEqual(new Kit(DropRoutes, { routes: ['/healthz', '7'] }).run(spans).names, ['odd']);
});

test('every mistake in the settings is told', () => {
  assert.throws(() => new Kit(DropRoutes, { routes: ['/healthz', ''] }), {
    message: '/routes/1: must not be empty; take the line out',
  });
  assert.throws(() => new Kit(DropRoutes, { route: [] }), {
    message: '/route: unknown key; did you mean `routes`?; `routes` is missing',
  });
});
