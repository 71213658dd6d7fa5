/* Runs plugins natively, in a plain C test program. Telemetry is made with builders and becomes the columns of the
 * fields that the plugin declared; its answer is checked against the contract and applied. What is made here is never
 * freed: a test program is short.
 *
 * Link it with the plugin's file and the SDK's. */
#ifndef SPANMILL_TEST_H
#define SPANMILL_TEST_H

#include <stdio.h>

#include "spanmill.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- telemetry -- */

/* A value of an attribute or a field. */
typedef struct {
  uint8_t kind;
  /* Of texts, bytes, arrays and maps. */
  sm_text text;
  /* Of anything else, as in a cell; of a trace id, both words. */
  uint64_t bits, low;
} smt_value;

smt_value smt_text(const char *text);
smt_value smt_bool(bool value);
smt_value smt_int(int64_t value);
smt_value smt_double(double value);
/* Bytes, or an encoded array or map: of SM_KIND_BYTES, SM_KIND_ARRAY or SM_KIND_MAP. */
smt_value smt_bytes(sm_kind kind, const void *data, size_t length);
smt_value smt_empty(void);

/* A row of any context, with those below it: a resource has scopes, a scope spans, log records or metrics, a span
 * events and links, a metric data points. Builders give the row that they were given. */
typedef struct smt_row smt_row;

smt_row *smt_resource(void);
smt_row *smt_scope(const char *name);
smt_row *smt_span(const char *name);
smt_row *smt_event(const char *name);
smt_row *smt_link(uint64_t trace_high, uint64_t trace_low, uint64_t span);
smt_row *smt_log(const char *body);
/* Of OTLP's type: 1 gauge, 2 sum, 3 histogram, 4 exponential histogram, 5 summary. */
smt_row *smt_metric(const char *name, uint32_t type);
smt_row *smt_point(smt_value value);
smt_row *smt_attr(smt_row *row, const char *key, smt_value value);
/* A field, by its name behind the context's: smt_set(span, "status.code", smt_int(2)). */
smt_row *smt_set(smt_row *row, const char *name, smt_value value);
smt_row *smt_kind(smt_row *span, uint32_t kind);
smt_row *smt_times(smt_row *span, uint64_t start, uint64_t end);
smt_row *smt_status(smt_row *span, uint32_t code, const char *message);
smt_row *smt_ids(smt_row *row, uint64_t trace_high, uint64_t trace_low, uint64_t span);
/* Puts a row below another, and gives the upper one. */
smt_row *smt_with(smt_row *row, smt_row *child);

/* What a row has: kind SM_KIND_ABSENT if it has not. */
smt_value smt_get(const smt_row *row, const char *name);
smt_value smt_get_attr(const smt_row *row, const char *key);
size_t smt_attr_count(const smt_row *row);

/* What travels together: resources. */
typedef struct {
  sm_signal signal;
  smt_row **resources;
  size_t count;
  uint64_t received_unix_nano;
} smt_telemetry;

smt_telemetry *smt_telemetry_of(sm_signal signal);
smt_telemetry *smt_add_resource(smt_telemetry *telemetry, smt_row *resource);
/* Items of one resource and scope; the list ends with NULL. */
smt_telemetry *smt_items(sm_signal signal, smt_row *first, ...);
#define smt_spans(...) smt_items(SM_TRACES, __VA_ARGS__, NULL)
#define smt_logs(...) smt_items(SM_LOGS, __VA_ARGS__, NULL)

/* The rows of a context, in order, and how many there are. */
size_t smt_rows(const smt_telemetry *telemetry, sm_context context, smt_row ***rows);
/* Their names, joined with commas. */
const char *smt_names(const smt_telemetry *telemetry, sm_context context);

/* -- plugins -- */

/* Configures a plugin. NULL if it took the settings, else its mistakes: "/routes/0: must not be empty; ...". */
const char *smt_configure(const sm_processor *plugin, const char *settings);
const char *smt_configure_connector(const sm_connector *plugin, const char *settings);
const char *smt_configure_record_connector(const sm_record_connector *plugin, const char *settings);
const char *smt_configure_router(const sm_router *plugin, const char *settings, sm_signal signal,
                                 const char *const *pipelines, size_t count);

/* What a processor made of telemetry. */
typedef struct {
  /* What is left; the telemetry itself is left alone. */
  smt_telemetry *left;
  /* How many rows of each context were. */
  size_t dropped[SM_CONTEXTS], held[SM_CONTEXTS];
  /* Why it was refused, or NULL. */
  const char *error;
} smt_changed;
smt_changed smt_run(const sm_processor *plugin, const smt_telemetry *telemetry);

/* What was measured of one series, in all batches so far. */
typedef struct {
  const char *metric;
  /* Attributes as text: `http.route=/cart,span.kind=...`. */
  const char *resource, *attributes;
  uint64_t count;
  double sum;
} smt_total;
/* Runs a batch through a connector; an error, or NULL. */
const char *smt_measure(const sm_connector *plugin, const smt_telemetry *telemetry);
/* The totals of a metric, in the order they were first measured. */
size_t smt_totals(const char *metric, const smt_total **totals);
/* How often the numbering of series started over. */
size_t smt_restarts(void);

/* The records that a record connector makes. */
smt_telemetry *smt_make(const sm_record_connector *plugin, const smt_telemetry *telemetry);

/* What the pipeline at a place is sent. */
smt_telemetry *smt_route(const sm_router *plugin, const smt_telemetry *telemetry, size_t pipeline);

/* Decisions on held rows: names of the rows of traces released or dropped, joined with commas. */
typedef struct {
  const char *released, *dropped;
  size_t held;
} smt_decided;
smt_decided smt_tick(const sm_ticker *plugin, uint64_t now_unix_nano, bool ending);

/* The paths that the plugin reads, joined with commas. */
const char *smt_reads(void);
/* What it has logged, a line each, and counted. */
const char *smt_logged(void);
uint64_t smt_counted(const char *name);

/* -- checks -- */

#define SMT_CHECK(condition) smt_check(condition, #condition, __FILE__, __LINE__)
#define SMT_EQUAL(got, want) smt_check_text(got, want, __FILE__, __LINE__)
void smt_check(bool holds, const char *condition, const char *file, int line);
void smt_check_text(const char *got, const char *want, const char *file, int line);

/* Runs one test. `return smt_end();` closes main, and tells what passed and failed. */
#define SMT_RUN(test) smt_run_test(#test, test)
void smt_run_test(const char *name, void (*test)(void));
int smt_end(void);

#ifdef __cplusplus
}
#endif
#endif
