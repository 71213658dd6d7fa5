/** What a plugin declares, and the handles that it reads and writes fields by. */

import { FIELDS, Signal, attributePath, attributesPath, contextOf } from './fields.js';
import { hostCount, hostLog } from './host.js';

/** @import { ContextName, FieldKind, ShardingName, SignalName } from './fields.js' */

/**
 * Where a declared field stands in a batch.
 * @template {string} K
 * @typedef {{readonly kind: K, readonly context: ContextName, readonly column: number}} Field
 */
/** @typedef {Field<'text'>} TextField */
/** @typedef {Field<'narrow'>} NarrowField */
/** @typedef {Field<'wide'>} WideField */
/** @typedef {Field<'trace-id'>} TraceIdField */
/** @typedef {Field<'cells'>} CellField A field whose type varies, such as `log.body`, or one attribute by key. */
/** @typedef {Field<'attributes'>} ListField */
/** @typedef {{readonly write: number, readonly context: ContextName}} WriteField A field that the plugin may write. */

/** One of the plugin's own counters, which its operator sees in `spanmill plugin status`. */
export class Counter {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
  }

  /** Adds to it. Call once a batch, not once a row. @param {number | bigint} delta */
  add(delta) {
    hostCount(this.name, BigInt(delta));
  }
}

/** Writes to the host's log. No attribute value may stand in the message. @param {'debug' | 'info' | 'warn' | 'error'} level @param {string} message */
export const log = (level, message) => hostLog(level, message);

/** Collects what a plugin needs: signals and fields. Naming a field twice gives the same handle. */
export class Contract {
  /** @type {SignalName[]} */
  signals;
  /** @type {string[]} */
  reads = [];
  /** @type {string[]} */
  writes = [];
  /** @type {ShardingName} */
  sharding = 'none';
  /** @type {Map<string, Field<any>>} */
  #places = new Map();
  /** @type {Map<ContextName, number>} */
  #columns = new Map();

  /** @param {SignalName} [signal] */
  constructor(signal = Signal.TRACES) {
    this.signals = [signal];
  }

  /** The signals that the plugin takes, in place of those before; without a call, traces. @param {...SignalName} signals */
  take(...signals) {
    this.signals = signals;
  }

  /** @template {string} K @param {string} path @param {K} kind @returns {Field<K>} */
  #read(path, kind) {
    let place = this.#places.get(path);
    if (place === undefined) {
      const context = contextOf(path);
      const column = this.#columns.get(context) ?? 0;
      this.#columns.set(context, column + 1);
      place = { kind, context, column };
      this.#places.set(path, place);
      this.reads.push(path);
    }
    return place;
  }

  /** @template {FieldKind} K @param {string} path @param {K} kind @returns {Field<K>} */
  #readField(path, kind) {
    const field = FIELDS.get(path);
    if (field?.kind !== kind) {
      const what = field === undefined ? 'is no field' : `is a ${field.kind} field, not a ${kind} one`;
      throw new Error(`${path} ${what}; wit/telemetry.wit lists them all`);
    }
    return this.#read(path, kind);
  }

  /** Reads a text field. @param {string} path @returns {TextField} */
  readText(path) {
    return this.#readField(path, 'text');
  }

  /** Reads a field of kinds, codes, flags or counts. @param {string} path @returns {NarrowField} */
  readNarrow(path) {
    return this.#readField(path, 'narrow');
  }

  /** Reads a field of times or span ids. @param {string} path @returns {WideField} */
  readWide(path) {
    return this.#readField(path, 'wide');
  }

  /** Reads `span.trace_id`, `spanlink.trace_id` or `log.trace_id`. @param {string} path @returns {TraceIdField} */
  readTraceId(path) {
    return this.#readField(path, 'trace-id');
  }

  /** Reads a field whose type varies, such as `log.body` or `datapoint.value`. @param {string} path @returns {CellField} */
  readCells(path) {
    return this.#readField(path, 'cells');
  }

  /** Reads one attribute by key. @param {ContextName} context @param {string} key @returns {CellField} */
  readAttribute(context, key) {
    return this.#read(attributePath(context, key), 'cells');
  }

  /** Reads every attribute of a context. @param {ContextName} context @returns {ListField} */
  readAttributes(context) {
    return this.#read(attributesPath(context), 'attributes');
  }

  /** Declares a field that the plugin writes, by its path. @param {string} path @returns {WriteField} */
  write(path) {
    if (!this.writes.includes(path)) this.writes.push(path);
    return { write: this.writes.indexOf(path), context: contextOf(path) };
  }

  /** Declares one attribute that the plugin writes. @param {ContextName} context @param {string} key */
  writeAttribute(context, key) {
    return this.write(attributePath(context, key));
  }

  /** Declares that the plugin writes any attribute of a context. @param {ContextName} context */
  writeAttributes(context) {
    return this.write(attributesPath(context));
  }

  /** Asks for batches to be sharded; without a call they are not. @param {ShardingName} sharding */
  shard(sharding) {
    this.sharding = sharding;
  }

  /** Declares a counter, at most 64 of them; names are lower_snake_case. None can be added once configured. @param {string} name */
  counter(name) {
    hostCount(name, 0n);
    return new Counter(name);
  }

  /** What crosses. */
  wire() {
    return { signals: this.signals, reads: this.reads, writes: this.writes, sharding: this.sharding };
  }
}
