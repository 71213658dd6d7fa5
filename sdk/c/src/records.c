/* Records that a record connector makes. */
#include "internal.h"

void sm_record_scope(sm_record_stream *stream, const char *name, const char *version) {
  stream->scope_name = name;
  stream->scope_version = version;
}

void sm_record_spans(sm_record_stream *stream) {
  if (stream->fields.count > 0) sm_panic("sm_record_spans comes before the fields");
  stream->signal = SM_TRACES;
}

static sm_context item(const sm_record_stream *stream) { return stream->signal == SM_TRACES ? SM_SPAN : SM_LOG; }

static sm_record_field field(sm_record_stream *stream, sm_text path, sm_shape shape) {
  for (size_t at = 0; at < stream->fields.count; at++) {
    if (sm_text_equal(stream->fields.items[at], path)) return (sm_record_field){(uint32_t)at};
  }
  sm_push(&stream->fields, path);
  sm_push(&stream->shapes, (uint8_t)shape);
  return (sm_record_field){(uint32_t)stream->fields.count - 1};
}

sm_record_field sm_record_path(sm_record_stream *stream, const char *path) {
  sm_text copy = sm_join(sm_str(path));
  const sm_field *of = sm_find_field(copy);
  if (of == NULL) sm_panic("records have no such field; wit/telemetry.wit lists them");
  return field(stream, copy, of->shape);
}

sm_record_field sm_record_attribute(sm_record_stream *stream, const char *key) {
  return field(stream, sm_attribute_path(item(stream), key), SM_SHAPE_CELLS);
}

sm_record_field sm_record_attributes(sm_record_stream *stream) {
  return field(stream, sm_attribute_path(item(stream), NULL), SM_SHAPE_ATTRIBUTES);
}

void sm_records_begin(sm_records *records, const sm_batch *batch, const sm_record_stream *stream) {
  sm_begin_texts(&records->texts, batch);
  records->stream = stream;
  records->resources.count = 0;
  while (records->columns.count < stream->fields.count) sm_push(&records->columns, (sm_record_column){0});
  for (size_t at = 0; at < records->columns.count; at++) {
    sm_record_column *column = &records->columns.items[at];
    column->narrow.count = column->wide.count = 0;
    sm_clear_cells(&column->cells);
    sm_clear_attributes(&column->list);
  }
}

/* Ends the entries of the record begun last. */
void sm_records_finish(sm_records *records) {
  for (size_t at = 0; at < records->stream->fields.count; at++) {
    sm_attribute_list *list = &records->columns.items[at].list;
    if (records->stream->shapes.items[at] == SM_SHAPE_ATTRIBUTES && list->ends.count < records->resources.count) {
      sm_push(&list->ends, (uint32_t)list->keys.count);
    }
  }
}

sm_new_texts *sm_records_texts(sm_records *records) { return &records->texts; }

void sm_add_record(sm_records *records, uint32_t resource) {
  sm_records_finish(records);
  sm_push(&records->resources, resource);
  for (size_t at = 0; at < records->stream->fields.count; at++) {
    sm_record_column *column = &records->columns.items[at];
    switch (records->stream->shapes.items[at]) {
      case SM_SHAPE_NARROW: sm_push(&column->narrow, 0); break;
      case SM_SHAPE_TEXT: sm_push(&column->narrow, SM_ABSENT); break;
      case SM_SHAPE_TRACE_ID: sm_push(&column->wide, 0); /* fall through */
      case SM_SHAPE_WIDE: sm_push(&column->wide, 0); break;
      case SM_SHAPE_CELLS: sm_push_cell(&column->cells, sm_cell_absent()); break;
      default: break;
    }
  }
}

static sm_record_column *column(sm_records *records, sm_record_field field, sm_shape shape) {
  sm_require(records->resources.count > 0 && field.index < records->stream->fields.count);
  sm_require(records->stream->shapes.items[field.index] == shape);
  return &records->columns.items[field.index];
}

void sm_record_narrow(sm_records *records, sm_record_field field, uint32_t value) {
  sm_words *words = &column(records, field, SM_SHAPE_NARROW)->narrow;
  words->items[words->count - 1] = value;
}

void sm_record_wide(sm_records *records, sm_record_field field, uint64_t value) {
  sm_wides *words = &column(records, field, SM_SHAPE_WIDE)->wide;
  words->items[words->count - 1] = value;
}

void sm_record_trace_id(sm_records *records, sm_record_field field, uint64_t high, uint64_t low) {
  sm_wides *words = &column(records, field, SM_SHAPE_TRACE_ID)->wide;
  words->items[words->count - 2] = high;
  words->items[words->count - 1] = low;
}

void sm_record_text(sm_records *records, sm_record_field field, uint32_t text) {
  sm_words *words = &column(records, field, SM_SHAPE_TEXT)->narrow;
  words->items[words->count - 1] = text;
}

void sm_record_cell(sm_records *records, sm_record_field field, sm_cell value) {
  sm_cell_list *cells = &column(records, field, SM_SHAPE_CELLS)->cells;
  cells->kinds.items[cells->kinds.count - 1] = value.kind;
  cells->bits.items[cells->bits.count - 1] = value.bits;
}

void sm_record_entry(sm_records *records, sm_record_field field, uint32_t key, sm_cell value) {
  sm_attribute_list *list = &column(records, field, SM_SHAPE_ATTRIBUTES)->list;
  sm_push(&list->keys, key);
  sm_push_cell(&list->values, value);
}
