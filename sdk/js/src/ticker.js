/** What becomes of held rows. */

/** @import { WireDecisions } from './wire.js' */

/** What becomes of traces of which rows are held. Those not named stay held. Name each once; ids are bigints of 128 bits. */
export class Decisions {
  /** @type {bigint[]} */
  #traces = [];
  /** @type {('release' | 'drop')[]} */
  #decisions = [];
  /** @type {bigint[]} */
  #review = [];

  /** The rows held of a trace go on to the next stage. @param {bigint} traceId */
  release(traceId) {
    this.#traces.push(traceId);
    this.#decisions.push('release');
  }

  /** The rows held of a trace are dropped. @param {bigint} traceId */
  drop(traceId) {
    this.#traces.push(traceId);
    this.#decisions.push('drop');
  }

  /** The rows held of a trace are shown again, by `review`. @param {bigint} traceId */
  review(traceId) {
    this.#review.push(traceId);
  }

  /** What crosses. @returns {WireDecisions} */
  wire() {
    return { traces: words(this.#traces), decisions: this.#decisions, review: words(this.#review) };
  }
}

/** @param {readonly bigint[]} ids */
function words(ids) {
  const found = new BigUint64Array(ids.length * 2);
  ids.forEach((id, at) => {
    found[2 * at] = BigInt.asUintN(64, id >> 64n);
    found[2 * at + 1] = BigInt.asUintN(64, id);
  });
  return found;
}
