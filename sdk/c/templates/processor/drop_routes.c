/* A plugin that drops the spans of some routes. */
#include <stdlib.h>

#include "spanmill.h"

static struct {
  sm_text *routes;
  size_t count;
  sm_attribute_field route;
  /* Whether a route is dropped, asked once for each distinct text. */
  sm_answers dropped;
} plugin;

static void configure(sm_settings *settings, sm_contract *contract) {
  sm_json *routes = sm_required(settings, sm_settings_root(settings), "routes", SM_JSON_LIST);
  plugin.count = 0;
  plugin.routes = routes ? calloc(routes->count + 1, sizeof *plugin.routes) : NULL;
  for (sm_json *route = routes ? routes->first : NULL; route && plugin.routes; route = route->next) {
    if (!sm_expect(settings, route, SM_JSON_TEXT)) continue;
    if (route->text.length == 0) sm_mistake(settings, route, "must not be empty; take the line out");
    plugin.routes[plugin.count++] = route->text;
  }
  plugin.route = sm_read_attribute(contract, SM_SPAN, "http.route");
}

static uint32_t is_dropped(sm_text route) {
  for (size_t at = 0; at < plugin.count; at++) {
    if (sm_text_equal(plugin.routes[at], route)) return true;
  }
  return false;
}

static sm_status process(const sm_batch *batch, sm_outcome *outcome) {
  sm_values routes = sm_attribute(batch, plugin.route);
  sm_answers_begin(&plugin.dropped, batch);
  for (size_t row = 0; row < routes.rows; row++) {
    if (sm_answer(&plugin.dropped, batch, sm_value_text(routes, row), false, is_dropped)) {
      sm_drop_row(outcome, SM_SPAN, row);
    }
  }
  return SM_OK;
}

static const char schema[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"type\": \"object\", \"properties\": {"
    "\"routes\": {\"description\": \"The routes whose spans are dropped: values of http.route.\", \"type\": \"array\","
    " \"items\": {\"type\": \"string\", \"minLength\": 1}}}, \"required\": [\"routes\"], \"additionalProperties\": "
    "false}";

SPANMILL_PROCESSOR(configure, process)
SPANMILL_ABOUT("drop_routes", "0.1.0", "Drops the spans of some routes.", schema)
