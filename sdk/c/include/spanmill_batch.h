/* A batch as a plugin sees it. Part of spanmill.h. The structs are laid out as the component model's canonical ABI has
 * them, so that nothing is copied. */
#ifndef SPANMILL_BATCH_H
#define SPANMILL_BATCH_H

#ifdef __cplusplus
extern "C" {
#endif

/* The pool index that stands for "no text". */
#define SM_ABSENT UINT32_MAX

typedef enum { SM_TRACES, SM_LOGS, SM_METRICS } sm_signal;

/* What the rows of a table are. Each row but a resource belongs to a row of its parent. */
typedef enum {
  SM_RESOURCE,
  SM_SCOPE,
  SM_SPAN,
  SM_SPAN_EVENT,
  SM_SPAN_LINK,
  SM_LOG,
  SM_METRIC,
  SM_DATA_POINT,
  SM_CONTEXTS
} sm_context;

/* Lists. */
typedef struct {
  const uint8_t *items;
  size_t count;
} sm_u8s;
typedef struct {
  const uint32_t *items;
  size_t count;
} sm_u32s;
typedef struct {
  const uint64_t *items;
  size_t count;
} sm_u64s;
typedef struct {
  const double *items;
  size_t count;
} sm_f64s;

/* UTF-8 that does not end with a zero. */
typedef struct {
  const char *data;
  size_t length;
} sm_text;

/* A C string as a text. */
static inline sm_text sm_str(const char *string) { return (sm_text){string, strlen(string)}; }

static inline bool sm_text_equal(sm_text left, sm_text right) {
  return left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
}

/* The distinct texts of a batch, packed end to end. Equal indices mean equal texts. */
typedef struct {
  sm_u32s ends;
  sm_u8s bytes;
} sm_texts;

/* How to read the bits of a cell. */
typedef enum {
  SM_KIND_ABSENT,
  SM_KIND_TEXT,
  SM_KIND_BOOL,
  SM_KIND_INT,
  SM_KIND_DOUBLE,
  SM_KIND_BYTES,
  /* An encoded opentelemetry.proto.common.v1.ArrayValue. */
  SM_KIND_ARRAY,
  /* An encoded opentelemetry.proto.common.v1.KeyValueList. */
  SM_KIND_MAP,
  /* An attribute or a body that is there without a value. */
  SM_KIND_EMPTY
} sm_kind;

/* One value of any kind; texts, bytes, arrays and maps by their index. Zero is absent. */
typedef struct {
  uint8_t kind;
  uint64_t bits;
} sm_cell;

static inline sm_cell sm_cell_text(uint32_t index) {
  return index == SM_ABSENT ? (sm_cell){SM_KIND_ABSENT, 0} : (sm_cell){SM_KIND_TEXT, index};
}
static inline sm_cell sm_cell_bool(bool value) { return (sm_cell){SM_KIND_BOOL, value}; }
static inline sm_cell sm_cell_int(int64_t value) { return (sm_cell){SM_KIND_INT, (uint64_t)value}; }
static inline sm_cell sm_cell_double(double value) {
  sm_cell cell = {SM_KIND_DOUBLE, 0};
  memcpy(&cell.bits, &value, sizeof value);
  return cell;
}
static inline sm_cell sm_cell_absent(void) { return (sm_cell){SM_KIND_ABSENT, 0}; }
static inline sm_cell sm_cell_empty(void) { return (sm_cell){SM_KIND_EMPTY, 0}; }
static inline double sm_double(sm_cell cell) {
  double value;
  memcpy(&value, &cell.bits, sizeof value);
  return value;
}
/* Whether a cell's bits are a pool index. */
static inline bool sm_is_pooled(sm_cell cell) {
  return cell.kind == SM_KIND_TEXT || (cell.kind >= SM_KIND_BYTES && cell.kind <= SM_KIND_MAP);
}

/* Values of mixed type, one a row. */
typedef struct {
  sm_u8s kinds;
  sm_u64s bits;
} sm_cells;

static inline sm_cell sm_cell_at(sm_cells cells, size_t row) {
  return (sm_cell){cells.kinds.items[row], cells.bits.items[row]};
}

/* Whole attribute lists: row i owns the entries from ends[i-1] to ends[i]. */
typedef struct {
  sm_u32s ends;
  sm_u32s keys;
  sm_cells values;
} sm_attributes;

static inline uint32_t sm_entries_begin(sm_attributes list, size_t row) {
  return row == 0 ? 0 : list.ends.items[row - 1];
}
static inline uint32_t sm_entries_end(sm_attributes list, size_t row) { return list.ends.items[row]; }

typedef enum {
  SM_SHAPE_NARROW,
  SM_SHAPE_WIDE,
  SM_SHAPE_TRACE_ID,
  SM_SHAPE_TEXT,
  SM_SHAPE_CELLS,
  SM_SHAPE_ATTRIBUTES
} sm_shape;

/* One field of every row. */
typedef struct {
  uint8_t shape;
  union {
    sm_u32s narrow;
    sm_u64s wide;
    sm_cells cells;
    sm_attributes attributes;
  } of;
} sm_column;

/* The fields of one context. */
typedef struct {
  uint8_t context;
  uint32_t rows;
  sm_u32s parents;
  struct {
    const sm_column *items;
    size_t count;
  } columns;
} sm_table;

/* Rows that travel together. */
typedef struct {
  sm_signal signal;
  /* When the host received the batch, ns since 1970. */
  uint64_t received_unix_nano;
  sm_texts texts;
  /* NULL where the batch has no such table. */
  const sm_table *tables[SM_CONTEXTS];
} sm_batch;

/* The text at an index; empty for SM_ABSENT. */
static inline sm_text sm_text_at(const sm_batch *batch, uint32_t index) {
  if (index >= batch->texts.ends.count) return (sm_text){"", 0};
  uint32_t start = index == 0 ? 0 : batch->texts.ends.items[index - 1];
  return (sm_text){(const char *)batch->texts.bytes.items + start, batch->texts.ends.items[index] - start};
}

/* The number of rows of a context; 0 without a table. */
static inline size_t sm_rows(const sm_batch *batch, sm_context context) {
  return batch->tables[context] ? batch->tables[context]->rows : 0;
}

/* For each row of a context, its row in the parent's table. */
static inline sm_u32s sm_parents(const sm_batch *batch, sm_context context) {
  return batch->tables[context] ? batch->tables[context]->parents : (sm_u32s){NULL, 0};
}

/* Handles of fields that are read. */
typedef struct {
  sm_context context;
  uint32_t column;
} sm_place;
typedef struct {
  sm_place at;
} sm_text_field;
typedef struct {
  sm_place at;
} sm_narrow_field;
typedef struct {
  sm_place at;
} sm_wide_field;
typedef struct {
  sm_place at;
} sm_trace_id_field;
typedef struct {
  sm_place at;
} sm_cell_field;
typedef struct {
  sm_place at;
} sm_attribute_field;
typedef struct {
  sm_place at;
} sm_list_field;

/* The columns of those. A field of a context that the batch's signal does not have has no rows. */
sm_u32s sm_text_column(const sm_batch *batch, sm_text_field field);
sm_u32s sm_narrow_column(const sm_batch *batch, sm_narrow_field field);
sm_u64s sm_wide_column(const sm_batch *batch, sm_wide_field field);
/* Two words a row, the high one first. */
sm_u64s sm_trace_ids(const sm_batch *batch, sm_trace_id_field field);
sm_cells sm_cell_column(const sm_batch *batch, sm_cell_field field);
sm_attributes sm_attribute_lists(const sm_batch *batch, sm_list_field field);

/* One attribute of every row. Whether it came as texts or as cells is none of the plugin's business. */
typedef struct {
  size_t rows;
  const uint32_t *texts;
  sm_cells cells;
} sm_values;
sm_values sm_attribute(const sm_batch *batch, sm_attribute_field field);

/* The value of a row. */
static inline sm_cell sm_value_at(sm_values values, size_t row) {
  return values.texts ? sm_cell_text(values.texts[row]) : sm_cell_at(values.cells, row);
}

/* The pool index of a row's value if it is a text; else SM_ABSENT. */
static inline uint32_t sm_value_text(sm_values values, size_t row) {
  if (values.texts) return values.texts[row];
  return values.cells.kinds.items[row] == SM_KIND_TEXT ? (uint32_t)values.cells.bits.items[row] : SM_ABSENT;
}

#ifdef __cplusplus
}
#endif
#endif
