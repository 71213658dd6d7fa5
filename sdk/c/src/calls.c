/* What each exported function does: from lowered arguments to the answer as the canonical ABI lays it out. An answer
 * stays where it is until the next call, so nothing has to be freed after it was read. */
#include "wire.h"

#ifdef __wasm__
_Static_assert(sizeof(sm_column) == 36 && sizeof(sm_table) == 24, "a batch's layout");
_Static_assert(sizeof(wire_outcome) == 64 && sizeof(wire_write) == 28, "an outcome's layout");
_Static_assert(sizeof(wire_connector_contract) == 96 && sizeof(wire_emission) == 92, "a connector's layout");
_Static_assert(sizeof(wire_record_contract) == 56 && sizeof(wire_records) == 36, "a record connector's layout");
_Static_assert(sizeof(RESULT(wire_contract, wire_config_error)) == 32, "the layout of results");
extern bool sm_call_is_done;
#define DONE(answer) (sm_call_is_done = true, (answer))
#else
#define DONE(answer) (answer)
#endif

sm_declared sm_now_declared;
static bool is_configured;

/* The batch of the arguments. */
static const sm_batch *batch_of(SM_LOWERED) {
  static sm_batch batch;
  batch.signal = (sm_signal)signal;
  batch.received_unix_nano = received;
  batch.texts = (sm_texts){{ends, end_count}, {bytes, byte_count}};
  memset(batch.tables, 0, sizeof batch.tables);
  for (size_t at = 0; at < table_count; at++) {
    sm_require(tables[at].context < SM_CONTEXTS);
    batch.tables[tables[at].context] = &tables[at];
  }
  return &batch;
}

/* -- configuring -- */

static sm_settings settings;

static void begin(const char *text, size_t length, unsigned signals) {
  is_configured = false;
  sm_now_declared.contract = (sm_contract){.signals = signals};
  sm_settings_read(&settings, text, length);
}

/* Whether the plugin took its settings; else the error. */
static bool took(wire_config_error *error) {
  sm_settings_finish(&settings);
  is_configured = !sm_has_mistakes(&settings);
  if (settings.unavailable) {
    error->tag = 1;
    error->of.unavailable = sm_str(settings.unavailable);
  } else {
    error->tag = 0;
    error->of.problems.items = settings.problems.items;
    error->of.problems.count = settings.problems.count;
  }
  return is_configured;
}

static wire_contract declared(void) {
  static uint8_t signals[3];
  const sm_contract *contract = &sm_now_declared.contract;
  wire_contract wire = {{signals, 0},
                        {contract->reads.items, contract->reads.count},
                        {contract->writes.items, contract->writes.count},
                        (uint8_t)contract->sharding};
  for (unsigned signal = 0; signal < 3; signal++) {
    if (contract->signals & SM_BIT(signal)) signals[wire.signals.count++] = (uint8_t)signal;
  }
  return wire;
}

const void *sm_call_configure_processor(const sm_processor *plugin, const char *text, size_t length) {
  static RESULT(wire_contract, wire_config_error) answer;
  begin(text, length, SM_BIT(SM_TRACES));
  plugin->configure(&settings, &sm_now_declared.contract);
  answer.failed = !took(&answer.of.error);
  if (!answer.failed) answer.of.value = declared();
  return DONE(&answer);
}

const void *sm_call_configure_router(const sm_router *plugin, const char *text, size_t length, uint32_t signal,
                                     const sm_text *pipelines, size_t count) {
  static RESULT(wire_contract, wire_config_error) answer;
  sm_pipelines names = {(sm_signal)signal, {pipelines, count}};
  begin(text, length, SM_BIT(signal));
  plugin->configure(&settings, &names, &sm_now_declared.contract);
  answer.failed = !took(&answer.of.error);
  if (!answer.failed) answer.of.value = declared();
  return DONE(&answer);
}

static sm_text text_of(const char *string) { return sm_str(string ? string : ""); }

static wire_stream stream_of(const sm_metric_stream *stream) {
  static SM_VECTOR(wire_instrument) instruments;
  static sm_text_vector key;
  instruments.count = key.count = 0;
  for (size_t at = 0; at < stream->instrument_count; at++) {
    const sm_instrument *from = &stream->instruments[at];
    wire_instrument wire = {text_of(from->name), text_of(from->description), text_of(from->unit), {0}, from->exemplars};
    wire.kind.tag = (uint8_t)from->kind;
    if (from->kind == SM_HISTOGRAM) wire.kind.of.bounds = from->bounds;
    if (from->kind == SM_EXPONENTIAL_HISTOGRAM) wire.kind.of.buckets = from->buckets;
    sm_push(&instruments, wire);
  }
  for (size_t at = 0; at < stream->resource_key_count; at++) sm_push(&key, sm_str(stream->resource_key[at]));
  return (wire_stream){text_of(stream->scope),       {instruments.items, instruments.count},
                       (uint8_t)stream->temporality, stream->flush_interval_ns,
                       stream->expiration_ns,        stream->series_limit,
                       stream->resource_limit,       stream->total_limit,
                       {key.items, key.count}};
}

const void *sm_call_configure_connector(const sm_connector *plugin, const char *text, size_t length) {
  static RESULT(wire_connector_contract, wire_config_error) answer;
  begin(text, length, SM_BIT(SM_TRACES));
  sm_metric_stream *stream = &sm_now_declared.metrics;
  *stream = (sm_metric_stream){.temporality = SM_CUMULATIVE, .flush_interval_ns = UINT64_C(60000000000)};
  plugin->configure(&settings, &sm_now_declared.contract, stream);
  answer.failed = !took(&answer.of.error);
  if (!answer.failed) answer.of.value = (wire_connector_contract){declared(), stream_of(stream)};
  return DONE(&answer);
}

const void *sm_call_configure_record_connector(const sm_record_connector *plugin, const char *text, size_t length) {
  static RESULT(wire_record_contract, wire_config_error) answer;
  begin(text, length, SM_BIT(SM_TRACES));
  sm_record_stream *stream = &sm_now_declared.records;
  *stream = (sm_record_stream){.signal = SM_LOGS};
  plugin->configure(&settings, &sm_now_declared.contract, stream);
  answer.failed = !took(&answer.of.error);
  if (!answer.failed) {
    answer.of.value = (wire_record_contract){declared(),
                                             {(uint8_t)stream->signal,
                                              {stream->fields.items, stream->fields.count},
                                              text_of(stream->scope_name),
                                              text_of(stream->scope_version)}};
  }
  return DONE(&answer);
}

/* -- batches -- */

/* Whether a call went well; else the error. */
static bool went_well(sm_status status, wire_plugin_error *error) {
  if (status == SM_OK) return true;
  error->tag = status == SM_REFUSED ? 1 : 2;
  error->message = sm_str(sm_last_message);
  return false;
}

/* Runs the plugin if it is configured. */
#define RUN(answer, call)                                  \
  if (!is_configured) {                                    \
    (answer).failed = 1;                                   \
    (answer).of.error = (wire_plugin_error){0, {NULL, 0}}; \
    return DONE(&(answer));                                \
  }                                                        \
  (answer).failed = !went_well(call, &(answer).of.error);  \
  if ((answer).failed) return DONE(&(answer))

static SM_VECTOR(wire_write) writes, entry_writes;
static SM_VECTOR(wire_replacement) replacements;
static SM_VECTOR(wire_removal) removals;
static SM_VECTOR(wire_append) appends;

static void put_edits(uint32_t field, const sm_edits *edits) {
  if (edits->has_all) {
    sm_cells one = {{&edits->all.kind, 1}, {&edits->all.bits, 1}};
    sm_push(&writes, ((wire_write){field, {NULL, 0}, one}));
  }
  if (edits->rows.places.count > 0) {
    sm_push(&writes, ((wire_write){field, sm_list(sm_u32s, &edits->rows.places), sm_cells_of(&edits->rows.values)}));
  }
  if (edits->entries.places.count > 0) {
    sm_push(&entry_writes,
            ((wire_write){field, sm_list(sm_u32s, &edits->entries.places), sm_cells_of(&edits->entries.values)}));
  }
  if (edits->old_texts.count > 0) {
    sm_push(&replacements,
            ((wire_replacement){field, sm_list(sm_u32s, &edits->old_texts), sm_list(sm_u32s, &edits->new_texts)}));
  }
  if (edits->removed.count > 0) sm_push(&removals, ((wire_removal){field, sm_list(sm_u32s, &edits->removed)}));
  if (edits->append_rows.count > 0) {
    sm_push(&appends, ((wire_append){field, sm_list(sm_u32s, &edits->append_rows),
                                     sm_list(sm_u32s, &edits->append_keys), sm_cells_of(&edits->append_values)}));
  }
}

const void *sm_call_process(const sm_processor *plugin, SM_LOWERED) {
  static RESULT(wire_outcome, wire_plugin_error) answer;
  static sm_outcome outcome;
  static wire_verdicts verdicts[SM_CONTEXTS];
  const sm_batch *batch = batch_of(SM_LOWERED_ARGUMENTS);
  size_t fields = sm_now_declared.contract.writes.count;
  sm_outcome_begin(&outcome, batch, fields);
  RUN(answer, plugin->process(batch, &outcome));
  sm_outcome_finish(&outcome);
  wire_outcome *wire = &answer.of.value;
  wire->verdicts.items = verdicts;
  wire->verdicts.count = 0;
  for (int context = 0; context < SM_CONTEXTS; context++) {
    if (outcome.verdicts[context].count == 0) continue;
    verdicts[wire->verdicts.count++] = (wire_verdicts){(uint8_t)context, sm_list(sm_u8s, &outcome.verdicts[context])};
  }
  wire->texts = sm_texts_of(&outcome.texts);
  writes.count = entry_writes.count = replacements.count = removals.count = appends.count = 0;
  for (size_t field = 0; field < fields; field++) put_edits((uint32_t)field, &outcome.fields.items[field]);
#define PUT(name) wire->name.items = name.items, wire->name.count = name.count
  PUT(writes), PUT(entry_writes), PUT(replacements), PUT(removals), PUT(appends);
  return DONE(&answer);
}

const void *sm_call_process_connector(const sm_connector *plugin, SM_LOWERED) {
  static RESULT(wire_emission, wire_plugin_error) answer;
  static sm_emission emission;
  static SM_VECTOR(wire_recording) recordings;
  const sm_batch *batch = batch_of(SM_LOWERED_ARGUMENTS);
  size_t instruments = sm_now_declared.metrics.instrument_count;
  sm_emission_begin(&emission, batch, instruments);
  RUN(answer, plugin->process(batch, &emission));
  recordings.count = 0;
  for (size_t at = 0; at < instruments; at++) {
    const sm_recording *of = &emission.recordings.items[at];
    if (of->series.count == 0) continue;
    sm_push(&recordings, ((wire_recording){(uint32_t)at, sm_list(sm_u32s, &of->series), sm_list(sm_f64s, &of->values),
                                           sm_list(sm_u64s, &of->counts), sm_list(sm_u32s, &of->rows)}));
  }
  answer.of.value = (wire_emission){sm_texts_of(&emission.texts),
                                    emission.restart,
                                    sm_attributes_of(&emission.resources),
                                    sm_attributes_of(&emission.attributes),
                                    {recordings.items, recordings.count}};
  return DONE(&answer);
}

static sm_column column_of(const sm_record_column *from, uint8_t shape) {
  sm_column column = {shape, {{NULL, 0}}};
  switch (shape) {
    case SM_SHAPE_NARROW:
    case SM_SHAPE_TEXT: column.of.narrow = sm_list(sm_u32s, &from->narrow); break;
    case SM_SHAPE_WIDE:
    case SM_SHAPE_TRACE_ID: column.of.wide = sm_list(sm_u64s, &from->wide); break;
    case SM_SHAPE_CELLS: column.of.cells = sm_cells_of(&from->cells); break;
    default: column.of.attributes = sm_attributes_of(&from->list); break;
  }
  return column;
}

const void *sm_call_process_record_connector(const sm_record_connector *plugin, SM_LOWERED) {
  static RESULT(wire_records, wire_plugin_error) answer;
  static sm_records records;
  static SM_VECTOR(sm_column) columns;
  const sm_batch *batch = batch_of(SM_LOWERED_ARGUMENTS);
  const sm_record_stream *stream = &sm_now_declared.records;
  sm_records_begin(&records, batch, stream);
  RUN(answer, plugin->process(batch, &records));
  sm_records_finish(&records);
  columns.count = 0;
  for (size_t at = 0; at < stream->fields.count && records.resources.count > 0; at++) {
    sm_push(&columns, column_of(&records.columns.items[at], stream->shapes.items[at]));
  }
  answer.of.value = (wire_records){sm_texts_of(&records.texts),
                                   (uint32_t)records.resources.count,
                                   sm_list(sm_u32s, &records.resources),
                                   {columns.items, columns.count}};
  return DONE(&answer);
}

const void *sm_call_process_router(const sm_router *plugin, SM_LOWERED) {
  static RESULT(wire_routes, wire_plugin_error) answer;
  static sm_routes routes;
  const sm_batch *batch = batch_of(SM_LOWERED_ARGUMENTS);
  sm_send_all(&routes, 0);
  RUN(answer, plugin->process(batch, &routes));
  answer.of.value = (wire_routes){routes.context, sm_list(sm_u64s, &routes.pipelines)};
  return DONE(&answer);
}

/* -- optional interfaces -- */

const void *sm_call_snapshot(const sm_state *plugin) {
  static wire_state answer;
  /* One that is not configured knows nothing yet. */
  answer = (wire_state){plugin->format, is_configured ? plugin->snapshot() : (sm_u8s){NULL, 0}};
  return DONE(&answer);
}

const void *sm_call_restore(const sm_state *plugin, uint32_t format, const uint8_t *data, size_t length) {
  static RESULT(wire_plugin_error, wire_plugin_error) answer;
  sm_last_message = "the data do not have the layout";
  sm_restored restored = is_configured ? plugin->restore(format, (sm_u8s){data, length}) : SM_WRONG_DATA;
  answer.failed = restored != SM_RESTORED;
  answer.of.error = (wire_plugin_error){restored == SM_WRONG_DATA, sm_str(sm_last_message)};
  return DONE(&answer);
}

const void *sm_call_describe(const sm_text description[4]) { return DONE(description); }

const void *sm_call_tick(const sm_ticker *plugin, uint64_t now, uint32_t ending) {
  static RESULT(wire_decisions, wire_plugin_error) answer;
  static sm_decisions decisions;
  decisions.traces.count = decisions.decisions.count = decisions.review.count = 0;
  RUN(answer, plugin->tick(now, ending != 0, &decisions));
  answer.of.value = (wire_decisions){sm_list(sm_u64s, &decisions.traces), sm_list(sm_u8s, &decisions.decisions),
                                     sm_list(sm_u64s, &decisions.review)};
  return DONE(&answer);
}

const void *sm_call_review(const sm_ticker *plugin, SM_LOWERED) {
  static RESULT(wire_plugin_error, wire_plugin_error) answer;
  const sm_batch *batch = batch_of(SM_LOWERED_ARGUMENTS);
  RUN(answer, plugin->review(batch));
  return DONE(&answer);
}
