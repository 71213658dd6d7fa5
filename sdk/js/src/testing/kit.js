/** Runs a processor natively, with a host's checks around it. */

import assert from 'node:assert/strict';

import { Batch } from '../batch.js';
import { Contract } from '../contract.js';
import { recorded } from '../host.js';
import { Outcome } from '../outcome.js';
import { parseSettings } from '../settings.js';
import { Decisions } from '../ticker.js';
import { Applied } from './edits.js';
import { Host } from './host.js';
import { Resource, Scope, Telemetry } from './items.js';

/** @import { PluginClass, Processor } from '../guest.js' */

/** A configured processor under test. A broken rule of the contract fails the test. */
export class Kit {
  /** @type {any} */
  plugin;
  #host;
  /** @type {Map<bigint, [Resource, Scope, any][]>} */
  #held = new Map();
  /** @type {import('../fields.js').SignalName} */
  #signal;

  /** Configures a processor; throws what `configure` throws. @param {PluginClass<any, Processor>} kind @param {unknown} settings */
  constructor(kind, settings) {
    this.contract = new Contract();
    this.plugin = kind.configure(parseSettings(kind.settings, JSON.stringify(settings)), this.contract);
    this.#host = new Host(this.contract, typeof this.plugin.tick === 'function');
    this.#signal = this.contract.signals[0];
  }

  /** Runs one batch, and applies the outcome. Throws what `process` throws. @param {Telemetry} telemetry */
  run(telemetry) {
    const [wire, pool] = this.#host.load(telemetry);
    recorded.logs = [];
    recorded.counts = new Map();
    const batch = new Batch(wire);
    const outcome = new Outcome(batch);
    this.plugin.process(batch, outcome);
    const { left, held, dropped } = new Applied(this.#host, telemetry, pool, outcome.wire());
    this.#signal = telemetry.signal;
    for (const one of held) this.#held.set(one[2].trace_id, [...(this.#held.get(one[2].trace_id) ?? []), one]);
    return {
      left,
      dropped,
      held: held.length,
      names: left.names,
      bodies: left.bodies,
      items: left.items,
      logs: recorded.logs,
      counts: recorded.counts,
    };
  }

  /** Asks for decisions, and carries them out. @param {bigint} nowUnixNano @param {boolean} [ending] */
  tick(nowUnixNano, ending = false) {
    const decisions = new Decisions();
    this.plugin.tick(nowUnixNano, ending, decisions);
    const wire = decisions.wire();
    const [traces, review] = [ids(wire.traces), ids(wire.review)];
    assert.equal(new Set([...traces, ...review]).size, traces.length + review.length, 'a trace is named twice');
    /** @type {any[]} */
    const released = [];
    /** @type {any[]} */
    const dropped = [];
    for (const [at, trace] of traces.entries()) {
      const rows = (this.#held.get(trace) ?? []).map(([, , node]) => node);
      (wire.decisions[at] === 'drop' ? dropped : released).push(...rows);
      this.#held.delete(trace);
    }
    if (ending) {
      for (const rows of this.#held.values()) released.push(...rows.map(([, , node]) => node));
      this.#held.clear();
    }
    this.#show(review);
    return { released, dropped, reviewed: review.length };
  }

  /** Shows the plugin everything that is held, as a host does after a fault. */
  reviewAll() {
    this.#show([...this.#held.keys()]);
  }

  /** @param {bigint[]} traces */
  #show(traces) {
    for (const trace of traces) {
      const rows = (this.#held.get(trace) ?? []).map(([resource, scope, node]) => {
        const around = Object.assign(new Scope([]), scope, { items: [node] });
        return Object.assign(new Resource([]), resource, { scopes: [around] });
      });
      if (rows.length > 0) this.plugin.review(new Batch(this.#host.load(new Telemetry(this.#signal, rows))[0]));
    }
  }
}

/** @param {BigUint64Array} words */
function ids(words) {
  const found = [];
  for (let at = 0; at < words.length; at += 2) found.push((words[at] << 64n) | words[at + 1]);
  return found;
}
