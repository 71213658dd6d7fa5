/** Runs connectors, record connectors and routers natively. */

import assert from 'node:assert/strict';

import { ABSENT_INDEX, Batch } from '../batch.js';
import { Emission, wireStream } from '../connector.js';
import { Contract } from '../contract.js';
import { CONTEXTS, ITEMS } from '../fields.js';
import { Records } from '../records.js';
import { Pipelines, Routes } from '../router.js';
import { parseSettings } from '../settings.js';
import { Host, parsePath } from './host.js';
import { LogRecord, Resource, Scope, Span, Telemetry, rowsOf } from './items.js';

/** @import { MetricStream } from '../connector.js' */
/** @import { SignalName } from '../fields.js' */
/** @import { Connector, PluginClass, RecordConnector, Router } from '../guest.js' */
/** @import { RecordStream } from '../records.js' */
/** @import { Setting } from '../settings.js' */
/** @import { WireLists, WireRecording } from '../wire.js' */
/** @import { Pool } from './host.js' */
/** @import { Attributes } from './items.js' */

/**
 * The totals of one series of one instrument: every measurement is in `values`, the rows offered as exemplars in `exemplars`.
 * @typedef {{metric: string, resource: Attributes, attributes: Attributes, count: number, sum: number, values: number[], exemplars: number[]}} Measured
 */

/** @param {WireLists} lists @param {Pool} pool @returns {Attributes[]} */
function objects({ ends, keys, values: { kinds, bits } }, pool) {
  assert(keys.length === kinds.length && keys.length === bits.length, 'keys, kinds and bits are not of one length');
  let start = 0;
  return Array.from(ends, (end) => {
    /** @type {Attributes} */
    const found = {};
    for (; start < end; start++) {
      const key = pool.text(keys[start]);
      assert(kinds[start] !== 0, 'no entry is absent');
      assert(!Object.hasOwn(found, key), 'a key stands twice in one list');
      found[key] = pool.value(kinds[start], bits[start]);
    }
    return found;
  });
}

/** @param {unknown} value */
const asKey = (value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? [`${one}`] : one));

/** A configured connector under test. It keeps totals across batches, as the host does. */
export class ConnectorKit {
  /** @type {any} */
  plugin;
  /** What was named since the numbering last started over. @type {{resource: Attributes, attributes: Attributes}[]} */
  series = [];
  /** @type {Map<string, Measured>} */
  #totals = new Map();
  #host;

  /** Configures a connector; throws what `configure` throws. @param {PluginClass<any, {plugin: Connector, metrics: MetricStream}>} kind @param {unknown} settings */
  constructor(kind, settings) {
    this.contract = new Contract();
    const made = kind.configure(parseSettings(kind.settings, JSON.stringify(settings)), this.contract);
    this.plugin = made.plugin;
    this.stream = wireStream(made.metrics);
    assert.equal(this.contract.writes.length, 0, 'a connector writes nothing');
    assert(this.stream.flushIntervalNs > 0n, 'the flush interval is above 0');
    this.#host = new Host(this.contract);
  }

  /** Runs one batch. Throws what `process` throws. @param {Telemetry} telemetry */
  run(telemetry) {
    const [wire, pool] = this.#host.load(telemetry);
    const batch = new Batch(wire);
    const emission = new Emission(batch);
    this.plugin.process(batch, emission);
    const answer = emission.wire();
    pool.take(answer.texts);
    if (answer.restart) this.series = [];
    const attributes = objects(answer.series.attributes, pool);
    const resources = objects(answer.series.resources, pool);
    assert.equal(resources.length, attributes.length, 'a series has a resource and attributes');
    this.series.push(...resources.map((resource, at) => ({ resource, attributes: attributes[at] })));
    for (const recording of answer.recordings) this.#record(recording, batch.rows(ITEMS[telemetry.signal]));
  }

  /** @param {WireRecording} recording @param {number} rows */
  #record({ instrument, series, values, counts, rows: exemplars }, rows) {
    const declared = this.stream.instruments[instrument];
    assert(declared !== undefined, 'a recording names a declared instrument');
    for (const { length } of [values, counts, exemplars]) {
      assert(length === 0 || length === series.length, `${length} numbers for ${series.length} measurements`);
    }
    assert(exemplars.length === 0 || declared.exemplars > 0, 'rows are for exemplars only');
    series.forEach((number, place) => {
      assert(number < this.series.length, 'a series is named before it is measured');
      const value = values.length > 0 ? values[place] : 1;
      assert(Number.isFinite(value), 'a measurement is finite');
      const count = counts.length > 0 ? Number(counts[place]) : 1;
      const { resource, attributes } = this.series[number];
      const key = asKey([instrument, resource, attributes]);
      const none = { metric: declared.name, resource, attributes, count: 0, sum: 0, values: [], exemplars: [] };
      const total = this.#totals.get(key) ?? none;
      this.#totals.set(key, total);
      total.count += count;
      total.sum += value * count;
      total.values.push(value);
      if (exemplars.length > 0) {
        assert(exemplars[place] < rows, "an exemplar's row is there");
        total.exemplars.push(exemplars[place]);
      }
    });
  }

  /** The totals of one metric so far, by series, in the order they were first measured. @param {string} name */
  metric(name) {
    return [...this.#totals.values()].filter((total) => total.metric === name);
  }
}

/** A configured record connector under test. */
export class RecordKit {
  /** @type {any} */
  plugin;
  /** @type {RecordStream} */
  stream;
  #host;

  /** Configures a record connector; throws what `configure` throws. @param {PluginClass<any, {plugin: RecordConnector, records: RecordStream}>} kind @param {unknown} settings */
  constructor(kind, settings) {
    this.contract = new Contract();
    const made = kind.configure(parseSettings(kind.settings, JSON.stringify(settings)), this.contract);
    ({ plugin: this.plugin, records: this.stream } = made);
    this.#host = new Host(this.contract);
  }

  /** Runs one batch, and returns the records made of it. Throws what `process` throws. @param {Telemetry} telemetry */
  run(telemetry) {
    const [wire, pool] = this.#host.load(telemetry);
    const batch = new Batch(wire);
    const records = new Records(batch, this.stream);
    this.plugin.process(batch, records);
    const { texts, rows, resources, columns } = records.wire();
    pool.take(texts);
    assert.equal(resources.length, rows, 'each record has a resource');
    const { signal, scopeName, scopeVersion } = this.stream;
    const made = Array.from(resources, () => (signal === 'logs' ? new LogRecord() : new Span('')));
    if (rows > 0) [...this.stream.fields.keys()].forEach((path, at) => fill(made, path, columns[at].val, pool));
    const found = new Telemetry(signal);
    const known = rowsOf(telemetry).get('resource')?.nodes ?? [];
    resources.forEach((row, at) => {
      assert(at === 0 || resources[at - 1] <= row, 'the rows of resources never decrease');
      if (at === 0 || resources[at - 1] !== row) {
        const scope = new Scope([], { name: scopeName, version: scopeVersion });
        found.resources.push(Object.assign(new Resource([]), known[row], { scopes: [scope] }));
      }
      found.resources[found.resources.length - 1].scopes[0].items.push(made[at]);
    });
    return found;
  }
}

/** @param {any[]} made @param {string} text @param {any} column @param {Pool} pool */
function fill(made, text, column, pool) {
  const { kind, name } = parsePath(text);
  if (kind === 'attributes') {
    objects(column, pool).forEach((attributes, at) => Object.assign(made[at].attributes, attributes));
    return;
  }
  made.forEach((record, at) => {
    if (kind === 'attribute' || kind === 'cells') {
      const value = pool.value(column.kinds[at], column.bits[at]);
      if (kind === 'cells') record[name] = value;
      else if (value !== undefined) record.attributes[name] = value;
    } else if (kind === 'text') record[name] = column[at] === ABSENT_INDEX ? '' : pool.text(column[at]);
    else if (kind === 'trace-id') record[name] = (column[2 * at] << 64n) | column[2 * at + 1];
    else record[name] = column[at];
  });
}

/** A configured router under test. */
export class RouterKit {
  /** @type {any} */
  plugin;
  #host;

  /**
   * Configures a router that may send to pipelines of a signal; throws what `configure` throws.
   * @param {{settings: Setting<any>, configure(settings: any, pipelines: Pipelines, contract: Contract): Router}} kind
   * @param {unknown} settings @param {SignalName} signal @param {string[]} pipelines
   */
  constructor(kind, settings, signal, pipelines) {
    this.contract = new Contract(signal);
    this.pipelines = pipelines;
    const given = parseSettings(kind.settings, JSON.stringify(settings));
    this.plugin = kind.configure(given, new Pipelines(signal, pipelines), this.contract);
    this.#host = new Host(this.contract);
  }

  /** Runs one batch; what each pipeline got. Throws what `process` throws. @param {Telemetry} telemetry @returns {Map<string, Telemetry>} */
  run(telemetry) {
    const batch = new Batch(this.#host.load(telemetry)[0]);
    const routes = new Routes(batch);
    this.plugin.process(batch, routes);
    const { context, pipelines: sets } = routes.wire();
    assert(CONTEXTS[telemetry.signal].includes(context), "what is routed is of the batch's signal");
    assert(sets.length === 1 || sets.length === batch.rows(context), `${sets.length} sets for another number of rows`);
    assert(!sets.some((set) => set >> BigInt(this.pipelines.length) !== 0n), 'a bit stands for no pipeline');
    return new Map(
      this.pipelines.map((name, at) => {
        const part = telemetry.copy();
        const nodes = rowsOf(part).get(context)?.nodes ?? [];
        const goes = (/** @type {number} */ row) => (sets[sets.length === 1 ? 0 : row] >> BigInt(at)) & 1n;
        const gone = new Set(nodes.filter((_, row) => goes(row) === 0n));
        return [name, without(part, gone)];
      }),
    );
  }
}

/** @param {Telemetry} part @param {Set<any>} gone */
function without(part, gone) {
  const left = (/** @type {any} */ node) => !gone.has(node);
  part.resources = part.resources.filter(left);
  for (const resource of part.resources) {
    resource.scopes = resource.scopes.filter(left);
    for (const scope of resource.scopes) {
      for (const item of scope.items) {
        if (item.points?.some((/** @type {any} */ point) => gone.has(point))) item.points = item.points.filter(left);
      }
      scope.items = scope.items.filter((item) => left(item) && item.points?.length !== 0);
    }
    resource.scopes = resource.scopes.filter((scope) => scope.items.length > 0);
  }
  part.resources = part.resources.filter((resource) => resource.scopes.length > 0);
  return part;
}
