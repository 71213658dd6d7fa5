/** What routers know and answer. */

/** @import { Batch } from './batch.js' */
/** @import { ContextName, SignalName } from './fields.js' */
/** @import { WireRoutes } from './wire.js' */

/** The pipelines that a router may send to. A set of them is a bigint with a bit for each; 0n is none. */
export class Pipelines {
  /** @param {SignalName} signal @param {readonly string[]} names */
  constructor(signal, names) {
    this.signal = signal;
    this.names = names;
  }

  /** One of them, as a set of one; undefined if there is none of this name. @param {string} name */
  find(name) {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : 1n << BigInt(at);
  }
}

/** Where the rows of one batch go. At first nowhere. */
export class Routes {
  #batch;
  /** @type {ContextName} */
  #context = 'resource';
  #sets = new BigUint64Array(1);

  /** @param {Batch} batch */
  constructor(batch) {
    this.#batch = batch;
  }

  /** Sends all rows to the same pipelines. @param {bigint} to */
  sendAll(to) {
    this.#context = 'resource';
    this.#sets = BigUint64Array.of(to);
  }

  /**
   * Sends each row of a context, with what is below it, to pipelines of its own. The last call counts. `to` gives the set of a row.
   * @param {ContextName} context @param {(row: number) => bigint} to
   */
  sendEach(context, to) {
    this.#context = context;
    this.#sets = new BigUint64Array(this.#batch.rows(context));
    for (let row = 0; row < this.#sets.length; row++) this.#sets[row] = to(row);
  }

  /** What crosses. @returns {WireRoutes} */
  wire() {
    return { context: this.#context, pipelines: this.#sets };
  }
}
