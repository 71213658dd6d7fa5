/** A plugin with every role and every optional interface, for the conformance test. */

import {
  ABSENT_INDEX,
  BadState,
  Context,
  RecordStream,
  SeriesNumbers,
  Sharding,
  Signal,
  UnknownFormat,
  exportAbout,
  exportConnector,
  exportProcessor,
  exportRecordConnector,
  exportRouter,
  exportState,
  exportTicker,
  settings,
} from './spanmill_sdk/index.js';

const Settings = settings.object({});

/** Holds spans of traces until it has seen ten of them, and writes a bit of everything. */
class Keep {
  static settings = Settings;
  seen = new Map();

  constructor(contract) {
    contract.shard(Sharding.WHOLE);
    this.ids = contract.readTraceId('span.trace_id');
    this.all = contract.readAttributes(Context.SPAN);
    this.name = contract.write('span.name');
    this.writeAll = contract.writeAttributes(Context.SPAN);
  }

  static configure(_, contract) {
    return new Keep(contract);
  }

  traces(batch) {
    const words = batch.traceIds(this.ids);
    return Array.from({ length: words.length / 2 }, (_, row) => (words[2 * row] << 64n) | words[2 * row + 1]);
  }

  process(batch, outcome) {
    const lists = batch.attributes(this.all);
    this.traces(batch).forEach((trace, row) => {
      if (trace !== 0n && row % 3 === 0) {
        this.seen.set(trace, (this.seen.get(trace) ?? 0) + 1);
        outcome.holdRow(Context.SPAN, row);
      } else if (row % 3 === 1) outcome.set(this.name, row, 'é');
      for (let entry = lists.start(row); entry < lists.end(row); entry++) {
        if (entry % 50 === 1) outcome.setEntry(this.writeAll, entry, [1n, 'a', { b: 2.5 }]);
        else if (row % 2 === 1) outcome.setEntry(this.writeAll, entry, 'x');
        else outcome.removeEntry(this.writeAll, entry);
      }
    });
  }

  tick(_now, _ending, decisions) {
    const left = new Map();
    for (const [trace, count] of this.seen) {
      if (count > 1) decisions.release(trace);
      else if (trace & 1n) decisions.drop(trace);
      else {
        decisions.review(trace);
        if (count === 1) left.set(trace, 0);
      }
    }
    this.seen = left;
  }

  review(batch) {
    for (const trace of this.traces(batch)) this.seen.set(trace, (this.seen.get(trace) ?? 0) + 2);
  }

  snapshot() {
    return new TextEncoder().encode(JSON.stringify([...this.seen].map(([trace, count]) => [`${trace}`, count])));
  }

  restore(format, data) {
    if (format !== 1) throw new UnknownFormat();
    try {
      this.seen = new Map(JSON.parse(new TextDecoder().decode(data)).map(([trace, count]) => [BigInt(trace), count]));
    } catch {
      throw new BadState('no list of traces');
    }
  }
}

/** Counts spans by name. */
class Count {
  static settings = Settings;
  numbers = new SeriesNumbers();

  static configure(_, contract) {
    const plugin = new Count();
    plugin.name = contract.readText('span.name');
    const kinds = ['sum', { bounds: [1, 2] }, { maxSize: 20 }, 'up-down-sum', 'gauge'];
    const instruments = kinds.map((kind, at) => ({ name: `i${at}`, kind, exemplars: 1 }));
    return { plugin, metrics: { scope: 'roles', instruments, flushIntervalNs: 1_000_000_000n } };
  }

  process(batch, emission) {
    this.numbers.start(emission);
    const series = batch
      .text(this.name)
      .textIndices()
      .map((index) => {
        const name = index === ABSENT_INDEX ? '' : batch.texts.get(index);
        const known = this.numbers.get(name);
        if (known === undefined) {
          emission.series(
            [['r', 1n]],
            [
              ['name', name],
              ['list', [true]],
            ],
          );
        }
        return known ?? this.numbers.add(name);
      });
    const rows = series.map((_, row) => row);
    const values = new Float64Array(series.length).fill(1.5);
    const counts = new BigUint64Array(series.length).fill(2n);
    for (let instrument = 0; instrument < 5; instrument++)
      emission.record(instrument, series, { values, counts, rows });
  }
}

/** Makes a log record of each span. */
class Records {
  static settings = Settings;

  static configure(_, contract) {
    const plugin = new Records();
    const records = new RecordStream(Signal.LOGS, 'roles', '1.0');
    plugin.name = contract.readText('span.name');
    plugin.fields = [
      ['log.time_unix_nano', 5n],
      ['log.severity_number', 9],
      ['log.trace_id', (1n << 64n) | 7n],
      ['log.severity_text', 'INFO'],
    ].map(([path, value]) => [records.field(path), value]);
    plugin.body = records.field('log.body');
    plugin.all = records.attributes();
    return { plugin, records };
  }

  process(batch, records) {
    const names = batch.text(this.name);
    const rows = Array.from(batch.resources(Context.SPAN), (resource, row) => ({ resource, row }));
    for (const { resource, row } of rows.sort((one, next) => one.resource - next.resource)) {
      records.add(resource);
      records.set(this.body, names.cell(row));
      for (const [field, value] of this.fields) records.set(field, value);
      records.entry(this.all, 'row', BigInt(row));
    }
  }
}

/** Sends every second resource to the first pipeline. */
const Sides = {
  settings: Settings,
  configure: () => ({
    process: (_, routes) => routes.sendEach(Context.RESOURCE, (row) => BigInt(row % 2)),
  }),
};

export const processor = exportProcessor(Keep);
export const connector = exportConnector(Count);
export const recordConnector = exportRecordConnector(Records);
export const router = exportRouter(Sides);
export const state = exportState(1);
export const ticker = exportTicker();
export const about = exportAbout({ name: 'roles', version: '0.1.0', summary: 'Has every role', settings: Settings });
