/* What a plugin declares, and the columns of it. */
#include "internal.h"

void sm_take(sm_contract *contract, unsigned signals) { contract->signals = signals; }

void sm_shard(sm_contract *contract, sm_sharding sharding) { contract->sharding = sharding; }

static sm_place read_path(sm_contract *contract, sm_text path) {
  for (size_t at = 0; at < contract->reads.count; at++) {
    if (sm_text_equal(contract->reads.items[at], path)) return contract->places.items[at];
  }
  sm_place place = {sm_context_of(path), 0};
  for (size_t at = 0; at < contract->places.count; at++) {
    place.column += contract->places.items[at].context == place.context;
  }
  sm_push(&contract->reads, path);
  sm_push(&contract->places, place);
  return place;
}

static sm_place read_as(sm_contract *contract, const char *path, sm_shape shape) {
  sm_text copy = sm_join(sm_str(path));
  const sm_field *field = sm_find_field(copy);
  if (field && field->shape != shape) sm_panic("a field is read as what it is not; wit/telemetry.wit has their kinds");
  return read_path(contract, copy);
}

sm_text_field sm_read_text(sm_contract *contract, const char *path) {
  return (sm_text_field){read_as(contract, path, SM_SHAPE_TEXT)};
}

sm_narrow_field sm_read_narrow(sm_contract *contract, const char *path) {
  return (sm_narrow_field){read_as(contract, path, SM_SHAPE_NARROW)};
}

sm_wide_field sm_read_wide(sm_contract *contract, const char *path) {
  return (sm_wide_field){read_as(contract, path, SM_SHAPE_WIDE)};
}

sm_trace_id_field sm_read_trace_id(sm_contract *contract, const char *path) {
  return (sm_trace_id_field){read_as(contract, path, SM_SHAPE_TRACE_ID)};
}

sm_cell_field sm_read_cells(sm_contract *contract, const char *path) {
  return (sm_cell_field){read_as(contract, path, SM_SHAPE_CELLS)};
}

sm_attribute_field sm_read_attribute(sm_contract *contract, sm_context context, const char *key) {
  return (sm_attribute_field){read_path(contract, sm_attribute_path(context, key))};
}

sm_list_field sm_read_attributes(sm_contract *contract, sm_context context) {
  return (sm_list_field){read_path(contract, sm_attribute_path(context, NULL))};
}

static sm_write_field write_path(sm_contract *contract, sm_text path) {
  for (size_t at = 0; at < contract->writes.count; at++) {
    if (sm_text_equal(contract->writes.items[at], path)) return (sm_write_field){(uint32_t)at};
  }
  sm_push(&contract->writes, path);
  return (sm_write_field){(uint32_t)contract->writes.count - 1};
}

sm_write_field sm_write(sm_contract *contract, const char *path) {
  sm_text copy = sm_join(sm_str(path));
  const sm_field *field = sm_find_field(copy);
  if (field && !field->is_writable)
    sm_panic("a field is written that cannot be; wit/telemetry.wit marks those that can");
  return write_path(contract, copy);
}

sm_write_field sm_write_attribute(sm_contract *contract, sm_context context, const char *key) {
  return write_path(contract, sm_attribute_path(context, key));
}

sm_write_field sm_write_attributes(sm_contract *contract, sm_context context) {
  return write_path(contract, sm_attribute_path(context, NULL));
}

sm_counter sm_declare_counter(sm_contract *contract, const char *name) {
  (void)contract;
  sm_counter counter = {name};
  sm_count(counter, 0);
  return counter;
}

/* A column of a shape. The host keeps to the contract, so anything else is a mistake of the SDK's. */
static const sm_column *column(const sm_batch *batch, sm_place at, sm_shape shape) {
  static const sm_column none;
  const sm_table *table = batch->tables[at.context];
  if (table == NULL) return &none;
  sm_require(at.column < table->columns.count && table->columns.items[at.column].shape == shape);
  return &table->columns.items[at.column];
}

sm_u32s sm_text_column(const sm_batch *batch, sm_text_field field) {
  return column(batch, field.at, SM_SHAPE_TEXT)->of.narrow;
}

sm_u32s sm_narrow_column(const sm_batch *batch, sm_narrow_field field) {
  return column(batch, field.at, SM_SHAPE_NARROW)->of.narrow;
}

sm_u64s sm_wide_column(const sm_batch *batch, sm_wide_field field) {
  return column(batch, field.at, SM_SHAPE_WIDE)->of.wide;
}

sm_u64s sm_trace_ids(const sm_batch *batch, sm_trace_id_field field) {
  return column(batch, field.at, SM_SHAPE_TRACE_ID)->of.wide;
}

sm_cells sm_cell_column(const sm_batch *batch, sm_cell_field field) {
  return column(batch, field.at, SM_SHAPE_CELLS)->of.cells;
}

sm_attributes sm_attribute_lists(const sm_batch *batch, sm_list_field field) {
  return column(batch, field.at, SM_SHAPE_ATTRIBUTES)->of.attributes;
}

sm_values sm_attribute(const sm_batch *batch, sm_attribute_field field) {
  sm_values values = {0, NULL, {{NULL, 0}, {NULL, 0}}};
  const sm_table *table = batch->tables[field.at.context];
  if (table == NULL || table->rows == 0) return values;
  sm_require(field.at.column < table->columns.count);
  const sm_column *of = &table->columns.items[field.at.column];
  values.rows = table->rows;
  if (of->shape == SM_SHAPE_TEXT) {
    values.texts = of->of.narrow.items;
  } else {
    sm_require(of->shape == SM_SHAPE_CELLS);
    values.cells = of->of.cells;
  }
  return values;
}

void sm_answers_begin(sm_answers *answers, const sm_batch *batch) {
  size_t count = batch->texts.ends.count;
  if (count > answers->room) {
    answers->known = sm_grown(answers->known, &answers->room, count, sizeof *answers->known);
  }
  if (count > 0) memset(answers->known, 0, count * sizeof *answers->known);
}
