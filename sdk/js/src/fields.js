/** Signals, contexts, and the fields that each context has. */

/** @typedef {'traces' | 'logs' | 'metrics'} SignalName */
/** @typedef {'resource' | 'scope' | 'span' | 'span-event' | 'span-link' | 'log' | 'metric' | 'data-point'} ContextName */
/** @typedef {'narrow' | 'wide' | 'trace-id' | 'text' | 'cells'} FieldKind */
/** @typedef {'none' | 'by-trace' | 'whole'} ShardingName */

/** What a batch carries. */
export const Signal = /** @type {const} */ ({ TRACES: 'traces', LOGS: 'logs', METRICS: 'metrics' });

/** What the rows of a table are. */
export const Context = /** @type {const} */ ({
  RESOURCE: 'resource',
  SCOPE: 'scope',
  SPAN: 'span',
  SPAN_EVENT: 'span-event',
  SPAN_LINK: 'span-link',
  LOG: 'log',
  METRIC: 'metric',
  DATA_POINT: 'data-point',
});

/** Which batches an instance must see: any, all rows of a trace, or every one. */
export const Sharding = /** @type {const} */ ({ NONE: 'none', BY_TRACE: 'by-trace', WHOLE: 'whole' });

/** The contexts of each signal, from resource down. @type {Record<SignalName, ContextName[]>} */
export const CONTEXTS = {
  traces: ['resource', 'scope', 'span', 'span-event', 'span-link'],
  logs: ['resource', 'scope', 'log'],
  metrics: ['resource', 'scope', 'metric', 'data-point'],
};

/** The context of a signal's items, which batches and limits count. @type {Record<SignalName, ContextName>} */
export const ITEMS = { traces: 'span', logs: 'log', metrics: 'data-point' };

/** The context that rows of each context belong to. @type {Record<ContextName, ContextName | undefined>} */
export const PARENTS = {
  resource: undefined,
  scope: 'resource',
  span: 'scope',
  'span-event': 'span',
  'span-link': 'span',
  log: 'scope',
  metric: 'scope',
  'data-point': 'metric',
};

/** What the paths of a context's fields begin with: `span`. @param {ContextName} context */
export const prefixOf = (context) => context.replace('-', '');

/** The context that a path belongs to. @param {string} path @returns {ContextName} */
export function contextOf(path) {
  const prefix = path.split('.', 1)[0];
  for (const context of Object.values(Context)) {
    if (prefixOf(context) === prefix) return context;
  }
  throw new Error(`${path} names no context; it should start like \`span.\``);
}

/** The path of a whole attribute list: `span.attributes`. @param {ContextName} context */
export const attributesPath = (context) => `${prefixOf(context)}.${context === 'metric' ? 'metadata' : 'attributes'}`;

/** The path of one attribute: `span.attributes["http.route"]`. @param {ContextName} context @param {string} key */
export const attributePath = (context, key) =>
  `${attributesPath(context)}["${key.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"]`;

/** Every path but attributes; those with a star may be written. */
const LISTED = `\
narrow: resource.dropped_attributes_count scope.dropped_attributes_count
text: resource.schema_url scope.schema_url scope.name* scope.version*
trace-id: span.trace_id spanlink.trace_id log.trace_id
wide: span.span_id span.parent_span_id spanlink.span_id log.span_id
text: span.trace_state* span.name* span.status.message* spanevent.name* spanlink.trace_state
narrow: span.kind* span.status.code* span.flags span.encoded_size
narrow: span.dropped_attributes_count span.dropped_events_count span.dropped_links_count
wide: span.start_time_unix_nano* span.end_time_unix_nano* spanevent.time_unix_nano*
narrow: spanevent.dropped_attributes_count spanlink.flags spanlink.dropped_attributes_count
wide: log.time_unix_nano* log.observed_time_unix_nano*
narrow: log.severity_number* log.flags log.dropped_attributes_count log.encoded_size
text: log.severity_text* log.event_name*
cells: log.body*
text: metric.name* metric.description* metric.unit*
narrow: metric.type metric.aggregation_temporality* metric.is_monotonic*
wide: datapoint.start_time_unix_nano* datapoint.time_unix_nano* datapoint.count datapoint.zero_count
narrow: datapoint.flags*
cells: datapoint.value* datapoint.sum datapoint.min datapoint.max datapoint.scale datapoint.zero_threshold
cells: datapoint.bucket_counts datapoint.explicit_bounds datapoint.quantile_values
cells: datapoint.positive.offset datapoint.negative.offset
cells: datapoint.positive.bucket_counts datapoint.negative.bucket_counts`;

/** Every path but attributes: its kind, and whether it may be written. @type {Map<string, {kind: FieldKind, writable: boolean}>} */
export const FIELDS = new Map();
for (const line of LISTED.split('\n')) {
  const [kind, names] = line.split(': ');
  for (const name of names.split(' ')) {
    FIELDS.set(name.replace('*', ''), { kind: /** @type {FieldKind} */ (kind), writable: name.endsWith('*') });
  }
}
