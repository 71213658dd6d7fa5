/** The shapes that cross the boundary. Types only. */

/** @import { ContextName, ShardingName, SignalName } from './fields.js' */
/** @import { Problem } from './errors.js' */

/** @typedef {{ends: Uint32Array, bytes: Uint8Array}} WireTexts */
/** @typedef {{kinds: Uint8Array, bits: BigUint64Array}} WireCells */
/** @typedef {{ends: Uint32Array, keys: Uint32Array, values: WireCells}} WireLists */
/**
 * @typedef {{tag: 'narrow' | 'text', val: Uint32Array} | {tag: 'wide' | 'trace-id', val: BigUint64Array}
 *   | {tag: 'cells', val: WireCells} | {tag: 'attributes', val: WireLists}
 *   | {tag: 'numbers', val: {ends: Uint32Array, bits: BigUint64Array}}} WireColumn
 */
/** @typedef {{context: ContextName, rows: number, parents: Uint32Array, columns: WireColumn[]}} WireTable */
/** @typedef {{signal: SignalName, receivedUnixNano: bigint, texts: WireTexts, tables: WireTable[]}} WireBatch */
/** @typedef {{field: number, rows: Uint32Array, values: WireCells}} WireWrite */
/** @typedef {{field: number, entries: Uint32Array, values: WireCells}} WireEntryWrite */
/** @typedef {{field: number, old: Uint32Array, new: Uint32Array}} WireReplacement */
/** @typedef {{field: number, entries: Uint32Array}} WireRemoval */
/** @typedef {{field: number, rows: Uint32Array, keys: Uint32Array, values: WireCells}} WireAppend */
/**
 * @typedef {object} WireOutcome
 * @property {{context: ContextName, rows: Uint8Array}[]} verdicts
 * @property {WireTexts} texts
 * @property {WireWrite[]} writes
 * @property {WireEntryWrite[]} entryWrites
 * @property {WireReplacement[]} replacements
 * @property {WireRemoval[]} removals
 * @property {WireAppend[]} appends
 */
/** @typedef {{signals: SignalName[], reads: string[], writes: string[], sharding: ShardingName}} WireContract */
/** @typedef {{tag: 'sum' | 'up-down-sum' | 'gauge'} | {tag: 'histogram', val: Float64Array} | {tag: 'exponential-histogram', val: number}} WireKind */
/**
 * @typedef {object} WireStream
 * @property {string} scope
 * @property {{name: string, description: string, unit: string, kind: WireKind, exemplars: number}[]} instruments
 * @property {'delta' | 'cumulative'} temporality
 * @property {bigint} flushIntervalNs
 * @property {bigint} expirationNs
 * @property {number} seriesLimit
 * @property {number} resourceLimit
 * @property {number} totalLimit
 * @property {string[]} resourceKey
 */
/** @typedef {{instrument: number, series: Uint32Array, values: Float64Array, counts: BigUint64Array, rows: Uint32Array}} WireRecording */
/** @typedef {{texts: WireTexts, restart: boolean, series: {resources: WireLists, attributes: WireLists}, recordings: WireRecording[]}} WireEmission */
/** @typedef {{signal: SignalName, fields: string[], scopeName: string, scopeVersion: string}} WireRecordStream */
/** @typedef {{texts: WireTexts, rows: number, resources: Uint32Array, columns: WireColumn[]}} WireRecords */
/** @typedef {{context: ContextName, pipelines: BigUint64Array}} WireRoutes */
/** @typedef {{traces: BigUint64Array, decisions: ('release' | 'drop')[], review: BigUint64Array}} WireDecisions */
/** @typedef {{format: number, data: Uint8Array}} WireState */
/** @typedef {{tag: 'settings', val: Problem[]} | {tag: 'unavailable', val: string}} WireConfigError */
/** @typedef {{tag: 'not-configured'} | {tag: 'batch' | 'state', val: string}} WirePluginError */
/**
 * @template T, E
 * @typedef {{tag: 'ok', val: T} | {tag: 'err', val: E}} Result
 */

export {};
