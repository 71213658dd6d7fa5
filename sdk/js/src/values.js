/** Values of attributes and bodies. */

import { decodeArray, decodeMap, encodeArray, encodeMap, isBytes } from './nested.js';

/**
 * A value as plugins see it: undefined is absent, null there without a value, a bigint an int, a number a double.
 * @typedef {undefined | null | string | boolean | bigint | number | Uint8Array | ValueList | ValueMap} Value
 */
/** @typedef {Value[]} ValueList */
/** @typedef {{[key: string]: Value}} ValueMap */

/** The kinds of cells, as the contract numbers them. */
export const Kind = /** @type {const} */ ({
  ABSENT: 0,
  TEXT: 1,
  BOOL: 2,
  INT: 3,
  DOUBLE: 4,
  BYTES: 5,
  ARRAY: 6,
  MAP: 7,
  EMPTY: 8,
});

/** A value as it stands in a column: the contract's kind and bits. It refers to a text without decoding it. */
export class Cell {
  /** @param {number} kind @param {bigint} bits */
  constructor(kind, bits) {
    this.kind = kind;
    this.bits = bits;
  }

  /** A text of the batch, or a new one, by its index. @param {number} index */
  static text(index) {
    return new Cell(Kind.TEXT, BigInt(index));
  }
}

/** What an attribute without any value is written as: it removes an attribute or a body, and clears a text. */
export const ABSENT = new Cell(Kind.ABSENT, 0n);

const scratch = new DataView(new ArrayBuffer(8));
const encoder = new TextEncoder();

/** The double that bits stand for. @param {bigint} bits */
export function doubleOf(bits) {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}

/** The cell of a number, a bool, or nothing. @param {undefined | null | boolean | bigint | number} value */
export function plainCell(value) {
  if (value === undefined) return ABSENT;
  if (value === null) return new Cell(Kind.EMPTY, 0n);
  if (typeof value === 'boolean') return new Cell(Kind.BOOL, value ? 1n : 0n);
  if (typeof value === 'bigint') return new Cell(Kind.INT, BigInt.asUintN(64, value));
  scratch.setFloat64(0, value);
  return new Cell(Kind.DOUBLE, scratch.getBigUint64(0));
}

/** The value of a cell that refers to bytes, an array or a map. @param {number} kind @param {Uint8Array} data @returns {Value} */
export function decoded(kind, data) {
  if (kind === Kind.ARRAY) return decodeArray(data);
  return kind === Kind.MAP ? decodeMap(data) : data;
}

/**
 * The kind of a value that refers to a text of the pool, and the text.
 * @param {string | Uint8Array | ValueList | ValueMap} value @returns {[number, Uint8Array]}
 */
export function encoded(value) {
  if (typeof value === 'string') return [Kind.TEXT, encoder.encode(value)];
  if (isBytes(value)) return [Kind.BYTES, value];
  return Array.isArray(value) ? [Kind.ARRAY, encodeArray(value)] : [Kind.MAP, encodeMap(value)];
}
