/** Read access to a batch. Nothing is decoded before it is asked for, and each text once. */

import { distinct, occurs, spread } from './columns.js';
import { CONTEXTS, PARENTS } from './fields.js';
import { Cell, Kind, decoded, doubleOf } from './values.js';

/** @import { CellField, Field, ListField, NarrowField, TextField, TraceIdField, WideField } from './contract.js' */
/** @import { ContextName } from './fields.js' */
/** @import { Value } from './values.js' */
/** @import { WireBatch, WireCells, WireColumn, WireLists, WireTable, WireTexts } from './wire.js' */

/** The pool index that stands for "no text". */
export const ABSENT_INDEX = 0xffffffff;

const NONE = new Uint32Array(0);
const NO_WORDS = new BigUint64Array(0);
const decoder = new TextDecoder();

/** The distinct texts of a batch. Equal indices mean equal texts. */
export class Texts {
  /** @param {WireTexts} wire */
  constructor({ ends, bytes }) {
    this.ends = ends;
    this.data = bytes;
    this.length = ends.length;
    /** The whole pool, where it is ASCII: an index into its bytes is then one into it. @private @type {string | undefined} */
    this._all = undefined;
    /** @private @type {Map<number, string> | undefined} */
    this._decoded = undefined;
  }

  /** The bytes of a text; none for an absent one and beyond the pool. @param {number} index */
  bytes(index) {
    return this.data.subarray(index > 0 ? this.ends[index - 1] : 0, this.ends[index] ?? 0);
  }

  /** Whether the whole pool is ASCII, and then decoded. @private */
  _isAscii() {
    if (this._all === undefined && this._decoded === undefined) {
      const all = decoder.decode(this.data);
      if (all.length === this.data.length) this._all = all;
      else this._decoded = new Map();
    }
    return this._all !== undefined;
  }

  /** A text. @param {number} index @returns {string} */
  get(index) {
    if (index >= this.length) return '';
    if (this._isAscii()) {
      return /** @type {string} */ (this._all).substring(index > 0 ? this.ends[index - 1] : 0, this.ends[index]);
    }
    const known = /** @type {Map<number, string>} */ (this._decoded);
    let text = known.get(index);
    if (text === undefined) {
      text = decoder.decode(this.bytes(index));
      known.set(index, text);
    }
    return text;
  }

  /**
   * Asks once for each text that occurs among some indices; one answer, 0 to 255, for each index of the pool.
   * @param {Uint32Array} indices @param {(text: string) => number | boolean} question
   * @param {number[] | null} [few] What `distinct` gives for them, which the SDK knows sometimes.
   */
  ask(indices, question, few = distinct(indices, this.length)) {
    const table = new Uint8Array(this.length);
    const occurring = few === null ? occurs(indices, this.length) : undefined;
    const size = few === null ? this.length : few.length;
    const all = size > 0 && this._isAscii() ? this._all : undefined;
    const ends = this.ends;
    for (let at = 0; at < size; at++) {
      if (occurring !== undefined && occurring[at] === 0) continue;
      const index = few === null ? at : few[at];
      const text = all === undefined ? this.get(index) : all.substring(index > 0 ? ends[index - 1] : 0, ends[index]);
      table[index] = /** @type {number} */ (question(text));
    }
    return table;
  }

  /** The value of a cell. @param {number} kind @param {bigint} bits @returns {Value} */
  value(kind, bits) {
    switch (kind) {
      case Kind.ABSENT:
        return undefined;
      case Kind.TEXT:
        return this.get(Number(bits));
      case Kind.BOOL:
        return bits !== 0n;
      case Kind.INT:
        return BigInt.asIntN(64, bits);
      case Kind.DOUBLE:
        return doubleOf(bits);
      case Kind.EMPTY:
        return null;
      default:
        return decoded(kind, this.bytes(Number(bits)));
    }
  }
}

/** One attribute, body or text field of every row; the same view, whichever way the column came. */
export class Values {
  /** @param {Texts} texts @param {Uint32Array | undefined} indices @param {WireCells} [cells] */
  constructor(texts, indices, cells) {
    /** @private */
    this._texts = texts;
    /** @private @type {Uint32Array | undefined} */
    this._indices = indices;
    /** @private */
    this._cells = cells;
    this.length = (indices ?? cells?.kinds ?? NONE).length;
  }

  /** Whether every row is text or absent. */
  get isText() {
    return this._cells === undefined;
  }

  /** The cell of a row; kind 0 is absent. @param {number} row */
  cell(row) {
    if (this._cells !== undefined) return new Cell(this._cells.kinds[row], this._cells.bits[row]);
    const index = this.textIndices()[row];
    return index === ABSENT_INDEX || index === undefined ? new Cell(Kind.ABSENT, 0n) : Cell.text(index);
  }

  /** The value of a row. @param {number} row @returns {Value} */
  get(row) {
    const { kind, bits } = this.cell(row);
    return this._texts.value(kind, bits);
  }

  /** The pool index of each row's text, and `ABSENT_INDEX` for a row that has none. */
  textIndices() {
    if (this._indices === undefined) {
      const { kinds, bits } = /** @type {WireCells} */ (this._cells);
      const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length * 2);
      this._indices = new Uint32Array(kinds.length).fill(ABSENT_INDEX);
      for (let row = kinds.indexOf(Kind.TEXT); row >= 0; row = kinds.indexOf(Kind.TEXT, row + 1)) {
        this._indices[row] = words[2 * row];
      }
    }
    return this._indices;
  }

  /**
   * Asks once for each distinct text; one answer, 0 to 255, for each row, and 0 for rows without a text.
   * @param {(text: string) => number | boolean} question
   */
  answers(question) {
    const indices = this.textIndices();
    const few = distinct(indices, this._texts.length);
    return spread(indices, this._texts.ask(indices, question, few), few);
  }

  /** `table[index]` for each row's text, and 0 for rows that have none or one beyond the table. @param {Uint8Array} table */
  textRows(table) {
    return spread(this.textIndices(), table);
  }
}

/** Every attribute of every row: row `i` owns the entries `ends[i-1]..ends[i]`. */
export class AttributeLists {
  /** @param {Texts} texts @param {WireLists} wire */
  constructor(texts, { ends, keys, values }) {
    /** @private */
    this._texts = texts;
    this.ends = ends;
    this.keys = keys;
    this.kinds = values.kinds;
    this.bits = values.bits;
  }

  /** The first entry of a row. @param {number} row */
  start(row) {
    return row > 0 ? this.ends[row - 1] : 0;
  }

  /** Where the entries of a row end. @param {number} row */
  end(row) {
    return this.ends[row] ?? 0;
  }

  /** The key of an entry. @param {number} entry */
  key(entry) {
    return this._texts.get(this.keys[entry]);
  }

  /** The cell of an entry. @param {number} entry */
  cell(entry) {
    return new Cell(this.kinds[entry], this.bits[entry]);
  }

  /** The value of an entry. @param {number} entry @returns {Value} */
  value(entry) {
    return this._texts.value(this.kinds[entry], this.bits[entry]);
  }
}

/** A batch as one plugin sees it. A field of a context that the batch's signal does not have has no rows. */
export class Batch {
  /** @param {WireBatch} wire */
  constructor(wire) {
    this.signal = wire.signal;
    this.receivedUnixNano = wire.receivedUnixNano;
    this.texts = new Texts(wire.texts);
    /** @private @type {WireTable[]} */
    this._tables = wire.tables;
  }

  /** @private @param {ContextName} context */
  _table(context) {
    // An index spares an iterator, which costs more than all the rest here.
    const tables = this._tables;
    for (let at = 0; at < tables.length; at++) if (tables[at].context === context) return tables[at];
    return undefined;
  }

  /** How many rows a context has. @param {ContextName} context */
  rows(context) {
    return this._table(context)?.rows ?? 0;
  }

  /** For each row of a context, its row in the parent's table. @param {ContextName} context */
  parents(context) {
    return this._table(context)?.parents ?? NONE;
  }

  /** For each row of a context, its resource's row. @param {ContextName} context @returns {Uint32Array} */
  resources(context) {
    // With one resource all rows are its own, and nothing has to be looked up.
    if (this.rows('resource') === 1) return new Uint32Array(this.rows(context));
    let rows = this.parents(context);
    for (let above = PARENTS[context]; above !== undefined && above !== 'resource'; above = PARENTS[above]) {
      const parents = this.parents(above);
      rows = rows.map((row) => parents[row]);
    }
    return rows;
  }

  /** @private @param {Field<string>} field @returns {any} */
  _column({ context, column }) {
    const table = this._table(context);
    if (table === undefined && !CONTEXTS[this.signal].includes(context)) return undefined;
    const found = table?.columns[column];
    if (found === undefined) throw new Error(`the host sent no column for a declared ${context} field`);
    return found.val;
  }

  /** A field of kinds, codes, flags or counts. @param {NarrowField} field @returns {Uint32Array} */
  narrow(field) {
    return this._column(field) ?? NONE;
  }

  /** A field of times or span ids. @param {WideField} field @returns {BigUint64Array} */
  wide(field) {
    return this._column(field) ?? NO_WORDS;
  }

  /** Trace ids, two words per row, the high one first. @param {TraceIdField} field @returns {BigUint64Array} */
  traceIds(field) {
    return this._column(field) ?? NO_WORDS;
  }

  /** A text field. @param {TextField} field */
  text(field) {
    return new Values(this.texts, this._column(field) ?? NONE);
  }

  /** One attribute, or a field whose type varies. @param {CellField} field */
  values(field) {
    const column = this._column(field) ?? NONE;
    return 'kinds' in column ? new Values(this.texts, undefined, column) : new Values(this.texts, column);
  }

  /** Every attribute of every row. @param {ListField} field */
  attributes(field) {
    const none = { ends: NONE, keys: NONE, values: { kinds: new Uint8Array(0), bits: NO_WORDS } };
    return new AttributeLists(this.texts, this._column(field) ?? none);
  }
}
