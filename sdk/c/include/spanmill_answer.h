/* What plugins answer: outcomes, emissions, records, routes, decisions. Part of spanmill.h. */
#ifndef SPANMILL_ANSWER_H
#define SPANMILL_ANSWER_H

/* New texts, numbered on from the batch's pool. The first member of each answer that may have some. */
typedef struct sm_new_texts sm_new_texts;

/* Adds a text, and gives its index; so does the other for bytes, and encoded arrays and maps. */
uint32_t sm_new_text(sm_new_texts *texts, sm_text text);

/* -- processors -- */

/* What a processor did with a batch. Nothing set: everything stays as it is. */
typedef struct sm_outcome sm_outcome;

sm_new_texts *sm_outcome_texts(sm_outcome *outcome);

/* The verdicts on the rows of a context, one a row: SM_KEEP, SM_DROP or SM_HOLD. Not of resources and scopes. */
uint8_t *sm_verdicts(sm_outcome *outcome, sm_context context);
enum { SM_KEEP, SM_DROP, SM_HOLD };

/* Drops a row, with the rows below it. */
void sm_drop_row(sm_outcome *outcome, sm_context context, size_t row);
/* Holds a span or log record in the host, as edited, until the ticker decides on its trace. It must have a trace id. */
void sm_hold_row(sm_outcome *outcome, sm_context context, size_t row);

/* Writes a field of one row; of several values for one row the last counts. */
void sm_set(sm_outcome *outcome, sm_write_field field, size_t row, sm_cell value);
/* Writes a field of every row; rows written by sm_set keep their own value. */
void sm_set_all(sm_outcome *outcome, sm_write_field field, sm_cell value);
/* Replaces a text wherever it stands as a value of a field that is read as well. Name each text once. */
void sm_replace(sm_outcome *outcome, sm_write_field field, uint32_t old_text, uint32_t new_text);
/* Entries of whole attribute lists, numbered as in their keys: a new value, or away with one. */
void sm_set_entry(sm_outcome *outcome, sm_write_field field, uint32_t entry, sm_cell value);
void sm_remove_entry(sm_outcome *outcome, sm_write_field field, uint32_t entry);
/* Adds an entry to a row's attribute list. Rows come in order, and do not have the key yet. */
void sm_append(sm_outcome *outcome, sm_write_field field, size_t row, uint32_t key, sm_cell value);

/* -- connectors that measure -- */

typedef enum { SM_SUM, SM_HISTOGRAM, SM_EXPONENTIAL_HISTOGRAM, SM_UP_DOWN_SUM, SM_GAUGE } sm_instrument_kind;

/* A metric that a connector makes. */
typedef struct {
  const char *name;
  const char *description;
  /* UCUM, such as ms; empty or NULL: none. */
  const char *unit;
  sm_instrument_kind kind;
  /* Upper bounds of a histogram: inclusive, increasing, finite. They must outlive `configure`. */
  sm_f64s bounds;
  /* Buckets of an exponential histogram. */
  uint32_t buckets;
  /* How many exemplars a data point may carry; 0: none. */
  uint32_t exemplars;
} sm_instrument;

typedef enum { SM_DELTA, SM_CUMULATIVE } sm_temporality;

/* The metrics that a connector makes. `configure` is given one that is cumulative and flushed every 60 s. */
typedef struct {
  const char *scope;
  /* They must outlive `configure`; so must the other lists. */
  const sm_instrument *instruments;
  size_t instrument_count;
  sm_temporality temporality;
  uint64_t flush_interval_ns;
  /* After how long without a measurement a series is forgotten; 0: never. */
  uint64_t expiration_ns;
  /* Of series per resource and instrument, of resources, of series altogether; 0: none. */
  uint32_t series_limit;
  uint32_t resource_limit;
  uint32_t total_limit;
  /* The attributes that tell resources apart; none: all do. */
  const char *const *resource_key;
  size_t resource_key_count;
} sm_metric_stream;

/* What a connector measured in one batch. On a failure all of it is thrown away. */
typedef struct sm_emission sm_emission;

sm_new_texts *sm_emission_texts(sm_emission *emission);

/* Forgets the numbering of series before this emission: the next series is 0 again. No total is lost. */
void sm_restart(sm_emission *emission);

/* A new series: first the attributes of its resource and its own, in any order, then sm_end_series, which gives
 * nothing: series are numbered in the order they are named, across batches, from 0. */
void sm_series_resource(sm_emission *emission, uint32_t key, sm_cell value);
void sm_series_attribute(sm_emission *emission, uint32_t key, sm_cell value);
void sm_end_series(sm_emission *emission);

/* Records 1 of a series, or a value; instruments are named by their place. One instrument is counted or measured. */
void sm_count_series(sm_emission *emission, uint32_t instrument, uint32_t series);
void sm_measure(sm_emission *emission, uint32_t instrument, uint32_t series, double value);
/* Room for `count` measurements of an instrument, for a plugin that fills the lists itself. Only those asked for are
 * sent: `values`, `counts` and `rows` (for exemplars) may be NULL. */
void sm_measurements(sm_emission *emission, uint32_t instrument, size_t count, uint32_t **series, double **values,
                     uint64_t **counts, uint32_t **rows);

/* -- connectors that make records -- */

/* What the records are, and the fields they have: `configure` is given one of log records. */
typedef struct sm_record_stream sm_record_stream;

/* The instrumentation scope; empty: none. Literals. */
void sm_record_scope(sm_record_stream *stream, const char *name, const char *version);
/* Makes spans instead of log records. Call it before fields are named. */
void sm_record_spans(sm_record_stream *stream);

typedef struct {
  uint32_t index;
} sm_record_field;
/* A field, by its path; of one attribute by key, or of all. */
sm_record_field sm_record_path(sm_record_stream *stream, const char *path);
sm_record_field sm_record_attribute(sm_record_stream *stream, const char *key);
sm_record_field sm_record_attributes(sm_record_stream *stream);

/* The records made of one batch. */
typedef struct sm_records sm_records;

sm_new_texts *sm_records_texts(sm_records *records);
/* Begins a record that carries over a resource, by its row; resources never decrease. What is not set is absent. */
void sm_add_record(sm_records *records, uint32_t resource);
void sm_record_narrow(sm_records *records, sm_record_field field, uint32_t value);
void sm_record_wide(sm_records *records, sm_record_field field, uint64_t value);
void sm_record_trace_id(sm_records *records, sm_record_field field, uint64_t high, uint64_t low);
void sm_record_text(sm_records *records, sm_record_field field, uint32_t text);
/* The body, or an attribute by key. */
void sm_record_cell(sm_records *records, sm_record_field field, sm_cell value);
/* An entry of the whole list. */
void sm_record_entry(sm_records *records, sm_record_field field, uint32_t key, sm_cell value);

/* -- routers -- */

/* The pipelines that a component may send to. */
typedef struct {
  sm_signal signal;
  struct {
    const sm_text *items;
    size_t count;
  } names;
} sm_pipelines;

/* The set of one pipeline; 0 if there is none of the name. Join sets with |. */
uint64_t sm_find_pipeline(const sm_pipelines *pipelines, const char *name);

/* Where the rows of one batch go. */
typedef struct sm_routes sm_routes;

void sm_send_all(sm_routes *routes, uint64_t pipelines);
/* One set a row of a context, to be filled in; all are 0, which drops. */
uint64_t *sm_send_each(sm_routes *routes, const sm_batch *batch, sm_context context);

/* -- tickers -- */

/* Decisions by trace; traces that are not named stay held. No trace is named twice. */
typedef struct sm_decisions sm_decisions;

void sm_release(sm_decisions *decisions, uint64_t high, uint64_t low);
void sm_drop_trace(sm_decisions *decisions, uint64_t high, uint64_t low);
/* Has the rows of a trace shown again. */
void sm_review(sm_decisions *decisions, uint64_t high, uint64_t low);

/* -- state -- */

/* Why a saved state was not taken over: its layout is not known, or its data do not have it. */
typedef enum { SM_RESTORED, SM_UNKNOWN_FORMAT, SM_WRONG_DATA } sm_restored;

#endif
