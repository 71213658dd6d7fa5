/* What the SDK's own files share. */
#ifndef SPANMILL_INTERNAL_H
#define SPANMILL_INTERNAL_H

#include <stdlib.h>

#include "spanmill.h"

/* Lists that grow. They keep their memory from batch to batch. */
#define SM_VECTOR(type) \
  struct {              \
    type *items;        \
    size_t count, room; \
  }

/* Room for `more` entries behind the last, as bytes are counted. Ends the instance where there is no memory. */
void *sm_grown(void *items, size_t *room, size_t wanted, size_t size);

#define sm_reserve(vector, more)                                                                                   \
  ((vector)->count + (more) > (vector)->room                                                                       \
       ? (void)((vector)->items =                                                                                  \
                    sm_grown((vector)->items, &(vector)->room, (vector)->count + (more), sizeof *(vector)->items)) \
       : (void)0)
#define sm_push(vector, ...) (sm_reserve(vector, 1), (void)((vector)->items[(vector)->count++] = __VA_ARGS__))

typedef SM_VECTOR(uint8_t) sm_bytes;
typedef SM_VECTOR(uint32_t) sm_words;
typedef SM_VECTOR(uint64_t) sm_wides;
typedef SM_VECTOR(double) sm_doubles;

/* A vector as a list that crosses. */
#define sm_list(type, vector) ((type){(vector)->items, (vector)->count})

typedef struct {
  sm_bytes kinds;
  sm_wides bits;
} sm_cell_list;

static inline void sm_push_cell(sm_cell_list *list, sm_cell cell) {
  sm_push(&list->kinds, cell.kind);
  sm_push(&list->bits, cell.bits);
}

static inline void sm_clear_cells(sm_cell_list *list) { list->kinds.count = list->bits.count = 0; }

static inline sm_cells sm_cells_of(const sm_cell_list *list) {
  return (sm_cells){sm_list(sm_u8s, &list->kinds), sm_list(sm_u64s, &list->bits)};
}

typedef struct {
  sm_words ends, keys;
  sm_cell_list values;
} sm_attribute_list;

static inline sm_attributes sm_attributes_of(const sm_attribute_list *list) {
  return (sm_attributes){sm_list(sm_u32s, &list->ends), sm_list(sm_u32s, &list->keys), sm_cells_of(&list->values)};
}

static inline void sm_clear_attributes(sm_attribute_list *list) {
  list->ends.count = list->keys.count = 0;
  sm_clear_cells(&list->values);
}

struct sm_new_texts {
  uint32_t first;
  sm_words ends;
  sm_bytes bytes;
};

static inline void sm_begin_texts(sm_new_texts *texts, const sm_batch *batch) {
  texts->first = (uint32_t)batch->texts.ends.count;
  texts->ends.count = texts->bytes.count = 0;
}

static inline sm_texts sm_texts_of(const sm_new_texts *texts) {
  return (sm_texts){sm_list(sm_u32s, &texts->ends), sm_list(sm_u8s, &texts->bytes)};
}

/* Text lists that cross. */
typedef SM_VECTOR(sm_text) sm_text_vector;
typedef struct {
  const sm_text *items;
  size_t count;
} sm_text_list;

/* -- fields -- */

/* The names of contexts in paths, by context. */
extern const char *const sm_prefixes[SM_CONTEXTS];

/* A field with a fixed place, or NULL. */
typedef struct {
  const char *path;
  uint8_t shape;
  bool is_writable;
} sm_field;
const sm_field *sm_find_field(sm_text path);

/* The context that a path belongs to; ends the instance if there is none. */
sm_context sm_context_of(sm_text path);

/* The path of an attribute (or of all, without a key). It lives as long as the instance. */
sm_text sm_attribute_path(sm_context context, const char *key);

struct sm_contract {
  unsigned signals;
  sm_text_vector reads, writes;
  SM_VECTOR(sm_place) places;
  sm_sharding sharding;
};

/* -- settings -- */

typedef struct {
  sm_text path, message;
} sm_problem;

struct sm_settings {
  sm_json *root;
  SM_VECTOR(sm_problem) problems;
  const char *unavailable;
};

/* Reads JSON; mistakes are noted. */
void sm_settings_read(sm_settings *settings, const char *text, size_t length);
/* Notes the keys that were never asked for. */
void sm_settings_finish(sm_settings *settings);

/* Whether a text is a number of JSON's; value gets it. */
bool sm_read_number(const char *text, size_t length, double *value);

/* A text put together, which lives as long as the instance. */
sm_text sm_joined(size_t count, const sm_text *parts);
#define sm_join(...) sm_joined(sizeof((sm_text[]){__VA_ARGS__}) / sizeof(sm_text), (sm_text[]){__VA_ARGS__})

/* -- answers -- */

typedef struct {
  sm_words places;
  sm_cell_list values;
} sm_placed;

/* The edits of one field. */
typedef struct {
  bool has_all;
  sm_cell all;
  sm_placed rows, entries;
  sm_words old_texts, new_texts, removed, append_rows, append_keys;
  sm_cell_list append_values;
} sm_edits;

struct sm_outcome {
  sm_new_texts texts;
  size_t rows[SM_CONTEXTS];
  sm_bytes verdicts[SM_CONTEXTS];
  SM_VECTOR(sm_edits) fields;
};

void sm_outcome_begin(sm_outcome *outcome, const sm_batch *batch, size_t fields);
/* Brings edits into the contract's order. */
void sm_outcome_finish(sm_outcome *outcome);

typedef struct {
  sm_words series;
  sm_doubles values;
  sm_wides counts;
  sm_words rows;
} sm_recording;

struct sm_emission {
  sm_new_texts texts;
  bool restart;
  sm_attribute_list resources, attributes;
  SM_VECTOR(sm_recording) recordings;
};

void sm_emission_begin(sm_emission *emission, const sm_batch *batch, size_t instruments);

struct sm_record_stream {
  sm_signal signal;
  const char *scope_name, *scope_version;
  sm_text_vector fields;
  sm_bytes shapes;
};

typedef struct {
  sm_words narrow;
  sm_wides wide;
  sm_cell_list cells;
  sm_attribute_list list;
} sm_record_column;

struct sm_records {
  sm_new_texts texts;
  const sm_record_stream *stream;
  sm_words resources;
  SM_VECTOR(sm_record_column) columns;
};

void sm_records_begin(sm_records *records, const sm_batch *batch, const sm_record_stream *stream);
void sm_records_finish(sm_records *records);

struct sm_routes {
  uint8_t context;
  sm_wides pipelines;
};

struct sm_decisions {
  sm_wides traces;
  sm_bytes decisions;
  sm_wides review;
};

/* The message of the last sm_refuse or sm_broken. */
extern const char *sm_last_message;

/* What the test kit looks at, after a call. */
typedef struct {
  sm_contract contract;
  sm_metric_stream metrics;
  sm_record_stream records;
} sm_declared;
extern sm_declared sm_now_declared;

#endif
