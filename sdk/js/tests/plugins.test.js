/** Plugins of each role, run by the test kit. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ABSENT_INDEX, Context, RecordStream, Sharding, Signal, UnknownFormat, settings } from '../src/index.js';
import {
  DataPoint,
  Event,
  Kit,
  LogRecord,
  Metric,
  RecordKit,
  RouterKit,
  Span,
  logs,
  metrics,
  traces,
} from '../src/testing/index.js';

const Nothing = settings.object({});

/** Does one edit of each kind. */
class Edits {
  static settings = Nothing;

  constructor(contract) {
    contract.take(...Object.values(Signal));
    this.name = contract.readText('span.name');
    this.kind = contract.readAttribute(Context.SPAN, 'kind');
    this.all = contract.readAttributes(Context.SPAN);
    this.event = contract.readText('spanevent.name');
    this.body = contract.readCells('log.body');
    this.value = contract.readCells('datapoint.value');
    this.writeName = contract.write('span.name');
    this.writeKind = contract.writeAttribute(Context.SPAN, 'kind');
    this.writeAll = contract.writeAttributes(Context.SPAN);
    this.writeCode = contract.write('span.status.code');
    this.counter = contract.counter('edits');
  }

  static configure(_, contract) {
    return new Edits(contract);
  }

  process(batch, outcome) {
    this.counter.add(1);
    const kinds = batch.values(this.kind);
    for (let row = 0; row < kinds.length; row++) {
      if (kinds.get(row) === 7n) {
        outcome.set(this.writeKind, row, { was: [7n, true, 1.5, null, Uint8Array.of(0)] });
      }
    }
    if (kinds.length > 0) {
      outcome.setAll(this.writeCode, 2n);
      outcome.set(this.writeCode, 0, 1n);
    }
    for (const index of batch.text(this.name).textIndices()) {
      if (index !== ABSENT_INDEX && batch.texts.get(index) === 'old') outcome.replace(this.writeName, index, 'new');
    }
    const lists = batch.attributes(this.all);
    for (let row = 0; row < batch.rows(Context.SPAN); row++) {
      for (let entry = lists.start(row); entry < lists.end(row); entry++) {
        if (lists.key(entry) === 'gone') outcome.removeEntry(this.writeAll, entry);
        else if (lists.value(entry) === 'secret') outcome.setEntry(this.writeAll, entry, '****');
      }
      outcome.append(this.writeAll, row, 'added', 3n);
    }
    const isNoise = (name) => name === 'noise';
    outcome.dropRows(Context.SPAN_EVENT, batch.text(this.event).answers(isNoise));
    const isDropped = (body) => body.startsWith('drop');
    outcome.dropRows(Context.LOG, batch.values(this.body).answers(isDropped));
    const values = batch.values(this.value);
    for (let row = 0; row < values.length; row++) {
      if (/** @type {number} */ (values.get(row)) < 0) outcome.dropRow(Context.DATA_POINT, row);
    }
  }
}

test('edits of each kind are applied', () => {
  const old = new Span('old', { kind: 7n, gone: 1n, a: 'secret' }, { events: [new Event('noise'), new Event('é')] });
  const out = new Kit(Edits, {}).run(traces([old, new Span('old', { kind: 'x' }), new Span('é')]));
  assert.deepEqual(out.names, ['new', 'new', 'é']);
  assert.deepEqual(
    out.items.map((span) => span.status_code),
    [1, 2, 2],
  );
  const was = [7n, true, 1.5, null, Uint8Array.of(0)];
  assert.deepEqual({ ...out.items[0].attributes }, { kind: { was }, a: '****', added: 3n });
  assert.deepEqual({ ...out.items[1].attributes }, { kind: 'x', added: 3n });
  assert.deepEqual(
    out.items[0].events.map((event) => event.name),
    ['é'],
  );
  assert.deepEqual([...out.counts], [['edits', 1]]);
});

test('logs and metrics come as they are', () => {
  const kit = new Kit(Edits, {});
  const records = [new LogRecord('drop me'), new LogRecord({ a: 1n }), new LogRecord(null), new LogRecord()];
  const { bodies } = kit.run(logs(records));
  assert.deepEqual([{ ...bodies[0] }, bodies[1], bodies[2]], [{ a: 1n }, null, undefined]);
  const cold = new Metric('cold', [new DataPoint(-1)]);
  const warm = new Metric('warm', [new DataPoint(-1), new DataPoint(2n)]);
  const out = kit.run(metrics([cold, warm]));
  assert.deepEqual(out.names, ['warm']);
  assert.deepEqual(
    out.items[0].points.map((point) => point.value),
    [2n],
  );
});

/** Holds every span; keeps traces of which it has seen two. */
class Keep {
  static settings = Nothing;
  seen = new Map();

  constructor(contract) {
    contract.shard(Sharding.BY_TRACE);
    this.ids = contract.readTraceId('span.trace_id');
  }

  static configure(_, contract) {
    return new Keep(contract);
  }

  process(batch, outcome) {
    this.review(batch);
    for (let row = 0; row < batch.rows(Context.SPAN); row++) outcome.holdRow(Context.SPAN, row);
  }

  review(batch) {
    const words = batch.traceIds(this.ids);
    for (let at = 0; at < words.length; at += 2) {
      const trace = (words[at] << 64n) | words[at + 1];
      this.seen.set(trace, (this.seen.get(trace) ?? 0) + 1);
    }
  }

  tick(now, ending, decisions) {
    for (const [trace, count] of this.seen) {
      if (count > 1) decisions.release(trace);
      else if (now > 10n) decisions.drop(trace);
      else decisions.review(trace);
    }
  }

  snapshot() {
    return new TextEncoder().encode([...this.seen.keys()].join());
  }

  restore(format) {
    if (format !== 1) throw new UnknownFormat();
  }
}

test('held rows are decided on', () => {
  const kit = new Kit(Keep, {});
  const big = (1n << 100n) | 5n;
  const held = [big, 2n, big].map((trace_id, at) => new Span('abc'[at], {}, { trace_id }));
  const out = kit.run(traces(held));
  assert.deepEqual([out.held, out.names], [3, []]);
  const { released, reviewed } = kit.tick(1n);
  assert.deepEqual([released.map((span) => span.name), reviewed], [['a', 'c'], 1]);
  assert.equal(kit.plugin.seen.get(2n), 2);
  assert.equal(new TextDecoder().decode(kit.plugin.snapshot()), `${big},2`);
});

/** Makes a log record of each span with an error. */
class Errors {
  static settings = Nothing;

  static configure(_, contract) {
    const records = new RecordStream(Signal.LOGS, 'errors', '1.0');
    return { plugin: new Errors(contract, records), records };
  }

  constructor(contract, stream) {
    this.name = contract.readText('span.name');
    this.code = contract.readNarrow('span.status.code');
    this.body = stream.field('log.body');
    this.time = stream.field('log.time_unix_nano');
    this.trace = stream.field('log.trace_id');
    this.text = stream.field('log.severity_text');
    this.list = stream.attributes();
  }

  process(batch, records) {
    const [names, resources] = [batch.text(this.name), batch.resources(Context.SPAN)];
    batch.narrow(this.code).forEach((code, row) => {
      if (code !== 2) return;
      records.add(resources[row]);
      records.set(this.body, names.cell(row));
      records.set(this.time, 5n);
      records.set(this.trace, (1n << 64n) | 7n);
      records.set(this.text, 'ERROR');
      records.entry(this.list, 'row', BigInt(row));
    });
  }
}

test('records are made', () => {
  const failed = { status_code: 2 };
  const first = traces([new Span('a'), new Span('b', {}, failed)], { r: 1n });
  const made = new RecordKit(Errors, {}).run(first.with(traces([new Span('c', {}, failed)])));
  assert.deepEqual(made.bodies, ['b', 'c']);
  assert.deepEqual(
    made.items.map((record) => record.attributes.row),
    [1n, 2n],
  );
  assert.deepEqual([made.items[0].trace_id, made.items[0].severity_text], [(1n << 64n) | 7n, 'ERROR']);
  assert.deepEqual(
    made.resources.map((resource) => resource.attributes.r),
    [1n, undefined],
  );
});

test('rows are routed', () => {
  const sides = {
    settings: Nothing,
    configure(_, pipelines, contract) {
      const kind = contract.readNarrow('span.kind');
      const [servers, others] = ['traces/servers', 'traces/others'].map((name) => pipelines.find(name));
      return {
        process(batch, routes) {
          const kinds = batch.narrow(kind);
          routes.sendEach(Context.SPAN, (row) => (kinds[row] === 2 ? servers : others));
        },
      };
    },
  };
  const kit = new RouterKit(sides, {}, Signal.TRACES, ['traces/servers', 'traces/others']);
  const routed = kit.run(traces([new Span('a', {}, { kind: 2 }), new Span('b', {}, { kind: 3 })]));
  assert.deepEqual(
    [...routed.values()].map((part) => part.names),
    [['a'], ['b']],
  );
});

test('rules of the contract are checked', () => {
  class Greedy extends Edits {
    static configure(_, contract) {
      return new Greedy(contract);
    }

    process(_, outcome) {
      outcome.replace(this.writeName, 0, 'x');
    }
  }
  assert.throws(
    () => new Kit(Greedy, {}).run(traces([new Span('a')])),
    /text 0 is not one that the plugin may refer to/,
  );
});
