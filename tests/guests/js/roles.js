/** A plugin with every role and every optional interface; `tests/languages.rs` runs it in all of them. */

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

/** Of the state: two words of id, 32 bits of count, two bytes of flags, and two of padding. The guests in other languages take it over. */
const TRACE_BYTES = 24;

/** Holds the spans of every other trace until there are two of one, and writes a bit of everything. */
class Keep {
  static settings = Settings;
  /** Of each trace of which spans were held: how many there were, and whether some are held and were shown again. */
  traces = new Map();

  constructor(contract) {
    contract.shard(Sharding.BY_TRACE);
    this.id = contract.readTraceId('span.trace_id');
    this.all = contract.readAttributes(Context.SPAN);
    this.name = contract.write('span.name');
    this.writeAll = contract.writeAttributes(Context.SPAN);
  }

  static configure(_, contract) {
    return new Keep(contract);
  }

  ids(batch) {
    const words = batch.traceIds(this.id);
    return Array.from({ length: words.length / 2 }, (_, row) => (words[2 * row] << 64n) | words[2 * row + 1]);
  }

  trace(id) {
    let trace = this.traces.get(id);
    if (trace === undefined) this.traces.set(id, (trace = { seen: 0, isHeld: false, isShown: false }));
    return trace;
  }

  process(batch, outcome) {
    const lists = batch.attributes(this.all);
    this.ids(batch).forEach((id, row) => {
      if (row % 3 === 1) outcome.set(this.name, row, 'é');
      // Not of all rows: an interpreter would take long.
      const end = row < 200 ? lists.end(row) : 0;
      for (let entry = lists.start(row); entry < end; entry++) {
        if (entry % 50 === 1) outcome.setEntry(this.writeAll, entry, [1n, 'a', { b: 2.5 }]);
        else if (row % 2 === 1) outcome.setEntry(this.writeAll, entry, 'x');
        else outcome.removeEntry(this.writeAll, entry);
      }
      if (id === 0n || id % 2n === 1n) return;
      const trace = this.trace(id);
      trace.seen += 1;
      trace.isHeld = true;
      outcome.append(this.writeAll, row, 'spans.seen', BigInt(trace.seen));
      outcome.holdRow(Context.SPAN, row);
    });
  }

  tick(_now, ending, decisions) {
    for (const [id, trace] of this.traces) {
      if (!trace.isHeld) continue;
      if (trace.isShown || ending) {
        if (id % 4n === 0n) decisions.release(id);
        else decisions.drop(id);
        trace.isHeld = trace.isShown = false;
      } else if (trace.seen > 1) decisions.review(id);
    }
  }

  review(batch) {
    for (const id of this.ids(batch)) Object.assign(this.trace(id), { isHeld: true, isShown: true });
  }

  snapshot() {
    const data = new DataView(new ArrayBuffer(this.traces.size * TRACE_BYTES));
    let at = 0;
    for (const [id, { seen, isHeld, isShown }] of this.traces) {
      data.setBigUint64(at, id >> 64n, true);
      data.setBigUint64(at + 8, id, true);
      data.setUint32(at + 16, seen, true);
      data.setUint8(at + 20, Number(isHeld));
      data.setUint8(at + 21, Number(isShown));
      at += TRACE_BYTES;
    }
    return new Uint8Array(data.buffer);
  }

  restore(format, data) {
    if (format !== 1) throw new UnknownFormat();
    if (data.length % TRACE_BYTES !== 0) throw new BadState('not a whole number of traces');
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    this.traces = new Map();
    for (let at = 0; at < data.length; at += TRACE_BYTES) {
      const trace = this.trace((view.getBigUint64(at, true) << 64n) | view.getBigUint64(at + 8, true));
      trace.seen = view.getUint32(at + 16, true);
      trace.isHeld = view.getUint8(at + 20) === 1;
      trace.isShown = view.getUint8(at + 21) === 1;
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

/** Makes a log record of each of the first spans of a resource. */
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
    const made = new Uint32Array(batch.rows(Context.RESOURCE));
    for (const { resource, row } of rows.sort((one, next) => one.resource - next.resource)) {
      if (made[resource]++ >= 10) continue;
      records.add(resource);
      records.set(this.body, names.cell(row));
      for (const [field, value] of this.fields) records.set(field, value);
      records.entry(this.all, 'row', BigInt(row));
    }
  }
}

/** Sends resources to the pipelines in turn. */
class Sides {
  static settings = Settings;

  static configure(_, pipelines) {
    const plugin = new Sides();
    plugin.pipelines = pipelines.names.map((name) => pipelines.find(name));
    return plugin;
  }

  process(_, routes) {
    routes.sendEach(Context.RESOURCE, (row) => this.pipelines[row % this.pipelines.length]);
  }
}

export const processor = exportProcessor(Keep);
export const connector = exportConnector(Count);
export const recordConnector = exportRecordConnector(Records);
export const router = exportRouter(Sides);
export const state = exportState(1);
export const ticker = exportTicker();
export const about = exportAbout({ name: 'roles', version: '0.1.0', summary: 'Has every role', settings: Settings });
