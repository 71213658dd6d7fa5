/** Collects what a processor did with a batch. */

import { CellList, NewTexts } from './texts.js';

/** @import { Batch } from './batch.js' */
/** @import { WriteField } from './contract.js' */
/** @import { ContextName } from './fields.js' */
/** @import { Cell, Value } from './values.js' */
/** @import { WireOutcome } from './wire.js' */

/** Edits of one field. */
class Edits {
  /** @type {Cell | undefined} */
  all;
  /** @type {Map<number, Cell>} */
  rows = new Map();
  /** @type {Map<number, Cell>} */
  entries = new Map();
  /** @type {Map<number, number>} */
  replaced = new Map();
  /** @type {Set<number>} */
  removed = new Set();
  /** @type {number[]} */
  appendRows = [];
  /** @type {number[]} */
  appendKeys = [];
  appendValues = new CellList();
}

/**
 * What a processor did with a batch. Empty: everything is kept as it is.
 *
 * Values may be JavaScript's own (string, boolean, bigint for an int, number for a double, `Uint8Array`, arrays, objects,
 * null for a value that is none), undefined for absent, or a `Cell`, which refers to a text of the batch without decoding it.
 */
export class Outcome {
  /** @param {Batch} batch */
  constructor(batch) {
    /** @private */
    this._batch = batch;
    /** @private */
    this._texts = new NewTexts(batch);
    /** @private @type {Map<ContextName, Uint8Array>} */
    this._verdicts = new Map();
    /** @private @type {Map<number, Edits>} */
    this._fields = new Map();
  }

  /** @private @param {ContextName} context */
  _rows(context) {
    let verdicts = this._verdicts.get(context);
    if (verdicts === undefined) {
      checkTakesVerdicts(context);
      verdicts = new Uint8Array(this._batch.rows(context));
      this._verdicts.set(context, verdicts);
    }
    return verdicts;
  }

  /** Drops a row of any context but resource and scope. Rows that are not there are ignored. @param {ContextName} context @param {number} row */
  dropRow(context, row) {
    this._rows(context)[row] = 1;
  }

  /** Holds a span or log record, as edited, until the plugin's `tick` decides on its trace. @param {ContextName} context @param {number} row */
  holdRow(context, row) {
    this._rows(context)[row] = 2;
  }

  /**
   * Drops the rows whose place in `dropped` is 1, and not 0; rows dropped before stay dropped. The array is the outcome's then.
   * @param {ContextName} context @param {Uint8Array} dropped
   */
  dropRows(context, dropped) {
    if (!dropped.includes(1)) return;
    if (this._verdicts.size === 0 && dropped.length === this._batch.rows(context)) {
      checkTakesVerdicts(context);
      this._verdicts.set(context, dropped);
      return;
    }
    const verdicts = this._rows(context);
    for (let row = dropped.indexOf(1); row >= 0; row = dropped.indexOf(1, row + 1)) verdicts[row] = 1;
  }

  /** Whether a row is dropped so far. @param {ContextName} context @param {number} row */
  isDropped(context, row) {
    return this._verdicts.get(context)?.[row] === 1;
  }

  /** Adds a text, and gives the index to write it by. @param {string} text */
  text(text) {
    return this._texts.add(text);
  }

  /** @private @param {WriteField} field */
  _edits({ write }) {
    let edits = this._fields.get(write);
    if (edits === undefined) {
      edits = new Edits();
      this._fields.set(write, edits);
    }
    return edits;
  }

  /** Writes a field of one row; the last write of a row counts. @param {WriteField} field @param {number} row @param {Cell | Value} value */
  set(field, row, value) {
    this._edits(field).rows.set(row, this._texts.cell(value));
  }

  /** Writes a field of every row; rows written by `set` keep their own value. @param {WriteField} field @param {Cell | Value} value */
  setAll(field, value) {
    this._edits(field).all = this._texts.cell(value);
  }

  /** Replaces a text of the batch wherever it stands as a value of this field. @param {WriteField} field @param {number} old @param {string | number} text */
  replace(field, old, text) {
    this._edits(field).replaced.set(old, this._texts.key(text));
  }

  /** Gives one entry of a whole attribute list a new value; the last one counts. @param {WriteField} field @param {number} entry @param {Cell | Value} value */
  setEntry(field, entry, value) {
    this._edits(field).entries.set(entry, this._texts.cell(value));
  }

  /** Removes an entry of a whole attribute list. @param {WriteField} field @param {number} entry */
  removeEntry(field, entry) {
    this._edits(field).removed.add(entry);
  }

  /**
   * Adds an entry to a row's attribute list; rows come in order, and do not have the key yet.
   * @param {WriteField} field @param {number} row @param {string | number} key @param {Cell | Value} value
   */
  append(field, row, key, value) {
    const edits = this._edits(field);
    edits.appendRows.push(row);
    edits.appendKeys.push(this._texts.key(key));
    edits.appendValues.push(this._texts.cell(value));
  }

  /** What crosses. @returns {WireOutcome} */
  wire() {
    /** @type {WireOutcome} */
    const out = {
      verdicts: [],
      texts: this._texts.wire(),
      writes: [],
      entryWrites: [],
      replacements: [],
      removals: [],
      appends: [],
    };
    if (this._verdicts.size > 0) this._verdicts.forEach((rows, context) => out.verdicts.push({ context, rows }));
    if (this._fields.size > 0) this._fields.forEach((edits, field) => addEdits(out, field, edits));
    return out;
  }
}

/** @param {ContextName} context */
function checkTakesVerdicts(context) {
  if (context === 'resource' || context === 'scope') {
    throw new Error(`a ${context} cannot be dropped, only rows below it`);
  }
}

/** @param {WireOutcome} out @param {number} field @param {Edits} edits */
function addEdits(out, field, edits) {
  if (edits.all !== undefined) out.writes.push({ field, rows: new Uint32Array(0), values: cells([edits.all]) });
  if (edits.rows.size > 0) {
    const [rows, values] = inOrder(edits.rows);
    out.writes.push({ field, rows, values });
  }
  if (edits.entries.size > 0) {
    const [entries, values] = inOrder(edits.entries, false);
    out.entryWrites.push({ field, entries, values });
  }
  if (edits.replaced.size > 0) {
    const [old, texts] = [edits.replaced.keys(), edits.replaced.values()];
    out.replacements.push({ field, old: Uint32Array.from(old), new: Uint32Array.from(texts) });
  }
  if (edits.removed.size > 0) out.removals.push({ field, entries: Uint32Array.from(edits.removed).sort() });
  if (edits.appendRows.length > 0) {
    const [rows, keys] = [Uint32Array.from(edits.appendRows), Uint32Array.from(edits.appendKeys)];
    out.appends.push({ field, rows, keys, values: edits.appendValues.wire() });
  }
}

/** @param {Iterable<Cell>} all */
function cells(all) {
  const found = new CellList();
  for (const cell of all) found.push(cell);
  return found.wire();
}

/** @param {Map<number, Cell>} edits @returns {[Uint32Array, ReturnType<typeof cells>]} */
function inOrder(edits, mayBeOne = true) {
  const places = Uint32Array.from(edits.keys()).sort();
  const values = Array.from(places, (place) => /** @type {Cell} */ (edits.get(place)));
  const same = mayBeOne && values.every(({ kind, bits }) => kind === values[0].kind && bits === values[0].bits);
  return [places, cells(same ? values.slice(0, 1) : values)];
}
