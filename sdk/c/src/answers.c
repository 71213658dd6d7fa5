/* Outcomes, emissions, routes and decisions. */
#include "internal.h"

uint32_t sm_new_text(sm_new_texts *texts, sm_text text) {
  if (text.length > 0) {
    sm_reserve(&texts->bytes, text.length);
    memcpy(texts->bytes.items + texts->bytes.count, text.data, text.length);
    texts->bytes.count += text.length;
  }
  sm_push(&texts->ends, (uint32_t)texts->bytes.count);
  return texts->first + (uint32_t)texts->ends.count - 1;
}

/* -- processors -- */

static void clear_placed(sm_placed *placed) {
  placed->places.count = 0;
  sm_clear_cells(&placed->values);
}

void sm_outcome_begin(sm_outcome *outcome, const sm_batch *batch, size_t fields) {
  sm_begin_texts(&outcome->texts, batch);
  for (int context = 0; context < SM_CONTEXTS; context++) {
    outcome->rows[context] = sm_rows(batch, (sm_context)context);
    outcome->verdicts[context].count = 0;
  }
  while (outcome->fields.count < fields) sm_push(&outcome->fields, (sm_edits){0});
  for (size_t at = 0; at < outcome->fields.count; at++) {
    sm_edits *edits = &outcome->fields.items[at];
    edits->has_all = false;
    clear_placed(&edits->rows);
    clear_placed(&edits->entries);
    edits->old_texts.count = edits->new_texts.count = edits->removed.count = 0;
    edits->append_rows.count = edits->append_keys.count = 0;
    sm_clear_cells(&edits->append_values);
  }
}

static const uint32_t *sorted_places;

/* By place; of several at one place the last given comes first. */
static int by_place(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  if (sorted_places[a] != sorted_places[b]) return sorted_places[a] < sorted_places[b] ? -1 : 1;
  return a > b ? -1 : 1;
}

static void order(sm_placed *placed) {
  size_t count = placed->places.count;
  bool is_ordered = true;
  for (size_t at = 1; at < count; at++) {
    is_ordered = is_ordered && placed->places.items[at - 1] < placed->places.items[at];
  }
  if (is_ordered) return;
  sm_words by = {0};
  for (size_t at = 0; at < count; at++) sm_push(&by, (uint32_t)at);
  sorted_places = placed->places.items;
  qsort(by.items, count, sizeof *by.items, by_place);
  sm_placed sorted = {0};
  for (size_t at = 0; at < count; at++) {
    uint32_t place = placed->places.items[by.items[at]];
    if (sorted.places.count > 0 && sorted.places.items[sorted.places.count - 1] == place) continue;
    sm_push(&sorted.places, place);
    sm_push_cell(&sorted.values, sm_cell_at(sm_cells_of(&placed->values), by.items[at]));
  }
  free(by.items);
  free(placed->places.items);
  free(placed->values.kinds.items);
  free(placed->values.bits.items);
  *placed = sorted;
}

static int by_number(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

void sm_outcome_finish(sm_outcome *outcome) {
  for (size_t at = 0; at < outcome->fields.count; at++) {
    sm_edits *edits = &outcome->fields.items[at];
    order(&edits->rows);
    order(&edits->entries);
    sm_words *removed = &edits->removed;
    if (removed->count < 2) continue;
    qsort(removed->items, removed->count, sizeof *removed->items, by_number);
    size_t kept = 1;
    for (size_t entry = 1; entry < removed->count; entry++) {
      if (removed->items[entry] != removed->items[kept - 1]) removed->items[kept++] = removed->items[entry];
    }
    removed->count = kept;
  }
}

sm_new_texts *sm_outcome_texts(sm_outcome *outcome) { return &outcome->texts; }

uint8_t *sm_verdicts(sm_outcome *outcome, sm_context context) {
  sm_bytes *verdicts = &outcome->verdicts[context];
  if (verdicts->count == 0) {
    if (context <= SM_SCOPE) sm_panic("resources and scopes cannot be dropped, only rows below them");
    sm_reserve(verdicts, outcome->rows[context]);
    verdicts->count = outcome->rows[context];
    if (verdicts->count > 0) memset(verdicts->items, SM_KEEP, verdicts->count);
  }
  return verdicts->items;
}

static void judge(sm_outcome *outcome, sm_context context, size_t row, uint8_t verdict) {
  uint8_t *verdicts = sm_verdicts(outcome, context);
  /* A row that is not there has no verdict. */
  if (row < outcome->rows[context]) verdicts[row] = verdict;
}

void sm_drop_row(sm_outcome *outcome, sm_context context, size_t row) { judge(outcome, context, row, SM_DROP); }

void sm_hold_row(sm_outcome *outcome, sm_context context, size_t row) { judge(outcome, context, row, SM_HOLD); }

static sm_edits *edits_of(sm_outcome *outcome, sm_write_field field) {
  sm_require(field.index < outcome->fields.count);
  return &outcome->fields.items[field.index];
}

void sm_set(sm_outcome *outcome, sm_write_field field, size_t row, sm_cell value) {
  sm_placed *rows = &edits_of(outcome, field)->rows;
  sm_push(&rows->places, (uint32_t)row);
  sm_push_cell(&rows->values, value);
}

void sm_set_all(sm_outcome *outcome, sm_write_field field, sm_cell value) {
  sm_edits *edits = edits_of(outcome, field);
  edits->has_all = true;
  edits->all = value;
}

void sm_replace(sm_outcome *outcome, sm_write_field field, uint32_t old_text, uint32_t new_text) {
  sm_edits *edits = edits_of(outcome, field);
  sm_push(&edits->old_texts, old_text);
  sm_push(&edits->new_texts, new_text);
}

void sm_set_entry(sm_outcome *outcome, sm_write_field field, uint32_t entry, sm_cell value) {
  sm_placed *entries = &edits_of(outcome, field)->entries;
  sm_push(&entries->places, entry);
  sm_push_cell(&entries->values, value);
}

void sm_remove_entry(sm_outcome *outcome, sm_write_field field, uint32_t entry) {
  sm_push(&edits_of(outcome, field)->removed, entry);
}

void sm_append(sm_outcome *outcome, sm_write_field field, size_t row, uint32_t key, sm_cell value) {
  sm_edits *edits = edits_of(outcome, field);
  sm_push(&edits->append_rows, (uint32_t)row);
  sm_push(&edits->append_keys, key);
  sm_push_cell(&edits->append_values, value);
}

/* -- connectors that measure -- */

void sm_emission_begin(sm_emission *emission, const sm_batch *batch, size_t instruments) {
  sm_begin_texts(&emission->texts, batch);
  emission->restart = false;
  sm_clear_attributes(&emission->resources);
  sm_clear_attributes(&emission->attributes);
  while (emission->recordings.count < instruments) sm_push(&emission->recordings, (sm_recording){0});
  for (size_t at = 0; at < emission->recordings.count; at++) {
    sm_recording *of = &emission->recordings.items[at];
    of->series.count = of->values.count = of->counts.count = of->rows.count = 0;
  }
}

sm_new_texts *sm_emission_texts(sm_emission *emission) { return &emission->texts; }

void sm_restart(sm_emission *emission) { emission->restart = true; }

void sm_series_resource(sm_emission *emission, uint32_t key, sm_cell value) {
  sm_push(&emission->resources.keys, key);
  sm_push_cell(&emission->resources.values, value);
}

void sm_series_attribute(sm_emission *emission, uint32_t key, sm_cell value) {
  sm_push(&emission->attributes.keys, key);
  sm_push_cell(&emission->attributes.values, value);
}

void sm_end_series(sm_emission *emission) {
  sm_push(&emission->resources.ends, (uint32_t)emission->resources.keys.count);
  sm_push(&emission->attributes.ends, (uint32_t)emission->attributes.keys.count);
}

static sm_recording *recording(sm_emission *emission, uint32_t instrument) {
  sm_require(instrument < emission->recordings.count);
  return &emission->recordings.items[instrument];
}

void sm_count_series(sm_emission *emission, uint32_t instrument, uint32_t series) {
  sm_push(&recording(emission, instrument)->series, series);
}

void sm_measure(sm_emission *emission, uint32_t instrument, uint32_t series, double value) {
  sm_recording *of = recording(emission, instrument);
  sm_push(&of->series, series);
  sm_push(&of->values, value);
}

#define ROOM(out, vector)                     \
  if (out) {                                  \
    sm_reserve(&(vector), count);             \
    *(out) = (vector).items + (vector).count; \
    (vector).count += count;                  \
  }

void sm_measurements(sm_emission *emission, uint32_t instrument, size_t count, uint32_t **series, double **values,
                     uint64_t **counts, uint32_t **rows) {
  sm_recording *of = recording(emission, instrument);
  ROOM(series, of->series)
  ROOM(values, of->values)
  ROOM(counts, of->counts)
  ROOM(rows, of->rows)
}

/* -- routers and tickers -- */

uint64_t sm_find_pipeline(const sm_pipelines *pipelines, const char *name) {
  for (size_t at = 0; at < pipelines->names.count; at++) {
    if (sm_text_equal(pipelines->names.items[at], sm_str(name))) return UINT64_C(1) << at;
  }
  return 0;
}

void sm_send_all(sm_routes *routes, uint64_t pipelines) {
  routes->context = SM_RESOURCE;
  routes->pipelines.count = 0;
  sm_push(&routes->pipelines, pipelines);
}

uint64_t *sm_send_each(sm_routes *routes, const sm_batch *batch, sm_context context) {
  size_t rows = sm_rows(batch, context);
  routes->context = (uint8_t)context;
  routes->pipelines.count = 0;
  sm_reserve(&routes->pipelines, rows);
  routes->pipelines.count = rows;
  for (size_t row = 0; row < rows; row++) routes->pipelines.items[row] = 0;
  return routes->pipelines.items;
}

static void decide(sm_decisions *decisions, uint64_t high, uint64_t low, uint8_t decision) {
  sm_push(&decisions->traces, high);
  sm_push(&decisions->traces, low);
  sm_push(&decisions->decisions, decision);
}

void sm_release(sm_decisions *decisions, uint64_t high, uint64_t low) { decide(decisions, high, low, 0); }

void sm_drop_trace(sm_decisions *decisions, uint64_t high, uint64_t low) { decide(decisions, high, low, 1); }

void sm_review(sm_decisions *decisions, uint64_t high, uint64_t low) {
  sm_push(&decisions->review, high);
  sm_push(&decisions->review, low);
}
