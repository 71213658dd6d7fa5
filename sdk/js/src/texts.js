/** New texts, and cells, of an answer. */

import { joined } from './nested.js';
import { Cell, encoded, plainCell } from './values.js';

/** @import { Batch } from './batch.js' */
/** @import { Value } from './values.js' */
/** @import { WireCells, WireLists, WireTexts } from './wire.js' */

const NONE = { ends: new Uint32Array(0), bytes: new Uint8Array(0) };
const encoder = new TextEncoder();

/** Texts that an answer refers to beyond the batch's, numbered on from the batch's pool; each string once. */
export class NewTexts {
  /** @param {Batch} batch */
  constructor(batch) {
    /** @private @type {Map<string, number>} */
    this._known = new Map();
    /** @private @type {Uint8Array[]} */
    this._all = [];
    /** @private */
    this._first = batch.texts.length;
  }

  /** The index of a text. @param {string} text */
  add(text) {
    let index = this._known.get(text);
    if (index === undefined) {
      index = this.addBytes(encoder.encode(text));
      this._known.set(text, index);
    }
    return index;
  }

  /** The index of bytes, or of an encoded array or map. @param {Uint8Array} bytes */
  addBytes(bytes) {
    this._all.push(bytes);
    return this._first + this._all.length - 1;
  }

  /** The index of a key: a text, or the index of one. @param {string | number} key */
  key(key) {
    return typeof key === 'number' ? key : this.add(key);
  }

  /** The cell of a value. @param {Cell | Value} value @returns {Cell} */
  cell(value) {
    if (value instanceof Cell) return value;
    if (typeof value === 'string') return Cell.text(this.add(value));
    if (typeof value !== 'object' || value === null) return plainCell(value);
    const [kind, bytes] = encoded(value);
    return new Cell(kind, BigInt(this.addBytes(bytes)));
  }

  /** All of them. @returns {WireTexts} */
  wire() {
    if (this._all.length === 0) return NONE;
    let end = 0;
    return { ends: Uint32Array.from(this._all, (bytes) => (end += bytes.length)), bytes: joined(this._all) };
  }
}

/** Cells, column by column. */
export class CellList {
  /** @type {number[]} */
  #kinds = [];
  /** @type {bigint[]} */
  #bits = [];

  /** Adds one. @param {Cell} cell */
  push({ kind, bits }) {
    this.#kinds.push(kind);
    this.#bits.push(bits);
  }

  /** Puts one in the last one's place. @param {Cell} cell */
  replaceLast(cell) {
    this.#kinds.pop();
    this.#bits.pop();
    this.push(cell);
  }

  /** @returns {WireCells} */
  wire() {
    return { kinds: Uint8Array.from(this.#kinds), bits: BigUint64Array.from(this.#bits) };
  }
}

/** Whole attribute lists. */
export class Lists {
  /** @type {number[]} */
  ends = [];
  /** @type {number[]} */
  keys = [];
  #values = new CellList();

  /** Begins a row. */
  begin() {
    this.ends.push(this.keys.length);
  }

  /** Adds an entry to the row begun last. @param {number} key @param {Cell} value */
  push(key, value) {
    this.keys.push(key);
    this.#values.push(value);
    this.ends[this.ends.length - 1] = this.keys.length;
  }

  /** @returns {WireLists} */
  wire() {
    return { ends: Uint32Array.from(this.ends), keys: Uint32Array.from(this.keys), values: this.#values.wire() };
  }
}
