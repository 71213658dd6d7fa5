/* The fields with a fixed place, as the contract lists them, and paths. */
#include "internal.h"

const char *const sm_prefixes[SM_CONTEXTS] = {"resource", "scope", "span",   "spanevent",
                                              "spanlink", "log",   "metric", "datapoint"};

static const sm_field fields[] = {
    {"resource.dropped_attributes_count", SM_SHAPE_NARROW, false},
    {"resource.schema_url", SM_SHAPE_TEXT, false},
    {"scope.name", SM_SHAPE_TEXT, true},
    {"scope.version", SM_SHAPE_TEXT, true},
    {"scope.dropped_attributes_count", SM_SHAPE_NARROW, false},
    {"scope.schema_url", SM_SHAPE_TEXT, false},
    {"span.trace_id", SM_SHAPE_TRACE_ID, false},
    {"span.span_id", SM_SHAPE_WIDE, false},
    {"span.parent_span_id", SM_SHAPE_WIDE, false},
    {"span.trace_state", SM_SHAPE_TEXT, true},
    {"span.name", SM_SHAPE_TEXT, true},
    {"span.kind", SM_SHAPE_NARROW, true},
    {"span.start_time_unix_nano", SM_SHAPE_WIDE, true},
    {"span.end_time_unix_nano", SM_SHAPE_WIDE, true},
    {"span.dropped_attributes_count", SM_SHAPE_NARROW, false},
    {"span.dropped_events_count", SM_SHAPE_NARROW, false},
    {"span.dropped_links_count", SM_SHAPE_NARROW, false},
    {"span.status.message", SM_SHAPE_TEXT, true},
    {"span.status.code", SM_SHAPE_NARROW, true},
    {"span.flags", SM_SHAPE_NARROW, false},
    {"span.encoded_size", SM_SHAPE_NARROW, false},
    {"spanevent.name", SM_SHAPE_TEXT, true},
    {"spanevent.time_unix_nano", SM_SHAPE_WIDE, true},
    {"spanevent.dropped_attributes_count", SM_SHAPE_NARROW, false},
    {"spanlink.trace_id", SM_SHAPE_TRACE_ID, false},
    {"spanlink.span_id", SM_SHAPE_WIDE, false},
    {"spanlink.trace_state", SM_SHAPE_TEXT, false},
    {"spanlink.flags", SM_SHAPE_NARROW, false},
    {"spanlink.dropped_attributes_count", SM_SHAPE_NARROW, false},
    {"log.time_unix_nano", SM_SHAPE_WIDE, true},
    {"log.observed_time_unix_nano", SM_SHAPE_WIDE, true},
    {"log.severity_number", SM_SHAPE_NARROW, true},
    {"log.severity_text", SM_SHAPE_TEXT, true},
    {"log.event_name", SM_SHAPE_TEXT, true},
    {"log.body", SM_SHAPE_CELLS, true},
    {"log.trace_id", SM_SHAPE_TRACE_ID, false},
    {"log.span_id", SM_SHAPE_WIDE, false},
    {"log.flags", SM_SHAPE_NARROW, false},
    {"log.dropped_attributes_count", SM_SHAPE_NARROW, false},
    {"log.encoded_size", SM_SHAPE_NARROW, false},
    {"metric.name", SM_SHAPE_TEXT, true},
    {"metric.description", SM_SHAPE_TEXT, true},
    {"metric.unit", SM_SHAPE_TEXT, true},
    {"metric.type", SM_SHAPE_NARROW, false},
    {"metric.aggregation_temporality", SM_SHAPE_NARROW, true},
    {"metric.is_monotonic", SM_SHAPE_NARROW, true},
    {"datapoint.start_time_unix_nano", SM_SHAPE_WIDE, true},
    {"datapoint.time_unix_nano", SM_SHAPE_WIDE, true},
    {"datapoint.flags", SM_SHAPE_NARROW, true},
    {"datapoint.value", SM_SHAPE_CELLS, true},
    {"datapoint.count", SM_SHAPE_WIDE, false},
    {"datapoint.sum", SM_SHAPE_CELLS, false},
    {"datapoint.min", SM_SHAPE_CELLS, false},
    {"datapoint.max", SM_SHAPE_CELLS, false},
    {"datapoint.scale", SM_SHAPE_CELLS, false},
    {"datapoint.zero_count", SM_SHAPE_WIDE, false},
    {"datapoint.zero_threshold", SM_SHAPE_CELLS, false},
    {"datapoint.bucket_counts", SM_SHAPE_CELLS, false},
    {"datapoint.explicit_bounds", SM_SHAPE_CELLS, false},
    {"datapoint.positive.offset", SM_SHAPE_CELLS, false},
    {"datapoint.negative.offset", SM_SHAPE_CELLS, false},
    {"datapoint.positive.bucket_counts", SM_SHAPE_CELLS, false},
    {"datapoint.negative.bucket_counts", SM_SHAPE_CELLS, false},
    {"datapoint.quantile_values", SM_SHAPE_CELLS, false},
};

const sm_field *sm_find_field(sm_text path) {
  for (size_t at = 0; at < sizeof fields / sizeof *fields; at++) {
    if (sm_text_equal(sm_str(fields[at].path), path)) return &fields[at];
  }
  return NULL;
}

sm_context sm_context_of(sm_text path) {
  for (int context = 0; context < SM_CONTEXTS; context++) {
    size_t length = strlen(sm_prefixes[context]);
    if (path.length > length && path.data[length] == '.' && memcmp(path.data, sm_prefixes[context], length) == 0) {
      return (sm_context)context;
    }
  }
  sm_panic("a path names no context; begin it as in span.name");
}

sm_text sm_joined(size_t count, const sm_text *parts) {
  size_t length = 0;
  for (size_t at = 0; at < count; at++) length += parts[at].length;
  char *data = malloc(length + 1);
  sm_require(data != NULL);
  sm_text joined = {data, length};
  for (size_t at = 0; at < count; at++) {
    memcpy(data, parts[at].data, parts[at].length);
    data += parts[at].length;
  }
  *data = 0;
  return joined;
}

sm_text sm_attribute_path(sm_context context, const char *key) {
  sm_text list = sm_join(sm_str(sm_prefixes[context]), sm_str(context == SM_METRIC ? ".metadata" : ".attributes"));
  if (key == NULL) return list;
  char *escaped = malloc(2 * strlen(key) + 1);
  sm_require(escaped != NULL);
  size_t length = 0;
  for (const char *letter = key; *letter; letter++) {
    if (*letter == '"' || *letter == '\\') escaped[length++] = '\\';
    escaped[length++] = *letter;
  }
  return sm_join(list, sm_str("[\""), ((sm_text){escaped, length}), sm_str("\"]"));
}
