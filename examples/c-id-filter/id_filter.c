/* A plugin that filters spans and log records by their trace id: it keeps a share of the traces, some always and some
 * never. It reads numbers alone, so no text crosses to it. */
#include <stdlib.h>

#include "spanmill.h"

typedef struct {
  uint64_t high, low;
} trace_id;

/* Sorted, so that looking one up takes few steps. */
typedef struct {
  trace_id *ids;
  size_t count;
} id_set;

/* The bits of a trace id that are random, as W3C's Trace Context and OpenTelemetry's samplers have it: the low 56. */
#define RANDOM_BITS 56
#define RANDOM_MASK ((UINT64_C(1) << RANDOM_BITS) - 1)

static struct {
  /* Traces are kept whose random bits are at least this: the same ones wherever the same share is kept. */
  uint64_t threshold;
  id_set keep, drop;
  sm_trace_id_field span, log;
} plugin;

static int compare(const void *left, const void *right) {
  const trace_id *a = left, *b = right;
  if (a->high != b->high) return a->high < b->high ? -1 : 1;
  return a->low == b->low ? 0 : a->low < b->low ? -1 : 1;
}

static bool contains(const id_set *set, trace_id id) {
  return set->count > 0 && bsearch(&id, set->ids, set->count, sizeof id, compare) != NULL;
}

static int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

static bool parse_id(sm_text text, trace_id *id) {
  uint64_t words[2] = {0, 0};
  if (text.length != 32) return false;
  for (size_t at = 0; at < 32; at++) {
    int digit = hex_digit(text.data[at]);
    if (digit < 0) return false;
    words[at / 16] = words[at / 16] << 4 | (uint64_t)digit;
  }
  *id = (trace_id){words[0], words[1]};
  return (id->high | id->low) != 0;
}

static id_set read_ids(sm_settings *settings, const char *key) {
  id_set set = {NULL, 0};
  sm_json *list = sm_optional(settings, sm_settings_root(settings), key, SM_JSON_LIST);
  if (!list || list->count == 0) return set;
  set.ids = calloc(list->count, sizeof *set.ids);
  if (!set.ids) {
    sm_unavailable(settings, "there is no memory for so many ids");
    return set;
  }
  for (sm_json *entry = list->first; entry; entry = entry->next) {
    if (!sm_expect(settings, entry, SM_JSON_TEXT)) continue;
    if (parse_id(entry->text, &set.ids[set.count])) {
      set.count++;
    } else {
      sm_mistake(settings, entry, "must be a trace id: 32 hexadecimal digits, not all of them 0");
    }
  }
  qsort(set.ids, set.count, sizeof *set.ids, compare);
  return set;
}

static void configure(sm_settings *settings, sm_contract *contract) {
  sm_json *share = sm_optional(settings, sm_settings_root(settings), "share", SM_JSON_NUMBER);
  plugin.threshold = 0;
  if (share && !(share->number >= 0 && share->number <= 1)) {
    sm_mistake(settings, share, "must be between 0 and 1");
  } else if (share) {
    plugin.threshold = (uint64_t)((1 - share->number) * (double)(RANDOM_MASK + 1));
  }
  plugin.keep = read_ids(settings, "keep");
  plugin.drop = read_ids(settings, "drop");
  sm_take(contract, SM_BIT(SM_TRACES) | SM_BIT(SM_LOGS));
  plugin.span = sm_read_trace_id(contract, "span.trace_id");
  plugin.log = sm_read_trace_id(contract, "log.trace_id");
}

static bool is_kept(trace_id id) {
  /* What belongs to no trace, as most log records, is not filtered by it. */
  if ((id.high | id.low) == 0) return true;
  if (contains(&plugin.drop, id)) return false;
  return (id.low & RANDOM_MASK) >= plugin.threshold || contains(&plugin.keep, id);
}

static sm_status process(const sm_batch *batch, sm_outcome *outcome) {
  sm_context context = batch->signal == SM_LOGS ? SM_LOG : SM_SPAN;
  sm_u64s ids = sm_trace_ids(batch, batch->signal == SM_LOGS ? plugin.log : plugin.span);
  for (size_t row = 0; row < ids.count / 2; row++) {
    if (!is_kept((trace_id){ids.items[2 * row], ids.items[2 * row + 1]})) sm_drop_row(outcome, context, row);
  }
  return SM_OK;
}

#define TRACE_IDS "\"type\": \"array\", \"items\": {\"type\": \"string\", \"pattern\": \"^[0-9a-fA-F]{32}$\"}"

static const char schema[] =
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", \"type\": \"object\", \"properties\": {"
    "\"share\": {\"description\": \"The share of traces that is kept.\", \"type\": \"number\", \"minimum\": 0,"
    " \"maximum\": 1, \"default\": 1},"
    "\"keep\": {\"description\": \"Traces that are always kept.\", " TRACE_IDS
    "},"
    "\"drop\": {\"description\": \"Traces that are never kept.\", " TRACE_IDS
    "}"
    "}, \"additionalProperties\": false}";

SPANMILL_PROCESSOR(configure, process)
SPANMILL_ABOUT("id_filter", "0.1.0", "Filters spans and log records by their trace id.", schema)
