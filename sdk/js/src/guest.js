/** The glue between plugins and the component model: one object for each interface that a plugin exports. */

import { Batch } from './batch.js';
import { Emission, wireStream } from './connector.js';
import { Contract } from './contract.js';
import { BadState, BatchError, ConfigError, StateError, Unavailable, UnknownFormat } from './errors.js';
import { recorded } from './host.js';
import { Outcome } from './outcome.js';
import { Records } from './records.js';
import { Pipelines, Routes } from './router.js';
import { parseSettings } from './settings.js';
import { Decisions } from './ticker.js';

/** @import { MetricStream } from './connector.js' */
/** @import { SignalName } from './fields.js' */
/** @import { RecordStream } from './records.js' */
/** @import { Setting } from './settings.js' */
/** @import { Result, WireBatch, WireConfigError, WirePluginError, WireState } from './wire.js' */

/**
 * A class of plugins: `settings` says how the manifest's section is read, `configure` takes what it gives and declares.
 * @template S, P
 * @typedef {{settings: Setting<S>, configure(settings: S, contract: Contract): P}} PluginClass
 */
/** @typedef {{process(batch: Batch, outcome: Outcome): void}} Processor */
/** @typedef {{process(batch: Batch, emission: Emission): void}} Connector */
/** @typedef {{process(batch: Batch, records: Records): void}} RecordConnector */
/** @typedef {{process(batch: Batch, routes: Routes): void}} Router */
/** What a plugin has that hands its state on. @typedef {{snapshot(): Uint8Array, restore(format: number, data: Uint8Array): void}} State */
/** @typedef {{tick(nowUnixNano: bigint, ending: boolean, decisions: Decisions): void, review(batch: Batch): void}} Ticker */

/** The one plugin of an instance, whichever role it is in. @type {any} */
let plugin;
/** @type {RecordStream | undefined} */
let stream;

/** Prints where an unexpected error was thrown, which the host logs, and throws it on: a trap. @param {unknown} error @returns {never} */
function failed(error) {
  if (recorded === undefined && error instanceof Error) {
    console.error(`${error.name}: ${error.message}`);
    for (const line of (error.stack ?? '').split('\n')) {
      // Behind them come the lines of the glue.
      if (line === '' || line.includes('initializer.js')) break;
      console.error(`    at ${line}`);
    }
  }
  throw error;
}

/** @template T @param {() => T} call @returns {Result<T, WireConfigError>} */
function configured(call) {
  try {
    return { tag: 'ok', val: call() };
  } catch (error) {
    if (error instanceof ConfigError) return { tag: 'err', val: { tag: 'settings', val: error.problems } };
    if (error instanceof Unavailable) return { tag: 'err', val: { tag: 'unavailable', val: error.message } };
    return failed(error);
  }
}

/** @template T @param {() => T} call @returns {Result<T, WirePluginError>} */
function processed(call) {
  if (plugin === undefined) return { tag: 'err', val: { tag: 'not-configured' } };
  try {
    return { tag: 'ok', val: call() };
  } catch (error) {
    if (error instanceof BatchError) return { tag: 'err', val: { tag: 'batch', val: error.message } };
    if (error instanceof StateError) return { tag: 'err', val: { tag: 'state', val: error.message } };
    return failed(error);
  }
}

/** What a plugin's file exports as `processor`. @template S @param {PluginClass<S, Processor>} kind */
export function exportProcessor(kind) {
  return {
    /** @param {string} settings */
    configure: (settings) =>
      configured(() => {
        const contract = new Contract();
        plugin = kind.configure(parseSettings(kind.settings, settings), contract);
        return contract.wire();
      }),
    /** @param {WireBatch} wire */
    process: (wire) =>
      processed(() => {
        const batch = new Batch(wire);
        const outcome = new Outcome(batch);
        plugin.process(batch, outcome);
        return outcome.wire();
      }),
  };
}

/** What a plugin's file exports as `connector`. @template S @param {PluginClass<S, {plugin: Connector, metrics: MetricStream}>} kind */
export function exportConnector(kind) {
  return {
    /** @param {string} settings */
    configure: (settings) =>
      configured(() => {
        const contract = new Contract();
        const made = kind.configure(parseSettings(kind.settings, settings), contract);
        plugin = made.plugin;
        return { contract: contract.wire(), metrics: wireStream(made.metrics) };
      }),
    /** @param {WireBatch} wire */
    process: (wire) =>
      processed(() => {
        const batch = new Batch(wire);
        const emission = new Emission(batch);
        plugin.process(batch, emission);
        return emission.wire();
      }),
  };
}

/** What a plugin's file exports as `recordConnector`. @template S @param {PluginClass<S, {plugin: RecordConnector, records: RecordStream}>} kind */
export function exportRecordConnector(kind) {
  return {
    /** @param {string} settings */
    configure: (settings) =>
      configured(() => {
        const contract = new Contract();
        const made = kind.configure(parseSettings(kind.settings, settings), contract);
        ({ plugin, records: stream } = made);
        return { contract: contract.wire(), records: made.records.wire() };
      }),
    /** @param {WireBatch} wire */
    process: (wire) =>
      processed(() => {
        const batch = new Batch(wire);
        const records = new Records(batch, /** @type {RecordStream} */ (stream));
        plugin.process(batch, records);
        return records.wire();
      }),
  };
}

/**
 * What a plugin's file exports as `router`. It takes the signal of its pipelines unless the contract says otherwise.
 * @template S
 * @param {{settings: Setting<S>, configure(settings: S, pipelines: Pipelines, contract: Contract): Router}} kind
 */
export function exportRouter(kind) {
  return {
    /** @param {string} settings @param {SignalName} signal @param {string[]} pipelines */
    configure: (settings, signal, pipelines) =>
      configured(() => {
        const contract = new Contract(signal);
        plugin = kind.configure(parseSettings(kind.settings, settings), new Pipelines(signal, pipelines), contract);
        return contract.wire();
      }),
    /** @param {WireBatch} wire */
    process: (wire) =>
      processed(() => {
        const batch = new Batch(wire);
        const routes = new Routes(batch);
        plugin.process(batch, routes);
        return routes.wire();
      }),
  };
}

/** What a plugin's file exports as `state`. `format` is the layout that `snapshot` writes; raise it when the layout changes. @param {number} format */
export function exportState(format) {
  return {
    /** @returns {WireState} */
    snapshot: () => ({
      format,
      // The plugin of another role may keep nothing.
      data: plugin?.snapshot?.() ?? new Uint8Array(),
    }),
    /** @param {WireState} saved */
    restore: (saved) => {
      if (plugin === undefined) return { tag: 'err', val: { tag: 'data', val: 'not configured' } };
      try {
        return { tag: 'ok', val: plugin.restore?.(saved.format, saved.data) };
      } catch (error) {
        if (error instanceof UnknownFormat) return { tag: 'err', val: { tag: 'format' } };
        if (error instanceof BadState) return { tag: 'err', val: { tag: 'data', val: error.message } };
        return failed(error);
      }
    },
  };
}

/** What a plugin's file exports as `ticker`. */
export function exportTicker() {
  return {
    /** @param {bigint} nowUnixNano @param {boolean} ending */
    tick: (nowUnixNano, ending) =>
      processed(() => {
        const decisions = new Decisions();
        plugin.tick(nowUnixNano, ending, decisions);
        return decisions.wire();
      }),
    /** @param {WireBatch} wire */
    review: (wire) => processed(() => plugin.review(new Batch(wire))),
  };
}

/**
 * What a plugin's file exports as `about`: what it is, for people and editors.
 * @param {{name: string, version: string, summary: string, settings?: Setting<any>}} plugin
 */
export function exportAbout({ name, version, summary, settings }) {
  const settingsSchema = settings === undefined ? '' : JSON.stringify(settings.schema);
  return { describe: () => ({ name, version, summary, settingsSchema }) };
}
