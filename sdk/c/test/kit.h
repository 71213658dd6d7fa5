/* What the kit's own files share. */
#ifndef SPANMILL_KIT_H
#define SPANMILL_KIT_H

#include "../src/wire.h"
#include "spanmill_test.h"

typedef struct {
  const char *name;
  smt_value value;
  bool is_removed;
} smt_entry;

struct smt_row {
  sm_context context;
  SM_VECTOR(smt_entry) fields;
  SM_VECTOR(smt_entry) attributes;
  SM_VECTOR(smt_row *) children;
  smt_row *parent;
  /* Its row in its table, once it is loaded. */
  uint32_t index;
  bool is_out;
};

typedef SM_VECTOR(smt_row *) smt_row_list;

/* A batch, the rows it came from, and its texts. */
typedef struct {
  sm_table tables[SM_CONTEXTS];
  size_t table_count;
  smt_row_list rows[SM_CONTEXTS];
  sm_text_vector texts;
  sm_words ends;
  sm_bytes bytes;
} smt_loaded;

void smt_fail(const char *why);
smt_row *smt_copy(const smt_row *row);
smt_telemetry *smt_copy_all(const smt_telemetry *telemetry);
void smt_collect(smt_row *row, sm_context context, smt_row_list *rows);
/* Takes rows that are out away, and what is left empty by that. */
void smt_sweep(smt_telemetry *telemetry);

smt_loaded smt_load(const smt_telemetry *telemetry);
#define SMT_ARGUMENTS(telemetry, loaded)                                                          \
  (telemetry)->signal, (telemetry)->received_unix_nano, (loaded).ends.items, (loaded).ends.count, \
      (loaded).bytes.items, (loaded).bytes.count, (loaded).tables, (loaded).table_count

/* The batch's texts, and new ones behind them. */
void smt_add_texts(smt_loaded *loaded, sm_texts texts);
smt_value smt_value_of(const smt_loaded *loaded, sm_cell cell);
/* A path taken apart: whether it is an attribute (with its key), a whole list, or a field (with its name). */
typedef struct {
  sm_context context;
  bool is_list;
  const char *key, *name;
  const sm_field *field;
} smt_path;
smt_path smt_parse(sm_text path);
void smt_apply(smt_loaded *loaded, const wire_outcome *outcome);
void smt_write(smt_row *row, smt_path path, smt_value value);
const char *smt_describe(const smt_loaded *loaded, sm_attributes list, size_t row);
void smt_append_text(sm_bytes *to, const char *text);
void smt_listen(void);

#endif
