/** Plugins for Spanmill, in JavaScript and TypeScript. README.md shows how to write, test and build one. */

export { ABSENT_INDEX, AttributeLists, Batch, Texts, Values } from './batch.js';
export { milliseconds, spread } from './columns.js';
export { Emission, SeriesNumbers } from './connector.js';
export { Contract, Counter, log } from './contract.js';
export {
  BadState,
  BatchError,
  ConfigError,
  Problems,
  StateError,
  Unavailable,
  UnknownFormat,
  closest,
} from './errors.js';
export { Context, FIELDS, Sharding, Signal } from './fields.js';
export {
  exportAbout,
  exportConnector,
  exportProcessor,
  exportRecordConnector,
  exportRouter,
  exportState,
  exportTicker,
} from './guest.js';
export { decodeArray, decodeMap, encodeArray, encodeMap } from './nested.js';
export { Outcome } from './outcome.js';
export { RecordStream, Records } from './records.js';
export { Pipelines, Routes } from './router.js';
export * as settings from './settings.js';
export { Decisions } from './ticker.js';
export { Cell, Kind } from './values.js';

/** @typedef {import('./connector.js').Attribute} Attribute */
/** @typedef {import('./connector.js').MetricStream} MetricStream */
/** @typedef {import('./contract.js').CellField} CellField */
/** @typedef {import('./contract.js').ListField} ListField */
/** @typedef {import('./contract.js').NarrowField} NarrowField */
/** @typedef {import('./contract.js').TextField} TextField */
/** @typedef {import('./contract.js').TraceIdField} TraceIdField */
/** @typedef {import('./contract.js').WideField} WideField */
/** @typedef {import('./contract.js').WriteField} WriteField */
/** @typedef {import('./errors.js').Problem} Problem */
/** @typedef {import('./fields.js').ContextName} ContextName */
/** @typedef {import('./fields.js').SignalName} SignalName */
/** @typedef {import('./guest.js').Connector} Connector */
/** @typedef {import('./guest.js').Processor} Processor */
/** @typedef {import('./guest.js').RecordConnector} RecordConnector */
/** @typedef {import('./guest.js').Router} Router */
/** @typedef {import('./guest.js').State} State */
/** @typedef {import('./guest.js').Ticker} Ticker */
/** @typedef {import('./records.js').RecordField} RecordField */
/** @typedef {import('./values.js').Value} Value */
