/* Plugins run. */
#include "kit.h"

extern void (*sm_on_log)(sm_level level, const char *message);
extern void (*sm_on_count)(const char *name, uint64_t delta);

static sm_bytes logged;
static SM_VECTOR(struct {
  const char *name;
  uint64_t count;
}) counted;
static smt_row_list held;
static SM_VECTOR(smt_total) totals;
static SM_VECTOR(smt_total) series;
static size_t restarts;

static void on_log(sm_level level, const char *message) {
  (void)level;
  smt_append_text(&logged, message);
  sm_push(&logged, '\n');
}

static void on_count(const char *name, uint64_t delta) {
  for (size_t at = 0; at < counted.count; at++) {
    if (strcmp(counted.items[at].name, name) == 0) {
      counted.items[at].count += delta;
      return;
    }
  }
  sm_reserve(&counted, 1);
  counted.items[counted.count].name = name;
  counted.items[counted.count++].count = delta;
}

void smt_listen(void) {
  sm_on_log = on_log;
  sm_on_count = on_count;
}

const char *smt_logged(void) {
  sm_push(&logged, 0);
  logged.count--;
  return (const char *)logged.items;
}

uint64_t smt_counted(const char *name) {
  for (size_t at = 0; at < counted.count; at++) {
    if (strcmp(counted.items[at].name, name) == 0) return counted.items[at].count;
  }
  return 0;
}

static const char *text_of(sm_text text) { return sm_join(text).data; }

/* A new plugin: nothing is held, logged or measured so far. */
static void begin(void) {
  logged.count = counted.count = held.count = totals.count = series.count = restarts = 0;
  smt_listen();
}

static const char *mistakes(uint8_t failed, const wire_config_error *error) {
  if (!failed) return NULL;
  if (error->tag == 1) return text_of(error->of.unavailable);
  sm_text text = sm_str("");
  for (size_t at = 0; at < error->of.problems.count; at++) {
    const sm_problem *problem = &error->of.problems.items[at];
    text = sm_join(text, sm_str(at ? "; " : ""), problem->path, sm_str(problem->path.length ? ": " : ""),
                   problem->message);
  }
  return text.data;
}

typedef RESULT(wire_contract, wire_config_error) configured;

const char *smt_configure(const sm_processor *plugin, const char *settings) {
  begin();
  const configured *answer = sm_call_configure_processor(plugin, settings, strlen(settings));
  return mistakes(answer->failed, &answer->of.error);
}

const char *smt_configure_connector(const sm_connector *plugin, const char *settings) {
  typedef RESULT(wire_connector_contract, wire_config_error) answer_type;
  begin();
  const answer_type *answer = sm_call_configure_connector(plugin, settings, strlen(settings));
  return mistakes(answer->failed, &answer->of.error);
}

const char *smt_configure_record_connector(const sm_record_connector *plugin, const char *settings) {
  typedef RESULT(wire_record_contract, wire_config_error) answer_type;
  begin();
  const answer_type *answer = sm_call_configure_record_connector(plugin, settings, strlen(settings));
  return mistakes(answer->failed, &answer->of.error);
}

const char *smt_configure_router(const sm_router *plugin, const char *settings, sm_signal signal,
                                 const char *const *pipelines, size_t count) {
  sm_text_vector names = {0};
  begin();
  for (size_t at = 0; at < count; at++) sm_push(&names, sm_str(pipelines[at]));
  const configured *answer =
      sm_call_configure_router(plugin, settings, strlen(settings), signal, names.items, names.count);
  return mistakes(answer->failed, &answer->of.error);
}

const char *smt_reads(void) {
  sm_text text = sm_str("");
  for (size_t at = 0; at < sm_now_declared.contract.reads.count; at++) {
    text = sm_join(text, sm_str(at ? "," : ""), sm_now_declared.contract.reads.items[at]);
  }
  return text.data;
}

smt_changed smt_run(const sm_processor *plugin, const smt_telemetry *telemetry) {
  typedef RESULT(wire_outcome, wire_plugin_error) answer_type;
  smt_changed changed = {smt_copy_all(telemetry), {0}, {0}, NULL};
  smt_loaded loaded = smt_load(changed.left);
  const answer_type *answer = sm_call_process(plugin, SMT_ARGUMENTS(changed.left, loaded));
  if (answer->failed) {
    changed.error = text_of(answer->of.error.message);
    return changed;
  }
  const wire_outcome *outcome = &answer->of.value;
  smt_apply(&loaded, outcome);
  for (size_t at = 0; at < outcome->verdicts.count; at++) {
    const wire_verdicts *verdicts = &outcome->verdicts.items[at];
    smt_row_list *rows = &loaded.rows[verdicts->context];
    if (verdicts->rows.count != rows->count) smt_fail("verdicts are one a row");
    for (size_t row = 0; row < rows->count; row++) {
      uint8_t verdict = verdicts->rows.items[row];
      rows->items[row]->is_out = verdict != SM_KEEP;
      changed.dropped[verdicts->context] += verdict == SM_DROP;
      if (verdict != SM_HOLD) continue;
      smt_value trace = smt_get(rows->items[row], "trace_id");
      if (trace.bits == 0 && trace.low == 0) smt_fail("a row without a trace id is held");
      changed.held[verdicts->context]++;
      sm_push(&held, smt_copy(rows->items[row]));
    }
  }
  smt_sweep(changed.left);
  return changed;
}

const char *smt_describe(const smt_loaded *loaded, sm_attributes list, size_t row) {
  sm_text text = sm_str("");
  for (uint32_t at = sm_entries_begin(list, row); at < sm_entries_end(list, row); at++) {
    smt_value value = smt_value_of(loaded, sm_cell_at(list.values, at));
    char number[32] = "";
    if (value.kind == SM_KIND_INT) snprintf(number, sizeof number, "%lld", (long long)value.bits);
    if (value.kind == SM_KIND_BOOL) snprintf(number, sizeof number, "%s", value.bits ? "true" : "false");
    if (value.kind == SM_KIND_DOUBLE) {
      snprintf(number, sizeof number, "%g", sm_double((sm_cell){value.kind, value.bits}));
    }
    text = sm_join(text, sm_str(text.length ? "," : ""), loaded->texts.items[list.keys.items[at]], sm_str("="),
                   value.text, sm_str(number));
  }
  return text.data;
}

static smt_total *total_of(const char *metric, const smt_total *of) {
  for (size_t at = 0; at < totals.count; at++) {
    smt_total *total = &totals.items[at];
    if (!strcmp(total->metric, metric) && !strcmp(total->resource, of->resource) &&
        !strcmp(total->attributes, of->attributes)) {
      return total;
    }
  }
  sm_push(&totals, ((smt_total){metric, of->resource, of->attributes, 0, 0}));
  return &totals.items[totals.count - 1];
}

const char *smt_measure(const sm_connector *plugin, const smt_telemetry *telemetry) {
  typedef RESULT(wire_emission, wire_plugin_error) answer_type;
  smt_telemetry *copy = smt_copy_all(telemetry);
  smt_loaded loaded = smt_load(copy);
  const answer_type *answer = sm_call_process_connector(plugin, SMT_ARGUMENTS(copy, loaded));
  if (answer->failed) return text_of(answer->of.error.message);
  const wire_emission *emission = &answer->of.value;
  smt_add_texts(&loaded, emission->texts);
  if (emission->restart) {
    series.count = 0;
    restarts++;
  }
  if (emission->resources.ends.count != emission->attributes.ends.count)
    smt_fail("a series has a resource and attributes");
  for (size_t at = 0; at < emission->resources.ends.count; at++) {
    sm_push(&series, ((smt_total){NULL, smt_describe(&loaded, emission->resources, at),
                                  smt_describe(&loaded, emission->attributes, at), 0, 0}));
  }
  for (size_t at = 0; at < emission->recordings.count; at++) {
    const wire_recording *recording = &emission->recordings.items[at];
    const char *metric = sm_now_declared.metrics.instruments[recording->instrument].name;
    for (size_t of = 0; of < recording->series.count; of++) {
      if (recording->series.items[of] >= series.count) smt_fail("a series is measured that was never named");
      double value = recording->values.count ? recording->values.items[of] : 1;
      uint64_t count = recording->counts.count ? recording->counts.items[of] : 1;
      smt_total *total = total_of(metric, &series.items[recording->series.items[of]]);
      total->count += count;
      total->sum += value * (double)count;
    }
  }
  return NULL;
}

size_t smt_totals(const char *metric, const smt_total **of) {
  static SM_VECTOR(smt_total) found;
  found.count = 0;
  for (size_t at = 0; at < totals.count; at++) {
    if (strcmp(totals.items[at].metric, metric) == 0) sm_push(&found, totals.items[at]);
  }
  *of = found.items;
  return found.count;
}

size_t smt_restarts(void) { return restarts; }

static smt_value column_value(const smt_loaded *loaded, const sm_column *column, size_t row) {
  switch (column->shape) {
    case SM_SHAPE_NARROW: return smt_int(column->of.narrow.items[row]);
    case SM_SHAPE_TEXT: return smt_value_of(loaded, sm_cell_text(column->of.narrow.items[row]));
    case SM_SHAPE_WIDE: return smt_int((int64_t)column->of.wide.items[row]);
    case SM_SHAPE_TRACE_ID:
      return (smt_value){SM_KIND_INT, {"", 0}, column->of.wide.items[2 * row], column->of.wide.items[2 * row + 1]};
    default: return smt_value_of(loaded, sm_cell_at(column->of.cells, row));
  }
}

smt_telemetry *smt_make(const sm_record_connector *plugin, const smt_telemetry *telemetry) {
  typedef RESULT(wire_records, wire_plugin_error) answer_type;
  const sm_record_stream *stream = &sm_now_declared.records;
  smt_telemetry *copy = smt_copy_all(telemetry), *made = smt_telemetry_of(stream->signal);
  smt_loaded loaded = smt_load(copy);
  const answer_type *answer = sm_call_process_record_connector(plugin, SMT_ARGUMENTS(copy, loaded));
  if (answer->failed) smt_fail(text_of(answer->of.error.message));
  const wire_records *records = &answer->of.value;
  smt_add_texts(&loaded, records->texts);
  smt_row *scope = NULL;
  for (size_t at = 0; at < records->rows; at++) {
    uint32_t resource = records->resources.items[at];
    if (at > 0 && resource < records->resources.items[at - 1]) smt_fail("the resources of records decrease");
    if (at == 0 || resource != records->resources.items[at - 1]) {
      smt_row *over = smt_copy(loaded.rows[SM_RESOURCE].items[resource]);
      over->children.count = 0;
      scope = smt_scope(stream->scope_name ? stream->scope_name : "");
      smt_add_resource(made, smt_with(over, scope));
    }
    smt_row *row = stream->signal == SM_TRACES ? smt_span("") : smt_log("");
    row->fields.count = 0;
    for (size_t field = 0; field < records->columns.count; field++) {
      const sm_column *column = &records->columns.items[field];
      smt_path path = smt_parse(stream->fields.items[field]);
      if (path.is_list) {
        sm_attributes list = column->of.attributes;
        for (uint32_t entry = sm_entries_begin(list, at); entry < sm_entries_end(list, at); entry++) {
          smt_attr(row, loaded.texts.items[list.keys.items[entry]].data,
                   smt_value_of(&loaded, sm_cell_at(list.values, entry)));
        }
        continue;
      }
      smt_value value = column_value(&loaded, column, at);
      if (value.kind != SM_KIND_ABSENT) path.key ? smt_attr(row, path.key, value) : smt_set(row, path.name, value);
    }
    smt_with(scope, row);
  }
  return made;
}

smt_telemetry *smt_route(const sm_router *plugin, const smt_telemetry *telemetry, size_t pipeline) {
  typedef RESULT(wire_routes, wire_plugin_error) answer_type;
  smt_telemetry *copy = smt_copy_all(telemetry);
  smt_loaded loaded = smt_load(copy);
  const answer_type *answer = sm_call_process_router(plugin, SMT_ARGUMENTS(copy, loaded));
  if (answer->failed) smt_fail(text_of(answer->of.error.message));
  const wire_routes *routes = &answer->of.value;
  smt_row_list *rows = &loaded.rows[routes->context];
  if (routes->pipelines.count != 1 && routes->pipelines.count != rows->count) smt_fail("routes are one a row, or one");
  for (size_t row = 0; row < rows->count; row++) {
    uint64_t set = routes->pipelines.items[routes->pipelines.count == 1 ? 0 : row];
    rows->items[row]->is_out = !(set >> pipeline & 1);
  }
  smt_sweep(copy);
  return copy;
}

smt_decided smt_tick(const sm_ticker *plugin, uint64_t now, bool ending) {
  typedef RESULT(wire_decisions, wire_plugin_error) answer_type;
  const answer_type *answer = sm_call_tick(plugin, now, ending);
  if (answer->failed) smt_fail(text_of(answer->of.error.message));
  const wire_decisions *decisions = &answer->of.value;
  sm_text names[2] = {sm_str(""), sm_str("")};
  size_t still = 0;
  for (size_t at = 0; at < held.count; at++) {
    smt_value trace = smt_get(held.items[at], "trace_id");
    int decision = -1;
    for (size_t of = 0; of < decisions->decisions.count; of++) {
      const uint64_t *words = &decisions->traces.items[2 * of];
      if (words[0] == trace.bits && words[1] == trace.low) decision = decisions->decisions.items[of];
    }
    if (decision < 0) {
      held.items[still++] = held.items[at];
      continue;
    }
    sm_text *into = &names[decision];
    *into = sm_join(*into, sm_str(into->length ? "," : ""), smt_get(held.items[at], "name").text);
  }
  held.count = still;
  return (smt_decided){names[0].data, names[1].data, still};
}
