/* The host's side: telemetry as columns, and outcomes applied. */
#include "kit.h"

/* The contexts of each signal, in the order of a batch's tables; 1 more, so that 0 ends the list. */
static const uint8_t contexts[3][6] = {{1, 2, 3, 4, 5, 0}, {1, 2, 6, 0}, {1, 2, 7, 8, 0}};

static uint32_t pooled(smt_loaded *loaded, sm_text text) {
  for (size_t at = 1; at < loaded->texts.count; at++) {
    if (sm_text_equal(loaded->texts.items[at], text)) return (uint32_t)at;
  }
  sm_push(&loaded->texts, text);
  return (uint32_t)loaded->texts.count - 1;
}

static sm_cell cell_of(smt_loaded *loaded, smt_value value) {
  sm_cell cell = {value.kind, value.bits};
  if (sm_is_pooled(cell)) cell.bits = pooled(loaded, value.text);
  return cell;
}

smt_path smt_parse(sm_text path) {
  smt_path out = {sm_context_of(path), false, NULL, NULL, sm_find_field(path)};
  sm_text list = sm_attribute_path(out.context, NULL);
  out.is_list = sm_text_equal(list, path);
  if (path.length > list.length + 4 && memcmp(path.data, list.data, list.length) == 0) {
    char *key = calloc(1, path.length);
    if (key == NULL) smt_fail("out of memory");
    out.key = key;
    for (size_t at = list.length + 2; at < path.length - 2; at++) {
      if (path.data[at] == '\\') at++;
      *key++ = path.data[at];
    }
  } else if (!out.is_list) {
    if (out.field == NULL) smt_fail(sm_join(sm_str("no host has the field "), path).data);
    out.name = out.field->path + strlen(sm_prefixes[out.context]) + 1;
  }
  return out;
}

static sm_column column_of(smt_loaded *loaded, sm_text text, const smt_row_list *rows) {
  smt_path path = smt_parse(text);
  sm_column column = {0};
  sm_words words = {0};
  sm_wides wides = {0};
  sm_cell_list cells = {0};
  sm_attribute_list list = {0};
  bool is_text = true;
  column.shape = path.is_list ? SM_SHAPE_ATTRIBUTES : path.key ? SM_SHAPE_CELLS : path.field->shape;
  for (size_t at = 0; at < rows->count; at++) {
    const smt_row *row = rows->items[at];
    if (path.is_list) {
      for (size_t entry = 0; entry < row->attributes.count; entry++) {
        sm_push(&list.keys, pooled(loaded, sm_str(row->attributes.items[entry].name)));
        sm_push_cell(&list.values, cell_of(loaded, row->attributes.items[entry].value));
      }
      sm_push(&list.ends, (uint32_t)list.keys.count);
      continue;
    }
    smt_value value = path.key ? smt_get_attr(row, path.key) : smt_get(row, path.name);
    switch (column.shape) {
      case SM_SHAPE_NARROW: sm_push(&words, (uint32_t)value.bits); break;
      case SM_SHAPE_TEXT: sm_push(&words, value.text.length ? pooled(loaded, value.text) : SM_ABSENT); break;
      case SM_SHAPE_TRACE_ID:
        sm_push(&wides, value.bits);
        sm_push(&wides, value.low);
        break;
      case SM_SHAPE_WIDE: sm_push(&wides, value.bits); break;
      default:
        is_text = is_text && value.kind <= SM_KIND_TEXT;
        sm_push_cell(&cells, cell_of(loaded, value));
        sm_push(&words, value.kind == SM_KIND_TEXT ? (uint32_t)cells.bits.items[at] : SM_ABSENT);
    }
  }
  /* One attribute by key is text where it is text or absent in every row. */
  if (path.key && is_text) column.shape = SM_SHAPE_TEXT;
  switch (column.shape) {
    case SM_SHAPE_NARROW:
    case SM_SHAPE_TEXT: column.of.narrow = sm_list(sm_u32s, &words); break;
    case SM_SHAPE_WIDE:
    case SM_SHAPE_TRACE_ID: column.of.wide = sm_list(sm_u64s, &wides); break;
    case SM_SHAPE_CELLS: column.of.cells = sm_cells_of(&cells); break;
    default: column.of.attributes = sm_attributes_of(&list); break;
  }
  return column;
}

static bool names(const sm_text_vector *paths, sm_context context) {
  for (size_t at = 0; at < paths->count; at++) {
    if (sm_context_of(paths->items[at]) == context) return true;
  }
  return false;
}

smt_loaded smt_load(const smt_telemetry *telemetry) {
  const sm_contract *contract = &sm_now_declared.contract;
  smt_loaded loaded = {0};
  if (!(contract->signals & SM_BIT(telemetry->signal))) smt_fail("the plugin does not take this signal");
  /* A text that the plugin may not read, as a host's pool has some. */
  sm_push(&loaded.texts, ((sm_text){"", 0}));
  for (const uint8_t *next = contexts[telemetry->signal]; *next; next++) {
    sm_context context = (sm_context)(*next - 1);
    bool is_child = context == SM_SPAN_EVENT || context == SM_SPAN_LINK;
    if (is_child && !names(&contract->reads, context) && !names(&contract->writes, context)) continue;
    sm_table *table = &loaded.tables[loaded.table_count++];
    smt_row_list *rows = &loaded.rows[context];
    sm_words parents = {0};
    SM_VECTOR(sm_column) columns = {0};
    for (size_t at = 0; at < telemetry->count; at++) smt_collect(telemetry->resources[at], context, rows);
    for (size_t row = 0; row < rows->count; row++) {
      rows->items[row]->index = (uint32_t)row;
      if (context != SM_RESOURCE) sm_push(&parents, rows->items[row]->parent->index);
    }
    for (size_t at = 0; at < contract->reads.count; at++) {
      if (sm_context_of(contract->reads.items[at]) == context) {
        sm_push(&columns, column_of(&loaded, contract->reads.items[at], rows));
      }
    }
    *table =
        (sm_table){(uint8_t)context, (uint32_t)rows->count, sm_list(sm_u32s, &parents), {columns.items, columns.count}};
  }
  for (size_t at = 0; at < loaded.texts.count; at++) {
    for (size_t letter = 0; letter < loaded.texts.items[at].length; letter++) {
      sm_push(&loaded.bytes, (uint8_t)loaded.texts.items[at].data[letter]);
    }
    sm_push(&loaded.ends, (uint32_t)loaded.bytes.count);
  }
  return loaded;
}

void smt_add_texts(smt_loaded *loaded, sm_texts texts) {
  sm_batch batch = {.texts = texts};
  for (size_t at = 0; at < texts.ends.count; at++) {
    sm_push(&loaded->texts, sm_join(sm_text_at(&batch, (uint32_t)at)));
  }
}

smt_value smt_value_of(const smt_loaded *loaded, sm_cell cell) {
  smt_value value = {cell.kind, {"", 0}, cell.bits, 0};
  if (sm_is_pooled(cell)) {
    if (cell.bits == 0 || cell.bits >= loaded->texts.count)
      smt_fail("a text is named that is not there, or not readable");
    value.text = loaded->texts.items[cell.bits];
  }
  return value;
}

static void write_attribute(smt_row *row, const char *key, smt_value value) {
  size_t kept = 0;
  bool is_written = value.kind == SM_KIND_ABSENT;
  for (size_t at = 0; at < row->attributes.count; at++) {
    smt_entry entry = row->attributes.items[at];
    if (strcmp(entry.name, key) == 0) {
      if (is_written) continue;
      entry.value = value;
      is_written = true;
    }
    row->attributes.items[kept++] = entry;
  }
  row->attributes.count = kept;
  if (!is_written) smt_attr(row, key, value);
}

void smt_write(smt_row *row, smt_path path, smt_value value) {
  if (path.key) {
    write_attribute(row, path.key, value);
    return;
  }
  if (path.is_list) smt_fail("a whole attribute list takes no writes; write by key, or replace texts");
  bool fits = path.field->shape == SM_SHAPE_CELLS ||
              (path.field->shape == SM_SHAPE_TEXT ? value.kind <= SM_KIND_TEXT : value.kind == SM_KIND_INT);
  if (!fits) smt_fail(sm_join(sm_str("a value of another kind is written to "), sm_str(path.field->path)).data);
  smt_set(row, path.name, value);
}

static bool is_replaced(const wire_replacement *replacement, const smt_loaded *loaded, smt_value *value) {
  for (size_t at = 0; at < replacement->old_texts.count && value->kind == SM_KIND_TEXT; at++) {
    if (sm_text_equal(value->text, loaded->texts.items[replacement->old_texts.items[at]])) {
      value->text = loaded->texts.items[replacement->new_texts.items[at]];
      return true;
    }
  }
  return false;
}

/* The entry of a number, in the attribute lists of a context's rows. */
static smt_entry *entry_at(const smt_row_list *rows, uint32_t entry) {
  for (size_t at = 0; at < rows->count; at++) {
    if (entry < rows->items[at]->attributes.count) return &rows->items[at]->attributes.items[entry];
    entry -= (uint32_t)rows->items[at]->attributes.count;
  }
  smt_fail("an entry is named that is not there");
  return NULL;
}

static void apply_replacement(smt_loaded *loaded, const wire_replacement *replacement, smt_path path) {
  smt_row_list *rows = &loaded->rows[path.context];
  for (size_t row = 0; row < rows->count; row++) {
    smt_row *of = rows->items[row];
    for (size_t at = 0; path.name && at < of->fields.count; at++) {
      if (strcmp(of->fields.items[at].name, path.name) == 0)
        is_replaced(replacement, loaded, &of->fields.items[at].value);
    }
    for (size_t at = 0; !path.name && at < of->attributes.count; at++) {
      if (path.is_list || strcmp(of->attributes.items[at].name, path.key) == 0) {
        is_replaced(replacement, loaded, &of->attributes.items[at].value);
      }
    }
  }
}

void smt_apply(smt_loaded *loaded, const wire_outcome *outcome) {
  const sm_text *writes = sm_now_declared.contract.writes.items;
  smt_add_texts(loaded, outcome->texts);
  for (size_t at = 0; at < outcome->replacements.count; at++) {
    const wire_replacement *replacement = &outcome->replacements.items[at];
    apply_replacement(loaded, replacement, smt_parse(writes[replacement->field]));
  }
  for (size_t at = 0; at < outcome->entry_writes.count; at++) {
    const wire_write *write = &outcome->entry_writes.items[at];
    smt_row_list *rows = &loaded->rows[smt_parse(writes[write->field]).context];
    for (size_t place = 0; place < write->places.count; place++) {
      entry_at(rows, write->places.items[place])->value = smt_value_of(loaded, sm_cell_at(write->values, place));
    }
  }
  for (size_t at = 0; at < outcome->removals.count; at++) {
    const wire_removal *removal = &outcome->removals.items[at];
    smt_row_list *rows = &loaded->rows[smt_parse(writes[removal->field]).context];
    for (size_t entry = 0; entry < removal->entries.count; entry++) {
      entry_at(rows, removal->entries.items[entry])->is_removed = true;
    }
    for (size_t row = 0; row < rows->count; row++) {
      smt_row *of = rows->items[row];
      size_t kept = 0;
      for (size_t entry = 0; entry < of->attributes.count; entry++) {
        if (!of->attributes.items[entry].is_removed) of->attributes.items[kept++] = of->attributes.items[entry];
      }
      of->attributes.count = kept;
    }
  }
  for (size_t at = 0; at < outcome->writes.count; at++) {
    const wire_write *write = &outcome->writes.items[at];
    smt_path path = smt_parse(writes[write->field]);
    smt_row_list *rows = &loaded->rows[path.context];
    size_t count = write->places.count ? write->places.count : rows->count;
    for (size_t place = 0; place < count && rows->count > 0; place++) {
      uint32_t row = write->places.count ? write->places.items[place] : (uint32_t)place;
      size_t value = write->values.kinds.count == 1 ? 0 : place;
      if (row >= rows->count) smt_fail("a row is written that is not there");
      smt_write(rows->items[row], path, smt_value_of(loaded, sm_cell_at(write->values, value)));
    }
  }
  for (size_t at = 0; at < outcome->appends.count; at++) {
    const wire_append *append = &outcome->appends.items[at];
    smt_row_list *rows = &loaded->rows[smt_parse(writes[append->field]).context];
    for (size_t place = 0; place < append->rows.count; place++) {
      if (place > 0 && append->rows.items[place] < append->rows.items[place - 1])
        smt_fail("rows of appended entries decrease");
      if (append->rows.items[place] >= rows->count) smt_fail("an entry is appended to a row that is not there");
      smt_attr(rows->items[append->rows.items[place]], loaded->texts.items[append->keys.items[place]].data,
               smt_value_of(loaded, sm_cell_at(append->values, place)));
    }
  }
}
