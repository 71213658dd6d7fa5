/** The host's side: hands a plugin the columns of what it declared, and nothing else. */

import assert from 'node:assert/strict';

import { ABSENT_INDEX } from '../batch.js';
import { CONTEXTS, FIELDS, contextOf } from '../fields.js';
import { joined } from '../nested.js';
import { Cell, decoded, doubleOf, encoded, plainCell } from '../values.js';
import { rowsOf } from './items.js';

/** @import { Contract } from '../contract.js' */
/** @import { ContextName } from '../fields.js' */
/** @import { Value } from '../values.js' */
/** @import { WireBatch, WireCells, WireColumn, WireTexts } from '../wire.js' */
/** @import { Telemetry } from './items.js' */

/** A path, taken apart. @typedef {{text: string, context: ContextName, kind: string, name: string, writable: boolean}} Path */

const ATTRIBUTE = /^(\w+)\.(attributes|metadata)(?:\["((?:[^"\\]|\\.)*)"\])?$/;

/** Takes a path apart; fails if there is none such. @param {string} text @returns {Path} */
export function parsePath(text) {
  const known = FIELDS.get(text);
  if (known !== undefined) {
    const name = text.slice(text.indexOf('.') + 1).replaceAll('.', '_');
    return { text, context: contextOf(text), kind: known.kind, name, writable: known.writable };
  }
  const match = ATTRIBUTE.exec(text);
  assert(match !== null, `${text} is no field; wit/telemetry.wit lists them all`);
  const context = contextOf(text);
  assert.equal(match[2], context === 'metric' ? 'metadata' : 'attributes', `${text} is no field`);
  const kind = match[3] === undefined ? 'attributes' : 'attribute';
  return { text, context, kind, name: (match[3] ?? '').replace(/\\(.)/g, '$1'), writable: true };
}

/** The texts of a batch, those that the plugin added behind them. Text 0 is another plugin's. */
export class Pool {
  /** @type {Uint8Array[]} */
  texts = [new Uint8Array()];
  /** @type {Map<string, number>} */
  #known = new Map();

  /** The index of a text that the plugin may read. @param {Uint8Array} text */
  add(text) {
    const key = Buffer.from(text).toString('latin1');
    const index = this.#known.get(key) ?? this.texts.push(text) - 1;
    this.#known.set(key, index);
    return index;
  }

  /** @param {string} text */
  index = (text) => this.add(new TextEncoder().encode(text));

  /** What crosses. @returns {WireTexts} */
  wire() {
    let end = 0;
    return { ends: Uint32Array.from(this.texts, (text) => (end += text.length)), bytes: joined(this.texts) };
  }

  /** Takes the texts that a plugin added. @param {WireTexts} added */
  take({ ends, bytes }) {
    let start = 0;
    for (const end of ends) {
      assert(start <= end && end <= bytes.length, 'the ends of new texts never decrease, and stay inside the pool');
      this.texts.push(bytes.slice(start, end));
      start = end;
    }
  }

  /** A text that the plugin may refer to. @param {number} index */
  bytes(index) {
    assert(index > 0 && index < this.texts.length, `text ${index} is not one that the plugin may refer to`);
    return this.texts[index];
  }

  /** The same as a string. @param {number} index */
  text(index) {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes(index));
  }

  /** The cell of a value. @param {Value} value @returns {Cell} */
  cell(value) {
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) return plainCell(value);
    const [kind, bytes] = encoded(value);
    return new Cell(kind, BigInt(this.add(bytes)));
  }

  /** The value of a cell that a plugin made. @param {number} kind @param {bigint} bits @returns {Value} */
  value(kind, bits) {
    assert(kind <= 8, `there is no kind ${kind}`);
    if (kind === 1) return this.text(Number(bits));
    if (kind >= 5 && kind <= 7) return decoded(kind, this.bytes(Number(bits)));
    if (kind === 3) return BigInt.asIntN(64, bits);
    if (kind === 4) return doubleOf(bits);
    if (kind === 2) assert(bits <= 1n, 'a bool is 0 or 1');
    return kind === 2 ? bits === 1n : kind === 8 ? null : undefined;
  }
}

/** @param {Cell[]} cells @returns {WireCells} */
const wireCells = (cells) => ({
  kinds: Uint8Array.from(cells, (cell) => cell.kind),
  bits: BigUint64Array.from(cells, (cell) => cell.bits),
});

/** One field of all rows. @param {Path} path @param {any[]} nodes @param {Pool} pool @returns {WireColumn} */
function column({ kind, name }, nodes, pool) {
  if (kind === 'attributes') {
    /** @type {number[]} */
    const keys = [];
    /** @type {Cell[]} */
    const values = [];
    const ends = nodes.map((node) => {
      for (const [key, value] of Object.entries(node.attributes)) {
        values.push(pool.cell(/** @type {Value} */ (value)));
        keys.push(pool.index(key));
      }
      return keys.length;
    });
    const [wireEnds, wireKeys] = [Uint32Array.from(ends), Uint32Array.from(keys)];
    return { tag: 'attributes', val: { ends: wireEnds, keys: wireKeys, values: wireCells(values) } };
  }
  const found = nodes.map((node) => (kind === 'attribute' ? node.attributes[name] : node[name]));
  if (kind === 'text' || (kind === 'attribute' && found.every((one) => one === undefined || typeof one === 'string'))) {
    const isNone = (/** @type {string | undefined} */ one) => one === undefined || (one === '' && kind === 'text');
    return { tag: 'text', val: Uint32Array.from(found, (one) => (isNone(one) ? ABSENT_INDEX : pool.index(one))) };
  }
  if (kind === 'attribute' || kind === 'cells')
    return { tag: 'cells', val: wireCells(found.map((one) => pool.cell(one))) };
  if (kind === 'trace-id') {
    return {
      tag: kind,
      val: BigUint64Array.from(found.flatMap((id) => [BigInt(id) >> 64n, BigInt.asUintN(64, BigInt(id))])),
    };
  }
  if (kind === 'narrow') return { tag: kind, val: Uint32Array.from(found) };
  return { tag: 'wide', val: BigUint64Array.from(found, BigInt) };
}

/** The host of one plugin. */
export class Host {
  /** @param {Contract} contract @param {boolean} [holds] */
  constructor({ signals, reads, writes, sharding }, holds = false) {
    assert(signals.length > 0 && new Set(signals).size === signals.length, 'a plugin takes a signal, and none twice');
    assert(!holds || sharding !== 'none', 'a plugin that holds rows shards by trace or whole');
    this.signals = signals;
    this.holds = holds;
    this.reads = reads.map(parsePath);
    this.writes = writes.map(parsePath);
    for (const { text, context } of [...this.reads, ...this.writes]) {
      assert(
        signals.some((signal) => CONTEXTS[signal].includes(context)),
        `${text} is of no signal that is taken`,
      );
    }
    for (const { text, writable } of this.writes) assert(writable, `${text} may not be written`);
  }

  /** The batch that the plugin gets. @param {Telemetry} telemetry @returns {[WireBatch, Pool]} */
  load(telemetry) {
    assert(this.signals.includes(telemetry.signal), `the plugin does not take ${telemetry.signal}`);
    const pool = new Pool();
    const named = new Set([...this.reads, ...this.writes].map((path) => path.context));
    const tables = [];
    for (const [key, { nodes, parents }] of rowsOf(telemetry)) {
      const context = /** @type {ContextName} */ (key);
      if ((context === 'span-event' || context === 'span-link') && !named.has(context)) continue;
      tables.push({
        context,
        rows: nodes.length,
        parents: Uint32Array.from(context === 'resource' ? [] : parents),
        columns: this.reads.filter((path) => path.context === context).map((path) => column(path, nodes, pool)),
      });
    }
    const { signal, receivedUnixNano } = telemetry;
    return [{ signal, receivedUnixNano, texts: pool.wire(), tables }, pool];
  }
}
