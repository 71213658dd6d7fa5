/* A plugin of every role, with state and a ticker, that uses what the SDK has: all edits, all kinds of fields, all
 * instruments; tests/languages.rs runs it in all of them. */
#include <stdlib.h>

#include "spanmill.h"

/* -- a processor that edits spans, and holds those of every other trace until there are two of one -- */

/* What is known of a trace of which spans were held, and as the state has it, which the guests in other languages take over. */
typedef struct {
  uint64_t id[2];
  uint32_t seen;
  bool is_held, is_shown;
} trace;

static struct {
  trace *traces;
  size_t count, room;
  sm_trace_id_field id;
  sm_list_field list;
  sm_write_field name, code, all, single;
  sm_counter seen;
} keeper;

static void make_room(size_t count) {
  if (count <= keeper.room) return;
  keeper.room = count * 2 + 64;
  keeper.traces = realloc(keeper.traces, keeper.room * sizeof *keeper.traces);
  sm_require(keeper.traces != NULL);
}

static trace *trace_of(uint64_t high, uint64_t low) {
  for (trace *known = keeper.traces; known < keeper.traces + keeper.count; known++) {
    if (known->id[0] == high && known->id[1] == low) return known;
  }
  make_room(keeper.count + 1);
  trace *made = &keeper.traces[keeper.count++];
  memset(made, 0, sizeof *made);
  made->id[0] = high;
  made->id[1] = low;
  return made;
}

static void configure_keeper(sm_settings *settings, sm_contract *contract) {
  (void)settings;
  sm_shard(contract, SM_SHARD_BY_TRACE);
  keeper.id = sm_read_trace_id(contract, "span.trace_id");
  keeper.list = sm_read_attributes(contract, SM_SPAN);
  sm_read_attribute(contract, SM_SPAN_EVENT, "exception.type");
  keeper.name = sm_write(contract, "span.name");
  keeper.code = sm_write(contract, "span.status.code");
  keeper.all = sm_write_attributes(contract, SM_SPAN);
  keeper.single = sm_write_attribute(contract, SM_RESOURCE, "seen");
  keeper.seen = sm_declare_counter(contract, "rows_seen");
  keeper.count = 0;
}

static sm_status process_keeper(const sm_batch *batch, sm_outcome *outcome) {
  sm_new_texts *texts = sm_outcome_texts(outcome);
  sm_attributes list = sm_attribute_lists(batch, keeper.list);
  const uint64_t *words = sm_trace_ids(batch, keeper.id).items;
  size_t rows = sm_rows(batch, SM_SPAN);
  sm_count(keeper.seen, rows);
  sm_set_all(outcome, keeper.single, sm_cell_bool(true));
  for (size_t row = 0; row < rows; row++) {
    uint64_t high = words[2 * row], low = words[2 * row + 1];
    uint32_t begin = sm_entries_begin(list, row), end = sm_entries_end(list, row);
    if (row % 5 == 4) {
      sm_drop_row(outcome, SM_SPAN, row);
    } else if ((high || low) && low % 2 == 0) {
      trace *held = trace_of(high, low);
      held->seen++;
      held->is_held = true;
      sm_hold_row(outcome, SM_SPAN, row);
      sm_append(outcome, keeper.all, row, sm_new_text(texts, sm_str("spans.seen")), sm_cell_int(held->seen));
    }
    if (row % 3 == 0) {
      sm_set(outcome, keeper.name, row, sm_cell_text(sm_new_text(texts, sm_str("row"))));
      sm_set(outcome, keeper.code, rows - 1 - row, sm_cell_int(2));
    }
    if (end - begin > 2) {
      sm_remove_entry(outcome, keeper.all, begin + 1);
      sm_set_entry(outcome, keeper.all, begin, sm_cell_double(0.5));
    }
    sm_append(outcome, keeper.all, row, sm_new_text(texts, sm_str("row.number")), sm_cell_int((int64_t)row));
  }
  if (list.keys.count > 0 && list.values.kinds.items[0] == SM_KIND_TEXT) {
    sm_replace(outcome, keeper.all, (uint32_t)list.values.bits.items[0], sm_new_text(texts, sm_str("replaced")));
  }
  for (size_t row = 1; row < sm_rows(batch, SM_SPAN_EVENT); row += 2) sm_drop_row(outcome, SM_SPAN_EVENT, row);
  return SM_OK;
}

static sm_status tick(uint64_t now, bool ending, sm_decisions *decisions) {
  (void)now;
  for (trace *held = keeper.traces; held < keeper.traces + keeper.count; held++) {
    uint64_t high = held->id[0], low = held->id[1];
    if (!held->is_held) continue;
    if (held->is_shown || ending) {
      if (low % 4 == 0) sm_release(decisions, high, low);
      else sm_drop_trace(decisions, high, low);
      held->is_held = held->is_shown = false;
    } else if (held->seen > 1) {
      sm_review(decisions, high, low);
    }
  }
  return SM_OK;
}

static sm_status review(const sm_batch *batch) {
  const uint64_t *words = sm_trace_ids(batch, keeper.id).items;
  for (size_t row = 0; row < sm_rows(batch, SM_SPAN); row++) {
    trace *shown = trace_of(words[2 * row], words[2 * row + 1]);
    shown->is_held = shown->is_shown = true;
  }
  return SM_OK;
}

static sm_u8s snapshot(void) { return (sm_u8s){(const uint8_t *)keeper.traces, keeper.count * sizeof *keeper.traces}; }

static sm_restored restore(uint32_t format, sm_u8s data) {
  if (format != 1) return SM_UNKNOWN_FORMAT;
  if (data.count % sizeof *keeper.traces != 0) return SM_WRONG_DATA;
  keeper.count = data.count / sizeof *keeper.traces;
  make_room(keeper.count);
  if (data.count > 0) memcpy(keeper.traces, data.items, data.count);
  return SM_RESTORED;
}

/* -- a connector with an instrument of each kind, over every signal -- */

static bool is_named;

static void configure_meter(sm_settings *settings, sm_contract *contract, sm_metric_stream *stream) {
  static const double bounds[] = {1, 2};
  static const char *const key[] = {"service.name"};
  static const sm_instrument instruments[] = {
      {.name = "sum", .kind = SM_SUM, .exemplars = 2},
      {.name = "histogram", .kind = SM_HISTOGRAM, .bounds = {bounds, 2}},
      {.name = "exponential", .kind = SM_EXPONENTIAL_HISTOGRAM, .buckets = 160},
      {.name = "up_down", .kind = SM_UP_DOWN_SUM, .unit = "1"},
      {.name = "gauge", .kind = SM_GAUGE, .description = "the last one"},
  };
  (void)settings;
  sm_take(contract, SM_BIT(SM_TRACES) | SM_BIT(SM_LOGS) | SM_BIT(SM_METRICS));
  sm_read_attributes(contract, SM_RESOURCE);
  sm_read_cells(contract, "datapoint.value");
  stream->scope = "roles";
  stream->temporality = SM_DELTA;
  stream->resource_key = key;
  stream->resource_key_count = 1;
  stream->instruments = instruments;
  stream->instrument_count = 5;
  is_named = false;
}

static sm_status process_meter(const sm_batch *batch, sm_emission *emission) {
  static const sm_context items[] = {SM_SPAN, SM_LOG, SM_DATA_POINT};
  sm_new_texts *texts = sm_emission_texts(emission);
  size_t count = sm_rows(batch, items[batch->signal]);
  uint32_t *series, *rows;
  uint64_t *counts;
  if (is_named) sm_restart(emission);
  is_named = true;
  uint32_t key = sm_new_text(texts, sm_str("a"));
  sm_series_attribute(emission, key, (sm_cell){SM_KIND_BYTES, sm_new_text(texts, (sm_text){"\xff", 1})});
  sm_end_series(emission);
  key = sm_new_text(texts, sm_str("service.name"));
  sm_series_resource(emission, key, sm_cell_text(sm_new_text(texts, sm_str("x"))));
  sm_end_series(emission);
  sm_measurements(emission, 0, count, &series, NULL, &counts, &rows);
  for (uint32_t row = 0; row < count; row++) {
    series[row] = row % 2;
    counts[row] = row;
    rows[row] = row;
    for (uint32_t instrument = 1; instrument < 5; instrument++) sm_measure(emission, instrument, row % 2, row / 2.0);
  }
  return SM_OK;
}

/* -- a connector that makes a log record of each resource -- */

static struct { sm_record_field number, time, trace, event, body, list; } recorder;

static void configure_recorder(sm_settings *settings, sm_contract *contract, sm_record_stream *stream) {
  (void)settings;
  sm_take(contract, SM_BIT(SM_TRACES) | SM_BIT(SM_LOGS) | SM_BIT(SM_METRICS));
  sm_read_attributes(contract, SM_RESOURCE);
  sm_record_scope(stream, "roles", "1");
  recorder.number = sm_record_path(stream, "log.severity_number");
  recorder.time = sm_record_path(stream, "log.time_unix_nano");
  recorder.trace = sm_record_path(stream, "log.trace_id");
  recorder.event = sm_record_path(stream, "log.event_name");
  recorder.body = sm_record_path(stream, "log.body");
  recorder.list = sm_record_attributes(stream);
}

static sm_status process_recorder(const sm_batch *batch, sm_records *records) {
  sm_new_texts *texts = sm_records_texts(records);
  for (uint32_t row = 0; row < sm_rows(batch, SM_RESOURCE); row++) {
    sm_add_record(records, row);
    sm_record_narrow(records, recorder.number, 9);
    sm_record_wide(records, recorder.time, batch->received_unix_nano);
    sm_record_trace_id(records, recorder.trace, 1, 2);
    if (row % 2 == 1) continue;
    sm_record_text(records, recorder.event, sm_new_text(texts, sm_str("event")));
    sm_record_cell(records, recorder.body, sm_cell_double(1.5));
    sm_record_entry(records, recorder.list, sm_new_text(texts, sm_str("k")), sm_cell_int(-1));
    sm_record_entry(records, recorder.list, sm_new_text(texts, sm_str("l")), sm_cell_empty());
  }
  return SM_OK;
}

/* -- a router that sends resources in turn -- */

static size_t pipelines;

static void configure_sides(sm_settings *settings, const sm_pipelines *names, sm_contract *contract) {
  (void)settings;
  pipelines = names->names.count;
  sm_read_attribute(contract, SM_RESOURCE, "service.name");
}

static sm_status process_sides(const sm_batch *batch, sm_routes *routes) {
  if (pipelines == 0) return SM_OK;
  uint64_t *to = sm_send_each(routes, batch, SM_RESOURCE);
  for (size_t row = 0; row < sm_rows(batch, SM_RESOURCE); row++) to[row] = UINT64_C(1) << row % pipelines;
  return SM_OK;
}

SPANMILL_PROCESSOR(configure_keeper, process_keeper)
SPANMILL_TICKER(tick, review)
SPANMILL_STATE(1, snapshot, restore)
SPANMILL_CONNECTOR(configure_meter, process_meter)
SPANMILL_RECORD_CONNECTOR(configure_recorder, process_recorder)
SPANMILL_ROUTER(configure_sides, process_sides)
SPANMILL_ABOUT("roles", "1.0.0", "Every role.", "{}")
