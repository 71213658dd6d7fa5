/** Checks what a processor answered against the contract, and applies it. */

import assert from 'node:assert/strict';

import { rowsOf } from './items.js';

/** @import { WireCells, WireOutcome } from '../wire.js' */
/** @import { Host, Path, Pool } from './host.js' */
/** @import { Resource, Scope, Telemetry } from './items.js' */
/** @import { Value } from '../values.js' */

/** @param {Uint32Array} numbers @param {number} below @param {string} what */
function increasing(numbers, below, what) {
  numbers.forEach((number, at) => {
    assert(at === 0 || numbers[at - 1] < number, `${what} are not strictly increasing`);
    assert(number < below, `${what} go beyond the ${below} that there are`);
  });
  return [...numbers];
}

/** What a processor made of telemetry. */
export class Applied {
  /** @type {[Resource, Scope, any][]} */
  held = [];
  /** The rows of each context that were dropped. @type {Map<string, number[]>} */
  dropped = new Map();

  /** @param {Host} host @param {Telemetry} telemetry @param {Pool} pool @param {WireOutcome} outcome */
  constructor(host, telemetry, pool, outcome) {
    this.host = host;
    this.pool = pool;
    this.left = telemetry.copy();
    this.tables = rowsOf(this.left);
    pool.take(outcome.texts);
    const entries = host.writes.map((path) =>
      this.#nodes(path).flatMap(({ attributes }) => Object.keys(attributes).map((key) => ({ attributes, key }))),
    );
    for (const { field, old, new: made } of outcome.replacements) this.#replace(field, old, made);
    for (const { field, entries: numbers, values } of outcome.entryWrites) {
      const owners = this.#isList(field) ? entries[field] : [];
      const places = increasing(numbers, owners.length, 'entries');
      this.#each(places, values, false, (place, value, kind) => {
        assert(kind !== 0, 'an entry is never absent');
        owners[place].attributes[owners[place].key] = value;
      });
    }
    for (const { field, entries: numbers } of outcome.removals) {
      const owners = this.#isList(field) ? entries[field] : [];
      for (const place of increasing(numbers, owners.length, 'entries')) {
        delete owners[place].attributes[owners[place].key];
      }
    }
    for (const { field, rows, values } of outcome.writes) this.#write(field, rows, values);
    for (const { field, rows, keys, values } of outcome.appends) this.#append(field, rows, keys, values);
    this.#judge(outcome.verdicts);
  }

  /** @param {number} field @returns {Path} */
  #path(field) {
    assert(field < this.host.writes.length, `field ${field} was not declared`);
    return this.host.writes[field];
  }

  /** @param {Path} path @returns {any[]} */
  #nodes(path) {
    return this.tables.get(path.context)?.nodes ?? [];
  }

  /** @param {number} field */
  #isList(field) {
    assert.equal(this.#path(field).kind, 'attributes', 'entries are those of whole attribute lists');
    return true;
  }

  /** @param {number[]} places @param {WireCells} cells @param {boolean} mayBeOne @param {(place: number, value: Value, kind: number) => void} take */
  #each(places, { kinds, bits }, mayBeOne, take) {
    assert.equal(kinds.length, bits.length, 'kinds and bits are not of one length');
    const isOne = mayBeOne && kinds.length === 1;
    assert(isOne || kinds.length === places.length, `${kinds.length} values for ${places.length} places`);
    places.forEach((place, at) => {
      const from = isOne ? 0 : at;
      take(place, this.pool.value(kinds[from], bits[from]), kinds[from]);
    });
  }

  /** @param {number} field @param {Uint32Array} old @param {Uint32Array} made */
  #replace(field, old, made) {
    const path = this.#path(field);
    const isRead = this.host.reads.some((read) => read.text === path.text);
    assert(isRead, 'what texts are replaced in must also be read');
    assert(new Set(old).size === old.length && old.length === made.length, 'each text is replaced once, by one');
    const texts = new Map([...old].map((one, at) => [this.pool.text(one), this.pool.text(made[at])]));
    for (const node of this.#nodes(path)) {
      const holder = path.kind.startsWith('attribute') ? node.attributes : node;
      for (const name of path.kind === 'attributes' ? Object.keys(holder) : [path.name]) {
        holder[name] = texts.get(holder[name]) ?? holder[name];
      }
    }
  }

  /** @param {number} field @param {Uint32Array} rows @param {WireCells} values */
  #write(field, rows, values) {
    const path = this.#path(field);
    const nodes = this.#nodes(path);
    assert.notEqual(path.kind, 'attributes', 'a whole attribute list takes no writes');
    const places = rows.length > 0 ? increasing(rows, nodes.length, 'rows') : [...nodes.keys()];
    this.#each(places, values, true, (place, value, kind) => {
      if (path.kind === 'attribute') {
        if (value === undefined) delete nodes[place].attributes[path.name];
        else nodes[place].attributes[path.name] = value;
      } else if (path.kind === 'text') {
        assert(kind <= 1, 'a text field takes texts');
        nodes[place][path.name] = value ?? '';
      } else if (path.kind === 'cells') {
        nodes[place][path.name] = value;
      } else {
        assert.equal(kind, 3, `a ${path.kind} field takes ints`);
        const number = BigInt.asUintN(64, /** @type {bigint} */ (value));
        assert(path.kind === 'wide' || number < 1n << 32n, 'a narrow field has 32 bits');
        nodes[place][path.name] = path.kind === 'wide' ? number : Number(number);
      }
    });
  }

  /** @param {number} field @param {Uint32Array} rows @param {Uint32Array} keys @param {WireCells} values */
  #append(field, rows, keys, values) {
    const nodes = this.#isList(field) ? this.#nodes(this.#path(field)) : [];
    assert.equal(rows.length, keys.length, 'each append has a key');
    let at = 0;
    this.#each([...rows], values, false, (place, value, kind) => {
      assert(at === 0 || rows[at - 1] <= place, 'the rows of appends never decrease');
      assert(place < nodes.length, 'an append is for a row that is not there');
      assert(kind !== 0, 'an entry is never absent');
      const key = this.pool.text(keys[at++]);
      assert(!Object.hasOwn(nodes[place].attributes, key), 'an appended key is there already');
      nodes[place].attributes[key] = value;
    });
  }

  /** @param {WireOutcome['verdicts']} all */
  #judge(all) {
    const gone = new Set();
    for (const { context, rows } of all) {
      assert(!this.dropped.has(context), `two lists of verdicts on ${context}`);
      assert(context !== 'resource' && context !== 'scope', `a ${context} takes no verdict`);
      const nodes = this.tables.get(context)?.nodes ?? [];
      assert(rows.length === 0 || rows.length === nodes.length, `${rows.length} verdicts for ${nodes.length} rows`);
      this.dropped.set(
        context,
        [...rows.keys()].filter((row) => rows[row] === 1),
      );
      rows.forEach((verdict, row) => {
        assert(verdict <= 2, `there is no verdict ${verdict}`);
        if (verdict === 2) this.#hold(context, nodes[row]);
        if (verdict !== 0) gone.add(nodes[row]);
      });
    }
    const left = (/** @type {any} */ node) => !gone.has(node);
    for (const resource of gone.size > 0 ? this.left.resources : []) {
      for (const scope of resource.scopes) {
        for (const item of scope.items) {
          if (item.points?.length > 0 && !item.points.some(left)) gone.add(item);
          for (const name of ['events', 'links', 'points']) if (item[name]) item[name] = item[name].filter(left);
        }
        scope.items = scope.items.filter(left);
      }
      resource.scopes = resource.scopes.filter((scope) => scope.items.length > 0);
    }
    if (gone.size > 0) this.left.resources = this.left.resources.filter((resource) => resource.scopes.length > 0);
  }

  /** @param {string} context @param {any} node */
  #hold(context, node) {
    assert(this.host.holds, 'only a plugin that exports `ticker` may hold');
    assert((context === 'span' || context === 'log') && node.trace_id, 'what is held has a trace id');
    for (const resource of this.left.resources) {
      for (const scope of resource.scopes) if (scope.items.includes(node)) this.held.push([resource, scope, node]);
    }
  }
}
