/* Telemetry to test with. */
#include <stdarg.h>

#include "kit.h"

smt_value smt_text(const char *text) { return (smt_value){SM_KIND_TEXT, sm_str(text), 0, 0}; }
smt_value smt_bool(bool value) { return (smt_value){SM_KIND_BOOL, {"", 0}, value, 0}; }
smt_value smt_int(int64_t value) { return (smt_value){SM_KIND_INT, {"", 0}, (uint64_t)value, 0}; }
smt_value smt_double(double value) { return (smt_value){SM_KIND_DOUBLE, {"", 0}, sm_cell_double(value).bits, 0}; }
smt_value smt_bytes(sm_kind kind, const void *data, size_t length) {
  return (smt_value){(uint8_t)kind, sm_join(((sm_text){data, length})), 0, 0};
}
smt_value smt_empty(void) { return (smt_value){SM_KIND_EMPTY, {"", 0}, 0, 0}; }

static smt_row *row_of(sm_context context) {
  smt_row *row = calloc(1, sizeof *row);
  if (row == NULL) smt_fail("out of memory");
  row->context = context;
  return row;
}

smt_row *smt_resource(void) { return row_of(SM_RESOURCE); }
smt_row *smt_scope(const char *name) { return smt_set(row_of(SM_SCOPE), "name", smt_text(name)); }
smt_row *smt_span(const char *name) { return smt_set(row_of(SM_SPAN), "name", smt_text(name)); }
smt_row *smt_event(const char *name) { return smt_set(row_of(SM_SPAN_EVENT), "name", smt_text(name)); }
smt_row *smt_link(uint64_t high, uint64_t low, uint64_t span) { return smt_ids(row_of(SM_SPAN_LINK), high, low, span); }
smt_row *smt_log(const char *body) { return smt_set(row_of(SM_LOG), "body", smt_text(body)); }
smt_row *smt_metric(const char *name, uint32_t type) {
  return smt_set(smt_set(row_of(SM_METRIC), "name", smt_text(name)), "type", smt_int(type));
}
smt_row *smt_point(smt_value value) { return smt_set(row_of(SM_DATA_POINT), "value", value); }

smt_row *smt_attr(smt_row *row, const char *key, smt_value value) {
  sm_push(&row->attributes, (smt_entry){key, value, false});
  return row;
}

smt_row *smt_set(smt_row *row, const char *name, smt_value value) {
  sm_text path = sm_join(sm_str(sm_prefixes[row->context]), sm_str("."), sm_str(name));
  if (sm_find_field(path) == NULL) smt_fail(sm_join(sm_str("there is no field "), path).data);
  for (size_t at = 0; at < row->fields.count; at++) {
    if (strcmp(row->fields.items[at].name, name) != 0) continue;
    row->fields.items[at].value = value;
    return row;
  }
  sm_push(&row->fields, (smt_entry){name, value, false});
  return row;
}

smt_row *smt_kind(smt_row *span, uint32_t kind) { return smt_set(span, "kind", smt_int(kind)); }

smt_row *smt_times(smt_row *span, uint64_t start, uint64_t end) {
  return smt_set(smt_set(span, "start_time_unix_nano", smt_int((int64_t)start)), "end_time_unix_nano",
                 smt_int((int64_t)end));
}

smt_row *smt_status(smt_row *span, uint32_t code, const char *message) {
  return smt_set(smt_set(span, "status.code", smt_int(code)), "status.message", smt_text(message));
}

smt_row *smt_ids(smt_row *row, uint64_t trace_high, uint64_t trace_low, uint64_t span) {
  return smt_set(smt_set(row, "trace_id", (smt_value){SM_KIND_INT, {"", 0}, trace_high, trace_low}), "span_id",
                 smt_int((int64_t)span));
}

smt_row *smt_with(smt_row *row, smt_row *child) {
  child->parent = row;
  sm_push(&row->children, child);
  return row;
}

smt_value smt_get(const smt_row *row, const char *name) {
  for (size_t at = 0; at < row->fields.count; at++) {
    if (strcmp(row->fields.items[at].name, name) == 0) return row->fields.items[at].value;
  }
  return (smt_value){0};
}

smt_value smt_get_attr(const smt_row *row, const char *key) {
  for (size_t at = 0; at < row->attributes.count; at++) {
    if (strcmp(row->attributes.items[at].name, key) == 0) return row->attributes.items[at].value;
  }
  return (smt_value){0};
}

size_t smt_attr_count(const smt_row *row) { return row->attributes.count; }

smt_telemetry *smt_telemetry_of(sm_signal signal) {
  smt_telemetry *telemetry = calloc(1, sizeof *telemetry);
  if (telemetry == NULL) smt_fail("out of memory");
  telemetry->signal = signal;
  return telemetry;
}

smt_telemetry *smt_add_resource(smt_telemetry *telemetry, smt_row *resource) {
  smt_row **grown = realloc(telemetry->resources, (telemetry->count + 1) * sizeof *grown);
  if (grown == NULL) smt_fail("out of memory");
  telemetry->resources = grown;
  telemetry->resources[telemetry->count++] = resource;
  return telemetry;
}

smt_telemetry *smt_items(sm_signal signal, smt_row *first, ...) {
  smt_row *scope = smt_scope("");
  va_list rest;
  va_start(rest, first);
  for (smt_row *item = first; item; item = va_arg(rest, smt_row *)) smt_with(scope, item);
  va_end(rest);
  return smt_add_resource(smt_telemetry_of(signal), smt_with(smt_resource(), scope));
}

void smt_collect(smt_row *row, sm_context context, smt_row_list *rows) {
  if (row->context == context) sm_push(rows, row);
  for (size_t at = 0; at < row->children.count; at++) smt_collect(row->children.items[at], context, rows);
}

size_t smt_rows(const smt_telemetry *telemetry, sm_context context, smt_row ***rows) {
  smt_row_list list = {0};
  for (size_t at = 0; at < telemetry->count; at++) smt_collect(telemetry->resources[at], context, &list);
  if (rows) *rows = list.items;
  return list.count;
}

void smt_append_text(sm_bytes *to, const char *text) {
  for (; *text; text++) sm_push(to, (uint8_t)*text);
}

const char *smt_names(const smt_telemetry *telemetry, sm_context context) {
  smt_row **rows;
  size_t count = smt_rows(telemetry, context, &rows);
  sm_bytes names = {0};
  for (size_t at = 0; at < count; at++) {
    if (at > 0) sm_push(&names, ',');
    sm_text name = smt_get(rows[at], context == SM_LOG ? "body" : "name").text;
    for (size_t letter = 0; letter < name.length; letter++) sm_push(&names, (uint8_t)name.data[letter]);
  }
  sm_push(&names, 0);
  return (const char *)names.items;
}

smt_row *smt_copy(const smt_row *row) {
  smt_row *copy = row_of(row->context);
  for (size_t at = 0; at < row->fields.count; at++) sm_push(&copy->fields, row->fields.items[at]);
  for (size_t at = 0; at < row->attributes.count; at++) sm_push(&copy->attributes, row->attributes.items[at]);
  for (size_t at = 0; at < row->children.count; at++) smt_with(copy, smt_copy(row->children.items[at]));
  return copy;
}

smt_telemetry *smt_copy_all(const smt_telemetry *telemetry) {
  smt_telemetry *copy = smt_telemetry_of(telemetry->signal);
  copy->received_unix_nano = telemetry->received_unix_nano;
  for (size_t at = 0; at < telemetry->count; at++) smt_add_resource(copy, smt_copy(telemetry->resources[at]));
  return copy;
}

static bool is_kept(smt_row *row) {
  if (row->is_out) return false;
  size_t had = row->children.count, kept = 0;
  for (size_t at = 0; at < had; at++) {
    if (is_kept(row->children.items[at])) row->children.items[kept++] = row->children.items[at];
  }
  row->children.count = kept;
  return had == 0 || kept > 0 || row->context == SM_SPAN;
}

void smt_sweep(smt_telemetry *telemetry) {
  size_t kept = 0;
  for (size_t at = 0; at < telemetry->count; at++) {
    if (is_kept(telemetry->resources[at])) telemetry->resources[kept++] = telemetry->resources[at];
  }
  telemetry->count = kept;
}
