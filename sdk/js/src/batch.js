/** Read access to a batch. Nothing is decoded before it is asked for, and each text once. */

import { ask, spread } from './columns.js';
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
  /** The whole pool, where it is ASCII: an index into its bytes is then one into it. @type {string | undefined} */
  #all;
  /** @type {Map<number, string> | undefined} */
  #decoded;

  /** @param {WireTexts} wire */
  constructor({ ends, bytes }) {
    this.ends = ends;
    this.data = bytes;
    this.length = ends.length;
  }

  /** The bytes of a text; none for an absent one and beyond the pool. @param {number} index */
  bytes(index) {
    return this.data.subarray(index > 0 ? this.ends[index - 1] : 0, this.ends[index] ?? 0);
  }

  /** A text. @param {number} index @returns {string} */
  get(index) {
    if (this.#all === undefined && this.#decoded === undefined) {
      const all = decoder.decode(this.data);
      if (all.length === this.data.length) this.#all = all;
      else this.#decoded = new Map();
    }
    if (this.#all !== undefined) {
      return index < this.length ? this.#all.substring(index > 0 ? this.ends[index - 1] : 0, this.ends[index]) : '';
    }
    let text = this.#decoded?.get(index);
    if (text === undefined) {
      text = decoder.decode(this.bytes(index));
      this.#decoded?.set(index, text);
    }
    return text;
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
  #texts;
  /** @type {Uint32Array | undefined} */
  #indices;
  /** @type {WireCells | undefined} */
  #cells;

  /** @param {Texts} texts @param {Uint32Array | undefined} indices @param {WireCells} [cells] */
  constructor(texts, indices, cells) {
    this.#texts = texts;
    this.#indices = indices;
    this.#cells = cells;
    this.length = (indices ?? cells?.kinds ?? NONE).length;
  }

  /** Whether every row is text or absent. */
  get isText() {
    return this.#cells === undefined;
  }

  /** The cell of a row; kind 0 is absent. @param {number} row */
  cell(row) {
    if (this.#cells !== undefined) return new Cell(this.#cells.kinds[row], this.#cells.bits[row]);
    const index = this.textIndices()[row];
    return index === ABSENT_INDEX || index === undefined ? new Cell(Kind.ABSENT, 0n) : Cell.text(index);
  }

  /** The value of a row. @param {number} row @returns {Value} */
  get(row) {
    const { kind, bits } = this.cell(row);
    return this.#texts.value(kind, bits);
  }

  /** The pool index of each row's text, and `ABSENT_INDEX` for a row that has none. */
  textIndices() {
    if (this.#indices === undefined) {
      const { kinds, bits } = /** @type {WireCells} */ (this.#cells);
      const words = new Uint32Array(bits.buffer, bits.byteOffset, bits.length * 2);
      this.#indices = new Uint32Array(kinds.length).fill(ABSENT_INDEX);
      for (let row = kinds.indexOf(Kind.TEXT); row >= 0; row = kinds.indexOf(Kind.TEXT, row + 1)) {
        this.#indices[row] = words[2 * row];
      }
    }
    return this.#indices;
  }

  /**
   * Asks once for each distinct text; one answer, 0 to 255, for each row, and 0 for rows without a text.
   * @param {(text: string) => number | boolean} question
   */
  answers(question) {
    const texts = this.#texts;
    return ask(this.textIndices(), texts.length, (index) => question(texts.get(index)));
  }

  /** `table[index]` for each row's text, and 0 for rows that have none or one beyond the table. @param {Uint8Array} table */
  textRows(table) {
    return spread(this.textIndices(), table);
  }
}

/** Every attribute of every row: row `i` owns the entries `ends[i-1]..ends[i]`. */
export class AttributeLists {
  #texts;

  /** @param {Texts} texts @param {WireLists} wire */
  constructor(texts, { ends, keys, values }) {
    this.#texts = texts;
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
    return this.#texts.get(this.keys[entry]);
  }

  /** The cell of an entry. @param {number} entry */
  cell(entry) {
    return new Cell(this.kinds[entry], this.bits[entry]);
  }

  /** The value of an entry. @param {number} entry @returns {Value} */
  value(entry) {
    return this.#texts.value(this.kinds[entry], this.bits[entry]);
  }
}

/** A batch as one plugin sees it. A field of a context that the batch's signal does not have has no rows. */
export class Batch {
  /** @type {WireTable[]} */
  #tables;

  /** @param {WireBatch} wire */
  constructor(wire) {
    this.signal = wire.signal;
    this.receivedUnixNano = wire.receivedUnixNano;
    this.texts = new Texts(wire.texts);
    this.#tables = wire.tables;
  }

  /** @param {ContextName} context */
  #table(context) {
    return this.#tables.find((table) => table.context === context);
  }

  /** How many rows a context has. @param {ContextName} context */
  rows(context) {
    return this.#table(context)?.rows ?? 0;
  }

  /** For each row of a context, its row in the parent's table. @param {ContextName} context */
  parents(context) {
    return this.#table(context)?.parents ?? NONE;
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

  /** @param {Field<string>} field @returns {any} */
  #column({ context, column }) {
    const table = this.#table(context);
    if (table === undefined && !CONTEXTS[this.signal].includes(context)) return undefined;
    const found = table?.columns[column];
    if (found === undefined) throw new Error(`the host sent no column for a declared ${context} field`);
    return found.val;
  }

  /** A field of kinds, codes, flags or counts. @param {NarrowField} field @returns {Uint32Array} */
  narrow(field) {
    return this.#column(field) ?? NONE;
  }

  /** A field of times or span ids. @param {WideField} field @returns {BigUint64Array} */
  wide(field) {
    return this.#column(field) ?? NO_WORDS;
  }

  /** Trace ids, two words per row, the high one first. @param {TraceIdField} field @returns {BigUint64Array} */
  traceIds(field) {
    return this.#column(field) ?? NO_WORDS;
  }

  /** A text field. @param {TextField} field */
  text(field) {
    return new Values(this.texts, this.#column(field) ?? NONE);
  }

  /** One attribute, or a field whose type varies. @param {CellField} field */
  values(field) {
    const column = this.#column(field) ?? NONE;
    return column instanceof Uint32Array ? new Values(this.texts, column) : new Values(this.texts, undefined, column);
  }

  /** Every attribute of every row. @param {ListField} field */
  attributes(field) {
    const none = { ends: NONE, keys: NONE, values: { kinds: new Uint8Array(0), bits: NO_WORDS } };
    return new AttributeLists(this.texts, this.#column(field) ?? none);
  }
}
