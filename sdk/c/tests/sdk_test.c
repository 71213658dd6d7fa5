/* Tests of the SDK: edits, roles, settings. Plugins are made of functions here, without a registration. */
#include <stdlib.h>

#include "spanmill_test.h"

/* -- edits -- */

static struct {
  sm_list_field list;
  sm_attribute_field route;
  sm_write_field write_name, write_list, write_route, write_code;
  sm_counter edits;
  void (*edit)(const sm_batch *batch, sm_outcome *outcome);
} editor;

static void configure_editor(sm_settings *settings, sm_contract *contract) {
  (void)settings;
  editor.list = sm_read_attributes(contract, SM_SPAN);
  editor.route = sm_read_attribute(contract, SM_SPAN, "http.route");
  sm_read_text(contract, "span.name");
  editor.write_name = sm_write(contract, "span.name");
  editor.write_list = sm_write_attributes(contract, SM_SPAN);
  editor.write_route = sm_write_attribute(contract, SM_SPAN, "http.route");
  editor.write_code = sm_write(contract, "span.status.code");
  editor.edits = sm_declare_counter(contract, "edits");
}

static sm_status process_editor(const sm_batch *batch, sm_outcome *outcome) {
  sm_count(editor.edits, 1);
  editor.edit(batch, outcome);
  return SM_OK;
}

static const sm_processor editor_plugin = {configure_editor, process_editor};

static smt_telemetry *edited(void (*edit)(const sm_batch *batch, sm_outcome *outcome)) {
  SMT_EQUAL(smt_configure(&editor_plugin, "{}"), NULL);
  editor.edit = edit;
  smt_row *a = smt_attr(smt_attr(smt_span("a"), "http.route", smt_text("/a")), "x", smt_int(1));
  smt_row *b = smt_attr(smt_attr(smt_span("b"), "y", smt_text("/a")), "z", smt_bool(true));
  return smt_run(&editor_plugin, smt_spans(a, b, smt_span("c"))).left;
}

static void edit_rows(const sm_batch *batch, sm_outcome *outcome) {
  (void)batch;
  sm_new_texts *texts = sm_outcome_texts(outcome);
  sm_set(outcome, editor.write_name, 2, sm_cell_text(sm_new_text(texts, sm_str("late"))));
  sm_set(outcome, editor.write_name, 0, sm_cell_text(sm_new_text(texts, sm_str("first"))));
  sm_set(outcome, editor.write_name, 2, sm_cell_text(sm_new_text(texts, sm_str("last"))));
  sm_set_all(outcome, editor.write_code, sm_cell_int(2));
  sm_set(outcome, editor.write_code, 1, sm_cell_int(1));
}

static void rows_are_written_in_order_and_the_last_value_counts(void) {
  smt_telemetry *left = edited(edit_rows);
  SMT_EQUAL(smt_names(left, SM_SPAN), "first,b,last");
  smt_row **rows;
  SMT_CHECK(smt_rows(left, SM_SPAN, &rows) == 3);
  SMT_CHECK(smt_get(rows[0], "status.code").bits == 2 && smt_get(rows[1], "status.code").bits == 1);
  SMT_CHECK(smt_counted("edits") == 1);
}

static void edit_entries(const sm_batch *batch, sm_outcome *outcome) {
  sm_new_texts *texts = sm_outcome_texts(outcome);
  sm_attributes list = sm_attribute_lists(batch, editor.list);
  uint32_t first = sm_entries_begin(list, 1);
  sm_replace(outcome, editor.write_list, (uint32_t)sm_cell_at(list.values, 0).bits,
             sm_new_text(texts, sm_str("/masked")));
  sm_set_entry(outcome, editor.write_list, 1, sm_cell_double(0.5));
  sm_remove_entry(outcome, editor.write_list, first + 1);
  sm_remove_entry(outcome, editor.write_list, first + 1);
  sm_set(outcome, editor.write_route, 2, sm_cell_empty());
  sm_append(outcome, editor.write_list, 0, sm_new_text(texts, sm_str("seen")), sm_cell_bool(true));
}

static void attributes_are_written_replaced_removed_and_appended(void) {
  smt_row **rows;
  SMT_CHECK(smt_rows(edited(edit_entries), SM_SPAN, &rows) == 3);
  SMT_EQUAL(smt_get_attr(rows[0], "http.route").text.data, "/masked");
  SMT_CHECK(sm_double((sm_cell){SM_KIND_DOUBLE, smt_get_attr(rows[0], "x").bits}) == 0.5);
  SMT_CHECK(smt_get_attr(rows[0], "seen").bits == 1 && smt_attr_count(rows[0]) == 3);
  SMT_EQUAL(smt_get_attr(rows[1], "y").text.data, "/masked");
  SMT_CHECK(smt_attr_count(rows[1]) == 1);
  SMT_CHECK(smt_get_attr(rows[2], "http.route").kind == SM_KIND_EMPTY);
}

static void drop_all(const sm_batch *batch, sm_outcome *outcome) {
  for (size_t row = 0; row < sm_rows(batch, SM_SPAN); row++) sm_drop_row(outcome, SM_SPAN, row);
  sm_drop_row(outcome, SM_SPAN, 99);
}

static void what_is_emptied_goes_along(void) { SMT_CHECK(edited(drop_all)->count == 0); }

/* -- roles -- */

static struct {
  sm_trace_id_field trace;
  sm_narrow_field code;
  uint64_t error;
} keeper;

static void configure_keeper(sm_settings *settings, sm_contract *contract) {
  (void)settings;
  sm_shard(contract, SM_SHARD_BY_TRACE);
  keeper.trace = sm_read_trace_id(contract, "span.trace_id");
  keeper.code = sm_read_narrow(contract, "span.status.code");
}

static sm_status process_keeper(const sm_batch *batch, sm_outcome *outcome) {
  sm_u64s traces = sm_trace_ids(batch, keeper.trace);
  sm_u32s codes = sm_narrow_column(batch, keeper.code);
  for (size_t row = 0; row < codes.count; row++) {
    if (codes.items[row] == 2) keeper.error = traces.items[2 * row + 1];
    sm_hold_row(outcome, SM_SPAN, row);
  }
  return SM_OK;
}

static sm_status tick_keeper(uint64_t now, bool ending, sm_decisions *decisions) {
  (void)now;
  if (keeper.error) sm_release(decisions, 0, keeper.error);
  if (ending) sm_drop_trace(decisions, 0, 1);
  keeper.error = 0;
  return SM_OK;
}

static sm_status review_keeper(const sm_batch *batch) {
  (void)batch;
  return SM_OK;
}

static void rows_are_held_until_the_ticker_decides(void) {
  static const sm_processor plugin = {configure_keeper, process_keeper};
  static const sm_ticker ticker = {tick_keeper, review_keeper};
  SMT_EQUAL(smt_configure(&plugin, "{}"), NULL);
  smt_changed changed =
      smt_run(&plugin, smt_spans(smt_ids(smt_span("a"), 0, 1, 1), smt_status(smt_ids(smt_span("b"), 0, 2, 2), 2, "")));
  SMT_CHECK(changed.held[SM_SPAN] == 2 && changed.left->count == 0);
  smt_decided decided = smt_tick(&ticker, 1, false);
  SMT_EQUAL(decided.released, "b");
  SMT_CHECK(decided.held == 1);
  decided = smt_tick(&ticker, 2, true);
  SMT_EQUAL(decided.dropped, "a");
  SMT_CHECK(decided.held == 0);
}

static struct {
  sm_narrow_field kind;
  uint64_t servers, others;
} sides;

static void configure_sides(sm_settings *settings, const sm_pipelines *pipelines, sm_contract *contract) {
  sides.servers = sm_find_pipeline(pipelines, "traces/servers");
  sides.others = sm_find_pipeline(pipelines, "traces/others");
  if (!sides.servers || !sides.others) {
    sm_mistake(settings, sm_settings_root(settings),
               "name this connector under the receivers of traces/servers and traces/others");
  }
  sides.kind = sm_read_narrow(contract, "span.kind");
}

static sm_status process_sides(const sm_batch *batch, sm_routes *routes) {
  sm_u32s kinds = sm_narrow_column(batch, sides.kind);
  uint64_t *to = sm_send_each(routes, batch, SM_SPAN);
  for (size_t row = 0; row < kinds.count; row++) to[row] = kinds.items[row] == 2 ? sides.servers : sides.others;
  return SM_OK;
}

static void rows_are_routed(void) {
  static const sm_router plugin = {configure_sides, process_sides};
  static const char *const pipelines[] = {"traces/servers", "traces/others"};
  SMT_CHECK(smt_configure_router(&plugin, "{}", SM_TRACES, pipelines, 1) != NULL);
  SMT_EQUAL(smt_configure_router(&plugin, "{}", SM_TRACES, pipelines, 2), NULL);
  smt_telemetry *spans = smt_spans(smt_kind(smt_span("s"), 2), smt_kind(smt_span("c"), 3));
  SMT_EQUAL(smt_names(smt_route(&plugin, spans, 0), SM_SPAN), "s");
  SMT_EQUAL(smt_names(smt_route(&plugin, spans, 1), SM_SPAN), "c");
}

static struct {
  sm_text_field name;
  sm_narrow_field code;
  sm_wide_field end;
  sm_record_field time, body, list, trace;
} errors;

static void configure_errors(sm_settings *settings, sm_contract *contract, sm_record_stream *stream) {
  (void)settings;
  sm_record_scope(stream, "errors", "1.0");
  errors.name = sm_read_text(contract, "span.name");
  errors.code = sm_read_narrow(contract, "span.status.code");
  errors.end = sm_read_wide(contract, "span.end_time_unix_nano");
  errors.time = sm_record_path(stream, "log.time_unix_nano");
  errors.body = sm_record_path(stream, "log.body");
  errors.trace = sm_record_path(stream, "log.trace_id");
  errors.list = sm_record_attributes(stream);
}

static sm_status process_errors(const sm_batch *batch, sm_records *records) {
  sm_u32s codes = sm_narrow_column(batch, errors.code), names = sm_text_column(batch, errors.name);
  sm_u64s ends = sm_wide_column(batch, errors.end);
  for (size_t row = 0; row < codes.count; row++) {
    if (codes.items[row] != 2) continue;
    sm_add_record(records, sm_parents(batch, SM_SCOPE).items[sm_parents(batch, SM_SPAN).items[row]]);
    sm_record_wide(records, errors.time, ends.items[row]);
    sm_record_trace_id(records, errors.trace, 7, 8);
    sm_record_cell(records, errors.body, sm_cell_text(names.items[row]));
    sm_record_entry(records, errors.list, sm_new_text(sm_records_texts(records), sm_str("row")),
                    sm_cell_int((int64_t)row));
  }
  return SM_OK;
}

static void records_are_made(void) {
  static const sm_record_connector plugin = {configure_errors, process_errors};
  SMT_EQUAL(smt_configure_record_connector(&plugin, "{}"), NULL);
  smt_row *failed = smt_times(smt_status(smt_span("b"), 2, ""), 1, 5);
  smt_telemetry *made = smt_make(&plugin, smt_spans(smt_span("a"), failed));
  smt_row **rows;
  SMT_CHECK(smt_rows(made, SM_LOG, &rows) == 1);
  SMT_EQUAL(smt_names(made, SM_LOG), "b");
  SMT_CHECK(smt_get(rows[0], "time_unix_nano").bits == 5 && smt_get(rows[0], "trace_id").low == 8);
  SMT_CHECK(smt_get_attr(rows[0], "row").bits == 1);
  SMT_EQUAL(smt_names(made, SM_SCOPE), "errors");
}

/* -- settings -- */

static void configure_settings(sm_settings *settings, sm_contract *contract) {
  (void)contract;
  sm_json *root = sm_settings_root(settings);
  sm_json *routes = sm_required(settings, root, "routes", SM_JSON_LIST);
  for (sm_json *route = routes ? routes->first : NULL; route; route = route->next) {
    if (sm_expect(settings, route, SM_JSON_TEXT) && route->text.length == 0) sm_mistake(settings, route, "is empty");
  }
  sm_json *rate = sm_optional(settings, root, "rate", SM_JSON_NUMBER);
  if (rate && rate->number != 15) sm_mistake(settings, rate, "is not 15");
  sm_json *inner = sm_optional(settings, root, "in/ner", SM_JSON_OBJECT);
  if (inner) sm_required(settings, inner, "key", SM_JSON_TEXT);
  if (routes && routes->first && !sm_text_equal(routes->first->text, sm_str("\xc3\xa9\xf0\x9f\xa6\x80\n"))) {
    sm_mistake(settings, routes->first, "is another text");
  }
}

static sm_status process_nothing(const sm_batch *batch, sm_outcome *outcome) {
  (void)batch, (void)outcome;
  return sm_refuse("not today");
}

static void every_mistake_is_told_with_its_place(void) {
  static const sm_processor plugin = {configure_settings, process_nothing};
  SMT_EQUAL(smt_configure(&plugin,
                          "{\"routes\": [\"\\u00e9\\ud83e\\udd80\\n\"], \"rate\": 1.5e1, \"in/ner\": {\"key\": \"\"}}"),
            NULL);
  SMT_EQUAL(smt_run(&plugin, smt_spans(smt_span("a"))).error, "not today");
  SMT_EQUAL(smt_configure(&plugin, "{\"routes\": [1, \"\"], \"rate\": \"x\", \"in/ner\": {\"keyy\": 1}, \"zzz\": 0}"),
            "/routes/0: must be a text, not a number; /routes/1: is empty; /rate: must be a number, not a text; "
            "/in~1ner: missing key `key`; /routes/0: is another text; "
            "/in~1ner/keyy: unknown key `keyy`; did you mean `key`?; "
            "/zzz: unknown key `zzz`; known are `routes`, `rate`, `in/ner`");
  SMT_EQUAL(smt_configure(&plugin, "null"), "missing key `routes`");
  SMT_EQUAL(smt_configure(&plugin, "{\"routes\": [], \"routes\": []}"),
            "/routes: the key stands there twice; take one out");
  SMT_EQUAL(smt_configure(&plugin, "[]"), "must be a mapping, not a list");
  SMT_EQUAL(smt_configure(&plugin, "{\"routes\": ["), "the settings are no JSON");
}

int main(void) {
  SMT_RUN(rows_are_written_in_order_and_the_last_value_counts);
  SMT_RUN(attributes_are_written_replaced_removed_and_appended);
  SMT_RUN(what_is_emptied_goes_along);
  SMT_RUN(rows_are_held_until_the_ticker_decides);
  SMT_RUN(rows_are_routed);
  SMT_RUN(records_are_made);
  SMT_RUN(every_mistake_is_told_with_its_place);
  return smt_end();
}
