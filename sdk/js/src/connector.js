/** What connectors declare and emit. */

import { Lists, NewTexts } from './texts.js';

/** @import { Batch } from './batch.js' */
/** @import { Cell, Value } from './values.js' */
/** @import { WireEmission, WireKind, WireRecording, WireStream } from './wire.js' */

/**
 * How the host aggregates an instrument: a monotonic sum, a sum that may fall, the last value, or a histogram with upper
 * bounds (inclusive, increasing, finite) or of base 2 with at most `maxSize` buckets on either side of zero.
 * @typedef {'sum' | 'up-down-sum' | 'gauge' | {bounds: readonly number[]} | {maxSize: number}} InstrumentKind
 */
/** @typedef {{name: string, kind: InstrumentKind, unit?: string, description?: string, exemplars?: number}} Instrument */
/**
 * The metrics that a connector makes; see the WIT's `metric-stream`. Limits are 0 if not given: none.
 * @typedef {object} MetricStream
 * @property {string} scope The instrumentation scope's name.
 * @property {Instrument[]} instruments
 * @property {bigint} flushIntervalNs How often totals are sent on.
 * @property {'delta' | 'cumulative'} [temporality] Cumulative if not given.
 * @property {bigint} [expirationNs] A series not measured for so long is forgotten.
 * @property {number} [seriesLimit]
 * @property {number} [resourceLimit]
 * @property {number} [totalLimit]
 * @property {string[]} [resourceKey]
 */

/** What crosses. @param {MetricStream} stream @returns {WireStream} */
export function wireStream(stream) {
  return {
    scope: stream.scope,
    instruments: stream.instruments.map(({ name, kind, unit = '', description = '', exemplars = 0 }) => ({
      name,
      description,
      unit,
      kind: wireKind(kind),
      exemplars,
    })),
    temporality: stream.temporality ?? 'cumulative',
    flushIntervalNs: stream.flushIntervalNs,
    expirationNs: stream.expirationNs ?? 0n,
    seriesLimit: stream.seriesLimit ?? 0,
    resourceLimit: stream.resourceLimit ?? 0,
    totalLimit: stream.totalLimit ?? 0,
    resourceKey: stream.resourceKey ?? [],
  };
}

/** @param {InstrumentKind} kind @returns {WireKind} */
function wireKind(kind) {
  if (typeof kind === 'string') return { tag: kind };
  if ('bounds' in kind) return { tag: 'histogram', val: Float64Array.from(kind.bounds) };
  return { tag: 'exponential-histogram', val: kind.maxSize };
}

/** Key and value of an attribute; a key may be a text of the batch, by its index. @typedef {[string | number, Cell | Value]} Attribute */

/** What a connector measured in one batch. */
export class Emission {
  #texts;
  #restart = false;
  #resources = new Lists();
  #attributes = new Lists();
  /** @type {WireRecording[]} */
  #recordings = [];

  /** @param {Batch} batch */
  constructor(batch) {
    this.#texts = new NewTexts(batch);
  }

  /** Starts the numbering of series over, before the series of this emission. */
  restart() {
    this.#restart = true;
  }

  /**
   * Names a new series by its resource's attributes and its own. Series are numbered in the order they are named, across
   * batches, from 0; `SeriesNumbers` keeps count.
   * @param {Iterable<Attribute>} resource @param {Iterable<Attribute>} attributes
   */
  series(resource, attributes) {
    this.#resources.begin();
    for (const [key, value] of resource) this.#resources.push(this.#texts.key(key), this.#texts.cell(value));
    this.#attributes.begin();
    for (const [key, value] of attributes) this.#attributes.push(this.#texts.key(key), this.#texts.cell(value));
  }

  /**
   * Records measurements of one instrument: the series of each, its value (none: 1 each), how many times it counts (none:
   * once), and the row of the item that it comes from (none: no exemplars).
   * @param {number} instrument @param {Uint32Array} series
   * @param {{values?: Float64Array, counts?: BigUint64Array, rows?: Uint32Array}} [more]
   */
  record(instrument, series, { values, counts, rows } = {}) {
    this.#recordings.push({
      instrument,
      series,
      values: values ?? new Float64Array(0),
      counts: counts ?? new BigUint64Array(0),
      rows: rows ?? new Uint32Array(0),
    });
  }

  /** What crosses. @returns {WireEmission} */
  wire() {
    const series = { resources: this.#resources.wire(), attributes: this.#attributes.wire() };
    return { texts: this.#texts.wire(), restart: this.#restart, series, recordings: this.#recordings };
  }
}

/**
 * The numbers of the series that this instance has named, by what tells them apart: a text that means the same in every
 * batch, so of texts, not indices. Beyond 100,000 series the numbering starts over.
 */
export class SeriesNumbers {
  static MOST = 100_000;
  /** @type {Map<string, number>} */
  #numbers = new Map();
  #isStale = false;

  /** Begins a batch. Starts the numbering over where there are too many series, or after `forget`. @param {Emission} emission */
  start(emission) {
    if (this.#isStale || this.#numbers.size > SeriesNumbers.MOST) {
      this.#numbers.clear();
      this.#isStale = false;
      emission.restart();
    }
  }

  /** Called when a batch failed: what its emission named is unknown to the host. */
  forget() {
    this.#isStale = true;
  }

  /** The number of a series that has one. @param {string} key */
  get(key) {
    return this.#numbers.get(key);
  }

  /** Numbers a new series, which `Emission.series` must then name before the next one is added. @param {string} key */
  add(key) {
    const number = this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}
