/**
 * Telemetry to test with: a tree of resources, scopes, and spans, log records or metrics.
 *
 * Fields have the names of the contract's paths: `span.status.code` is `status_code`, so that OTLP's names can be looked up.
 * Times are bigints, ns since 1970, and so are ids. Attributes are objects in the order they are sent; values are plugins' own.
 */

import { CONTEXTS } from '../fields.js';

/** @import { SignalName } from '../fields.js' */
/** @import { Value } from '../values.js' */

/** @typedef {{[key: string]: Value}} Attributes */

/** An item with attributes, whose other fields are set by name. */
class Item {
  /** @type {Attributes} */
  attributes = {};
  dropped_attributes_count = 0;

  /** @param {{[field: string]: any}} [fields] */
  take(fields = {}) {
    for (const [name, value] of Object.entries(fields)) {
      if (!Object.hasOwn(this, name)) throw new Error(`a ${this.constructor.name} has no field ${name}`);
      /** @type {any} */ (this)[name] = value;
    }
  }
}

/** An event of a span. */
export class Event extends Item {
  time_unix_nano = 0n;

  /** @param {string} name @param {Attributes} [attributes] @param {{[field: string]: any}} [fields] */
  constructor(name, attributes = {}, fields) {
    super();
    this.name = name;
    this.attributes = attributes;
    this.take(fields);
  }
}

/** A link of a span. */
export class Link extends Item {
  trace_id = 0n;
  span_id = 0n;
  trace_state = '';
  flags = 0;

  /** @param {{[field: string]: any}} [fields] */
  constructor(fields) {
    super();
    this.take(fields);
  }
}

/** A span, with OTLP's fields. */
export class Span extends Item {
  kind = 0;
  status_code = 0;
  status_message = '';
  start_time_unix_nano = 0n;
  end_time_unix_nano = 0n;
  trace_id = 0n;
  span_id = 0n;
  parent_span_id = 0n;
  trace_state = '';
  flags = 0;
  encoded_size = 100;
  /** @type {Event[]} */
  events = [];
  /** @type {Link[]} */
  links = [];
  dropped_events_count = 0;
  dropped_links_count = 0;

  /** @param {string} name @param {Attributes} [attributes] @param {{[field: string]: any}} [fields] */
  constructor(name, attributes = {}, fields) {
    super();
    this.name = name;
    this.attributes = attributes;
    this.take(fields);
  }
}

/** A log record, with OTLP's fields. */
export class LogRecord extends Item {
  severity_number = 0;
  severity_text = '';
  time_unix_nano = 0n;
  observed_time_unix_nano = 0n;
  event_name = '';
  trace_id = 0n;
  span_id = 0n;
  flags = 0;
  encoded_size = 100;

  /** @param {Value} [body] @param {Attributes} [attributes] @param {{[field: string]: any}} [fields] */
  constructor(body, attributes = {}, fields) {
    super();
    this.body = body;
    this.attributes = attributes;
    this.take(fields);
  }
}

/** A data point, with OTLP's fields. What its metric's type does not have is undefined, or 0. */
export class DataPoint extends Item {
  start_time_unix_nano = 0n;
  time_unix_nano = 0n;
  flags = 0;
  count = 0n;
  zero_count = 0n;
  sum = /** @type {Value} */ (undefined);
  min = /** @type {Value} */ (undefined);
  max = /** @type {Value} */ (undefined);
  scale = /** @type {Value} */ (undefined);
  zero_threshold = /** @type {Value} */ (undefined);
  bucket_counts = /** @type {Value} */ (undefined);
  explicit_bounds = /** @type {Value} */ (undefined);
  positive_offset = /** @type {Value} */ (undefined);
  positive_bucket_counts = /** @type {Value} */ (undefined);
  negative_offset = /** @type {Value} */ (undefined);
  negative_bucket_counts = /** @type {Value} */ (undefined);
  quantile_values = /** @type {Value} */ (undefined);

  /** @param {Value} [value] @param {Attributes} [attributes] @param {{[field: string]: any}} [fields] */
  constructor(value, attributes = {}, fields) {
    super();
    this.value = value;
    this.attributes = attributes;
    this.take(fields);
  }
}

/** A metric and its data points. Its attributes are OTLP's metadata. */
export class Metric extends Item {
  /** 1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary. */
  type = 1;
  description = '';
  unit = '';
  aggregation_temporality = 0;
  is_monotonic = 0;

  /** @param {string} name @param {DataPoint[]} [points] @param {{[field: string]: any}} [fields] */
  constructor(name, points = [], fields) {
    super();
    this.name = name;
    this.points = points;
    this.take(fields);
  }
}

/** An instrumentation scope, and its spans, log records or metrics. */
export class Scope extends Item {
  name = '';
  version = '';
  schema_url = '';

  /** @param {any[]} items @param {{[field: string]: any}} [fields] */
  constructor(items, fields) {
    super();
    this.items = items;
    this.take(fields);
  }
}

/** A resource and its scopes. */
export class Resource extends Item {
  schema_url = '';

  /** @param {Scope[]} scopes @param {Attributes} [attributes] */
  constructor(scopes, attributes = {}) {
    super();
    this.scopes = scopes;
    this.attributes = attributes;
  }
}

/** What travels together. */
export class Telemetry {
  receivedUnixNano = 1_600_000_000_000_000_000n;

  /** @param {SignalName} signal @param {Resource[]} [resources] */
  constructor(signal, resources = []) {
    this.signal = signal;
    this.resources = resources;
  }

  /** Every span, log record or metric, in order. @returns {any[]} */
  get items() {
    return this.resources.flatMap((resource) => resource.scopes.flatMap((scope) => scope.items));
  }

  /** The names of the spans or metrics, in order. @returns {string[]} */
  get names() {
    return this.items.map((item) => item.name);
  }

  /** The bodies of the log records, in order. @returns {Value[]} */
  get bodies() {
    return this.items.map((item) => item.body);
  }

  /** With the resources of other telemetry. @param {Telemetry} other */
  with(other) {
    return new Telemetry(this.signal, [...this.resources, ...other.resources]);
  }

  /** A copy that shares nothing. @returns {Telemetry} */
  copy() {
    const made = copied(this);
    made.receivedUnixNano = this.receivedUnixNano;
    return made;
  }
}

/** @template T @param {T} node @returns {T} */
export function copied(node) {
  if (typeof node !== 'object' || node === null || ArrayBuffer.isView(node)) return node;
  if (Array.isArray(node)) return /** @type {T} */ (node.map(copied));
  const made = Object.create(Object.getPrototypeOf(node));
  for (const [name, value] of Object.entries(node)) made[name] = copied(value);
  return made;
}

/** Spans of one resource; `with` joins several. @param {Span[]} spans @param {Attributes} [resource] */
export const traces = (spans, resource) => new Telemetry('traces', [new Resource([new Scope(spans)], resource)]);

/** Log records of one resource. @param {LogRecord[]} records @param {Attributes} [resource] */
export const logs = (records, resource) => new Telemetry('logs', [new Resource([new Scope(records)], resource)]);

/** Metrics of one resource. @param {Metric[]} all @param {Attributes} [resource] */
export const metrics = (all, resource) => new Telemetry('metrics', [new Resource([new Scope(all)], resource)]);

/** @typedef {{nodes: any[], parents: number[]}} Rows */

/** The rows of each context of the signal. @param {Telemetry} telemetry @returns {Map<string, Rows>} */
export function rowsOf(telemetry) {
  /** @type {Map<string, Rows>} */
  const tables = new Map(CONTEXTS[telemetry.signal].map((context) => [context, { nodes: [], parents: [] }]));
  /** @param {string} context @param {any} node @param {number} parent */
  const add = (context, node, parent) => {
    const { nodes, parents } = /** @type {Rows} */ (tables.get(context));
    parents.push(parent);
    return nodes.push(node) - 1;
  };
  for (const resource of telemetry.resources) {
    const at = add('resource', resource, 0);
    for (const scope of resource.scopes) {
      const below = add('scope', scope, at);
      for (const item of scope.items) {
        const row = add(CONTEXTS[telemetry.signal][2], item, below);
        for (const event of item.events ?? []) add('span-event', event, row);
        for (const link of item.links ?? []) add('span-link', link, row);
        for (const point of item.points ?? []) add('data-point', point, row);
      }
    }
  }
  return tables;
}
