/* A plugin that counts calls by route, and measures how long they took. */
#include <stdlib.h>

#include "spanmill.h"

/* Series that the plugin remembers; beyond, it numbers them anew. */
#define MOST_SERIES 100000

enum { CALLS, DURATION };

static const double default_buckets[] = {5, 10, 25, 50, 100, 250, 500, 1000};
static const char *const kinds[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                    "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
static const char *const statuses[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};

static struct {
  sm_list_field resource;
  sm_attribute_field route;
  sm_narrow_field kind, code;
  sm_wide_field start, end;
  sm_numbers series;
  /* The series of this batch: pool indices instead of texts, and the number that each stands for. */
  sm_numbers here;
  struct {
    uint32_t *items;
    size_t room;
  } series_here;
  sm_key key, key_here;
} plugin;

static sm_instrument instruments[] = {
    [CALLS] = {.name = "route.calls", .description = "Calls by route.", .unit = "{call}", .kind = SM_SUM},
    [DURATION] = {.name = "route.duration",
                  .description = "Duration of calls by route.",
                  .unit = "ms",
                  .kind = SM_HISTOGRAM},
};

static sm_f64s read_buckets(sm_settings *settings) {
  sm_json *list = sm_optional(settings, sm_settings_root(settings), "buckets_ms", SM_JSON_LIST);
  sm_f64s buckets = {default_buckets, sizeof default_buckets / sizeof *default_buckets};
  if (list == NULL) return buckets;
  double *bounds = calloc(list->count + 1, sizeof *bounds);
  sm_require(bounds != NULL);
  size_t count = 0;
  for (sm_json *bound = list->first; bound; bound = bound->next) {
    if (!sm_expect(settings, bound, SM_JSON_NUMBER)) continue;
    if (bound->number - bound->number != 0) sm_mistake(settings, bound, "must be a finite number");
    if (count > 0 && bounds[count - 1] >= bound->number)
      sm_mistake(settings, bound, "must be above the bucket before it");
    bounds[count++] = bound->number;
  }
  return (sm_f64s){bounds, count};
}

static void configure(sm_settings *settings, sm_contract *contract, sm_metric_stream *stream) {
  instruments[DURATION].bounds = read_buckets(settings);
  plugin.resource = sm_read_attributes(contract, SM_RESOURCE);
  plugin.route = sm_read_attribute(contract, SM_SPAN, "http.route");
  plugin.kind = sm_read_narrow(contract, "span.kind");
  plugin.code = sm_read_narrow(contract, "span.status.code");
  plugin.start = sm_read_wide(contract, "span.start_time_unix_nano");
  plugin.end = sm_read_wide(contract, "span.end_time_unix_nano");
  stream->scope = "route_calls";
  stream->instruments = instruments;
  stream->instrument_count = sizeof instruments / sizeof *instruments;
  stream->flush_interval_ns = UINT64_C(15000000000);
  stream->total_limit = 100000;
  sm_numbers_clear(&plugin.series);
}

static uint32_t within(uint32_t number, size_t count) { return number < count ? number : 0; }

/* Names a series that the host does not know yet. */
static void name_series(const sm_batch *batch, sm_emission *emission, uint32_t resource, uint32_t route, uint32_t kind,
                        uint32_t code) {
  sm_new_texts *texts = sm_emission_texts(emission);
  sm_attributes list = sm_attribute_lists(batch, plugin.resource);
  for (uint32_t at = sm_entries_begin(list, resource); at < sm_entries_end(list, resource); at++) {
    sm_series_resource(emission, list.keys.items[at], sm_cell_at(list.values, at));
  }
  if (route != SM_ABSENT) sm_series_attribute(emission, sm_new_text(texts, sm_str("http.route")), sm_cell_text(route));
  uint32_t key = sm_new_text(texts, sm_str("span.kind"));
  sm_series_attribute(emission, key, sm_cell_text(sm_new_text(texts, sm_str(kinds[kind]))));
  key = sm_new_text(texts, sm_str("status.code"));
  sm_series_attribute(emission, key, sm_cell_text(sm_new_text(texts, sm_str(statuses[code]))));
  sm_end_series(emission);
}

static uint32_t find_series(const sm_batch *batch, sm_emission *emission, uint32_t resource, uint32_t route,
                            uint32_t kind, uint32_t code) {
  bool is_new;
  sm_key_begin(&plugin.key);
  sm_key_attributes(&plugin.key, batch, sm_attribute_lists(batch, plugin.resource), resource);
  sm_key_cell(&plugin.key, batch, sm_cell_text(route));
  sm_key_number(&plugin.key, (uint64_t)kind << 32 | code);
  uint32_t series = sm_number_of(&plugin.series, &plugin.key, &is_new);
  if (is_new) name_series(batch, emission, resource, route, kind, code);
  return series;
}

static sm_status process(const sm_batch *batch, sm_emission *emission) {
  size_t rows = sm_rows(batch, SM_SPAN);
  sm_values routes = sm_attribute(batch, plugin.route);
  const uint32_t *span_kinds = sm_narrow_column(batch, plugin.kind).items;
  const uint32_t *codes = sm_narrow_column(batch, plugin.code).items;
  const uint64_t *starts = sm_wide_column(batch, plugin.start).items, *ends = sm_wide_column(batch, plugin.end).items;
  const uint32_t *scopes = sm_parents(batch, SM_SPAN).items, *resources = sm_parents(batch, SM_SCOPE).items;
  uint32_t *calls, *measured;
  double *durations;
  if (plugin.series.count >= MOST_SERIES) {
    sm_restart(emission);
    sm_numbers_clear(&plugin.series);
  }
  sm_numbers_clear(&plugin.here);
  sm_measurements(emission, CALLS, rows, &calls, NULL, NULL, NULL);
  sm_measurements(emission, DURATION, rows, &measured, &durations, NULL, NULL);
  for (size_t row = 0; row < rows; row++) {
    uint32_t resource = resources[scopes[row]], route = sm_value_text(routes, row);
    uint32_t kind = within(span_kinds[row], sizeof kinds / sizeof *kinds);
    uint32_t code = within(codes[row], sizeof statuses / sizeof *statuses);
    bool is_new;
    sm_key_begin(&plugin.key_here);
    sm_key_number(&plugin.key_here, (uint64_t)resource << 32 | route);
    sm_key_number(&plugin.key_here, (uint64_t)kind << 32 | code);
    uint32_t here = sm_number_of(&plugin.here, &plugin.key_here, &is_new);
    if (here >= plugin.series_here.room) {
      plugin.series_here.room = here * 2 + 64;
      plugin.series_here.items = realloc(plugin.series_here.items, plugin.series_here.room * sizeof(uint32_t));
      sm_require(plugin.series_here.items != NULL);
    }
    if (is_new) plugin.series_here.items[here] = find_series(batch, emission, resource, route, kind, code);
    calls[row] = measured[row] = plugin.series_here.items[here];
    durations[row] = ends[row] > starts[row] ? (double)(ends[row] - starts[row]) / 1e6 : 0;
  }
  return SM_OK;
}

static const char schema[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"type\": \"object\", \"properties\": {"
    "\"buckets_ms\": {\"description\": \"Upper bounds of the buckets of route.duration, in ms; increasing.\","
    " \"type\": \"array\", \"items\": {\"type\": \"number\"}, \"default\": [5, 10, 25, 50, 100, 250, 500, 1000]}},"
    " \"additionalProperties\": false}";

SPANMILL_CONNECTOR(configure, process)
SPANMILL_ABOUT("route_calls", "0.1.0", "Counts calls by route, and measures how long they took.", schema)
