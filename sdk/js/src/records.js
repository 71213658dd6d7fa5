/** What plugins declare and fill that make spans or log records. */

import { ABSENT_INDEX } from './batch.js';
import { FIELDS, ITEMS, attributePath, attributesPath } from './fields.js';
import { CellList, Lists, NewTexts } from './texts.js';
import { ABSENT, Kind } from './values.js';

/** @import { Batch } from './batch.js' */
/** @import { FieldKind, SignalName } from './fields.js' */
/** @import { Cell, Value } from './values.js' */
/** @import { WireColumn, WireRecords, WireRecordStream } from './wire.js' */

/** @typedef {{readonly index: number, readonly kind: FieldKind | 'attributes'}} RecordField A field that records have. */

/** The records that a plugin makes: what they are, and the fields they have. */
export class RecordStream {
  /** @type {Map<string, RecordField>} */
  fields = new Map();

  /** @param {SignalName} signal @param {string} [scopeName] @param {string} [scopeVersion] */
  constructor(signal, scopeName = '', scopeVersion = '') {
    this.signal = signal;
    this.scopeName = scopeName;
    this.scopeVersion = scopeVersion;
  }

  /** @param {string} path @param {RecordField['kind']} kind */
  #add(path, kind) {
    const known = this.fields.get(path) ?? { index: this.fields.size, kind };
    this.fields.set(path, known);
    return known;
  }

  /** Fills a field by its path, such as `log.time_unix_nano` or `log.body`. @param {string} path */
  field(path) {
    const field = FIELDS.get(path);
    if (field === undefined) throw new Error(`${path} is no field; wit/telemetry.wit lists them all`);
    return this.#add(path, field.kind);
  }

  /** Fills one attribute by key. @param {string} key */
  attribute(key) {
    return this.#add(attributePath(ITEMS[this.signal], key), 'cells');
  }

  /** Fills the whole list of attributes; with it no single ones. */
  attributes() {
    return this.#add(attributesPath(ITEMS[this.signal]), 'attributes');
  }

  /** What crosses. @returns {WireRecordStream} */
  wire() {
    const { signal, fields, scopeName, scopeVersion } = this;
    return { signal, fields: [...fields.keys()], scopeName, scopeVersion };
  }
}

/** The records made of one batch. A field that is not set is absent. */
export class Records {
  #texts;
  /** @type {number[]} */
  #resources = [];
  /** @type {{kind: RecordField['kind'], values: any}[]} */
  #columns = [];

  /** @param {Batch} batch @param {RecordStream} stream */
  constructor(batch, stream) {
    this.#texts = new NewTexts(batch);
    for (const { kind } of stream.fields.values()) {
      this.#columns.push({
        kind,
        values: kind === 'cells' ? new CellList() : kind === 'attributes' ? new Lists() : [],
      });
    }
  }

  /** How many there are. */
  get length() {
    return this.#resources.length;
  }

  /** Begins a record that carries over the resource with this row. Rows never decrease from record to record. @param {number} resource */
  add(resource) {
    this.#resources.push(resource);
    for (let column = 0; column < this.#columns.length; column++) {
      const { kind, values } = this.#columns[column];
      if (kind === 'attributes') values.begin();
      else if (kind === 'cells') values.push(ABSENT);
      else if (kind === 'trace-id') values.push(0n, 0n);
      else values.push(kind === 'text' ? ABSENT_INDEX : kind === 'wide' ? 0n : 0);
    }
  }

  /**
   * Sets a field of the record begun last. Times and ids are bigints, a trace id one of 128 bits; a text is a string or the
   * `Cell` of a text of the batch.
   * @param {RecordField} field @param {Cell | Value} value
   */
  set({ index, kind }, value) {
    const { values } = this.#columns[index];
    if (kind === 'cells') {
      values.replaceLast(this.#texts.cell(value));
    } else if (kind === 'text') {
      const cell = this.#texts.cell(value);
      values[values.length - 1] = cell.kind === Kind.TEXT ? Number(cell.bits) : ABSENT_INDEX;
    } else if (typeof value !== (kind === 'narrow' ? 'number' : 'bigint')) {
      throw new TypeError(`a ${kind} field takes a ${kind === 'narrow' ? 'number' : 'bigint'}`);
    } else if (kind === 'trace-id') {
      const id = /** @type {bigint} */ (value);
      values.splice(-2, 2, BigInt.asUintN(64, id >> 64n), BigInt.asUintN(64, id));
    } else {
      values[values.length - 1] = value;
    }
  }

  /** Adds an attribute to the record begun last, which must not have the key yet; undefined adds nothing. @param {RecordField} field @param {string | number} key @param {Cell | Value} value */
  entry({ index }, key, value) {
    const cell = this.#texts.cell(value);
    if (cell.kind !== Kind.ABSENT) this.#columns[index].values.push(this.#texts.key(key), cell);
  }

  /** What crosses. @returns {WireRecords} */
  wire() {
    const rows = this.#resources.length;
    const columns = rows > 0 ? this.#columns.map(wireColumn) : [];
    return { texts: this.#texts.wire(), rows, resources: Uint32Array.from(this.#resources), columns };
  }
}

/** @param {{kind: RecordField['kind'], values: any}} column @returns {WireColumn} */
function wireColumn({ kind, values }) {
  if (kind === 'cells' || kind === 'attributes') return { tag: kind, val: values.wire() };
  if (kind === 'wide' || kind === 'trace-id') return { tag: kind, val: BigUint64Array.from(values) };
  return { tag: kind, val: Uint32Array.from(values) };
}
