/** Parts of the SDK by themselves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  closest,
  decodeArray,
  decodeMap,
  encodeArray,
  encodeMap,
  milliseconds,
  settings,
  spread,
} from '../src/index.js';
import { distinct, occurs } from '../src/columns.js';
import { leanGlue } from '../src/glue.mjs';
import { parseSettings } from '../src/settings.js';
import { withRelativeSdk } from '../src/specifiers.mjs';

const Outer = settings.object({
  names: settings.list(settings.text(), (names, path, problems) => {
    if (names.length === 0) problems.push(path, 'must not be empty');
  }),
  inner: settings.optional(
    settings.object({
      level: settings.oneOf('low', 'high'),
      ratio: settings.withDefault(settings.number(), 0.5),
    }),
  ),
  by_name: settings.withDefault(settings.mapping(settings.integer()), {}),
});

const mistakes = (json) => {
  try {
    parseSettings(Outer, json);
  } catch (error) {
    return error.message;
  }
  return undefined;
};

test('settings are typed', () => {
  const given = parseSettings(Outer, '{"names": ["a"], "inner": {"level": "low"}, "by_name": {"x": 3}}');
  assert.deepEqual(given, { names: ['a'], inner: { level: 'low', ratio: 0.5 }, by_name: { x: 3 } });
});

test('a mapping has any keys', () => {
  const given = parseSettings(Outer, '{"names": ["a"], "by_name": {"__proto__": 1, "constructor": 2}}');
  assert.deepEqual(Object.entries(given.by_name), [
    ['__proto__', 1],
    ['constructor', 2],
  ]);
});

test('every mistake is told with its place', () => {
  assert.equal(mistakes('{'), 'must be JSON');
  assert.equal(mistakes('null'), '`names` is missing');
  assert.equal(mistakes('{"names": []}'), '/names: must not be empty');
  assert.equal(
    mistakes('{"names": [1, true], "inner": {"levle": "hihg"}, "by_name": {"a/b": "x"}}'),
    '/names/0: must be a text; /names/1: must be a text; ' +
      '/inner/levle: unknown key; did you mean `level`?; /inner: `level` is missing; ' +
      '/by_name/a~1b: must be a whole number',
  );
  assert.equal(
    mistakes('{"names": ["a"], "inner": {"level": "hihg"}}'),
    '/inner/level: must be one of `low`, `high`; did you mean `high`?',
  );
});

test('the schema follows from the settings', () => {
  assert.deepEqual(Outer.schema.required, ['names']);
  assert.deepEqual(Outer.schema.properties.inner.properties.ratio, { type: 'number', default: 0.5 });
});

test('the closest name is found', () => {
  assert.equal(closest('endpont', ['timeout', 'endpoint']), 'endpoint');
  assert.equal(closest('xyz', ['timeout']), undefined);
});

test('spread looks every index up, and occurs and distinct find them', () => {
  for (const size of [0, 3, 16, 17, 64, 65, 1000, 70_000]) {
    const table = Uint8Array.from({ length: size }, (_, index) => (index * 7) % 11);
    const here = [0, 1, 2, 63, 64, 65, 999].filter((index) => index < size);
    const indices = Uint32Array.from([...here, 0xffffffff, ...here]);
    assert.deepEqual(
      spread(indices, table),
      Uint8Array.from(indices, (index) => table[index] ?? 0),
    );
    assert.deepEqual(
      [...occurs(indices, size).entries()].filter(([, is]) => is).map(([index]) => index),
      here,
    );
    assert.deepEqual(distinct(indices, size), here);
  }
});

test('columns with few texts and with many are answered alike', () => {
  for (const rows of [0, 1, 99, 100, 1000]) {
    for (const texts of [1, 7, 20, 60, 1000]) {
      const indices = Uint32Array.from({ length: rows }, (_, row) => (row % 13 ? (row * 31) % texts : 0xffffffff));
      for (const step of [1, 2, 9]) {
        const table = Uint8Array.from({ length: texts }, (_, index) => (index % step ? 0 : 1 + (index % 3)));
        const expected = Uint8Array.from(indices, (index) => table[index] ?? 0);
        assert.deepEqual(spread(indices, table), expected);
        assert.deepEqual(spread(indices, table, null), expected);
      }
    }
  }
});

test('milliseconds are rounded as BigInts would be', () => {
  const starts = BigUint64Array.of(1n, 0n, 5n, (1n << 32n) - 1n, 0n);
  const ends = BigUint64Array.of(1_500_001n, (1n << 63n) + 1n, 4n, 1n << 32n, 1_790_000_000_000_000_001n);
  const expected = [...starts].map((start, at) => (ends[at] > start ? Number(ends[at] - start) / 1e6 : 0));
  assert.deepEqual([...milliseconds(starts, ends)], expected);
});

test('nested values go there and back', () => {
  const value = { a: [1n, -2n, 1.5, true, 'é', null, Uint8Array.of(1)], b: { c: [] } };
  assert.deepEqual(decodeMap(encodeMap(value)), value);
  assert.deepEqual(decodeArray(encodeArray([value])), [value]);
  const large = Array.from({ length: 3000 }, (_, at) => ({
    text: 'x'.repeat(at % 200),
    int: BigInt(at) * -(1n << 50n),
  }));
  assert.deepEqual(decodeArray(encodeArray(large)), large);
  assert.deepEqual(encodeArray([300n, 'a']), Uint8Array.of(10, 3, 0x18, 0xac, 2, 10, 3, 10, 1, 97));
});

test('glue of another version is refused', () => {
  const head = 'let [$memory, $realloc, $dealloc] = $bindings;\ndelete globalThis.$bindings;\n';
  assert.match(leanGlue(head), /const \$refresh/);
  const others = [
    '',
    'let x;',
    `${head}const list = $memory.buffer.slice(a, b);`,
    `${head}$view.setInt32(a, b, true);`,
  ];
  for (const other of others) assert.throws(() => leanGlue(other), /install that version/);
});

test('imports of the package become relative', () => {
  const place = 'node_modules/@spanmill/sdk/src';
  assert.equal(
    withRelativeSdk("import { log } from '@spanmill/sdk';", place),
    `import { log } from './${place}/index.js';`,
  );
  assert.equal(
    withRelativeSdk('import {\n  log,\n} from "@spanmill/sdk";', place),
    `import {\n  log,\n} from "./${place}/index.js";`,
  );
  const others = "import './spanmill_sdk/index.js'; import { Kit } from '@spanmill/sdk/testing'; // '@spanmill/sdk'";
  assert.equal(withRelativeSdk(others, place), others);
});
