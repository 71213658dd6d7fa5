/** Tests of the plugin, without WebAssembly. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Kit, LogRecord, Span, logs, traces } from '@spanmill/sdk/testing';

import { DropByHeader } from './drop_by_header.js';

const HEADER = 'http.request.header.x-synthetic-test';

test('spans with one of the values are dropped, in a list or as a text', () => {
  const spans = traces([
    new Span('list', { [HEADER]: ['true'] }),
    new Span('same list', { [HEADER]: ['true'] }),
    new Span('text', { [HEADER]: 'true' }),
    new Span('one of many', { [HEADER]: ['no', 'true'] }),
    new Span('another value', { [HEADER]: ['false'] }),
    new Span('empty list', { [HEADER]: [] }),
    new Span('a number', { [HEADER]: 1n }),
    new Span('a list of numbers', { [HEADER]: [1n, true, ['true']] }),
    new Span('no header'),
  ]);
  assert.deepEqual(new Kit(DropByHeader, { drop: { [HEADER]: ['true', '1'] } }).run(spans).names, [
    'another value',
    'empty list',
    'a number',
    'a list of numbers',
    'no header',
  ]);
});

test('any of the attributes is enough', () => {
  const spans = traces([
    new Span('header', { [HEADER]: ['true'] }),
    new Span('agent', { 'user_agent.original': 'GoogleHC/1.0' }),
    new Span('neither', { [HEADER]: 'GoogleHC/1.0', 'user_agent.original': 'true' }),
  ]);
  const kit = new Kit(DropByHeader, { drop: { [HEADER]: ['true'], 'user_agent.original': ['GoogleHC/1.0'] } });
  assert.deepEqual(kit.run(spans).names, ['neither']);
});

test('log records are dropped as spans are', () => {
  const records = logs([new LogRecord('probe', { [HEADER]: ['true'] }), new LogRecord('order')]);
  assert.deepEqual(new Kit(DropByHeader, { drop: { [HEADER]: ['true'] } }).run(records).bodies, ['order']);
});

test('every mistake in the settings is told', () => {
  /** @param {unknown} settings @param {string} message */
  const refused = (settings, message) => assert.throws(() => new Kit(DropByHeader, settings), { message });
  refused({}, '`drop` is missing');
  refused({ drop: {} }, '/drop: must name an attribute');
  refused(
    { drop: { 'user_agent.original': 'GoogleHC/1.0', [HEADER]: [1, 'x'] } },
    `/drop/user_agent.original: must be a list; /drop/${HEADER}/0: must be a text`,
  );
  refused({ drop: { a: [] } }, '/drop/a: must have a value; take the attribute out if none is to be dropped');
  refused({ drops: { a: ['b'] } }, '/drops: unknown key; did you mean `drop`?; `drop` is missing');
});
