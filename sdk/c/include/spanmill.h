/* Spanmill's SDK for C: what a plugin includes. README.md has examples.
 *
 * A plugin declares the signals it takes and the fields it reads and writes, gets those fields as columns (one packed
 * list a field and batch), and answers with verdicts and edits. What it does not touch leaves byte for byte as it came,
 * and what it did not declare it never sees.
 *
 * Columns are read where the host put them, without a copy. They are good until `process` returns. */
#ifndef SPANMILL_H
#define SPANMILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "spanmill_batch.h"
#include "spanmill_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- what a plugin declares -- */

/* Which batches an instance must see: any, all rows of a trace, or every batch. */
typedef enum { SM_SHARD_NONE, SM_SHARD_BY_TRACE, SM_SHARD_WHOLE } sm_sharding;

typedef struct sm_contract sm_contract;

/* Declares the signals that the plugin takes, in place of those before; without a call, traces:
 * `sm_take(contract, SM_BIT(SM_LOGS) | SM_BIT(SM_TRACES))`. */
void sm_take(sm_contract *contract, unsigned signals);
#define SM_BIT(signal) (1u << (signal))

void sm_shard(sm_contract *contract, sm_sharding sharding);

/* Fields that are read, by the contract's paths. To name one twice gives the same handle; to read one as what it is not
 * ends the plugin. */
sm_text_field sm_read_text(sm_contract *contract, const char *path);
sm_narrow_field sm_read_narrow(sm_contract *contract, const char *path);
sm_wide_field sm_read_wide(sm_contract *contract, const char *path);
sm_trace_id_field sm_read_trace_id(sm_contract *contract, const char *path);
sm_cell_field sm_read_cells(sm_contract *contract, const char *path);
/* One attribute by key. */
sm_attribute_field sm_read_attribute(sm_contract *contract, sm_context context, const char *key);
/* Every attribute: costs more than single ones, and sees more. */
sm_list_field sm_read_attributes(sm_contract *contract, sm_context context);

/* Fields that are written. Writing does not imply reading. */
typedef struct {
  uint32_t index;
} sm_write_field;
sm_write_field sm_write(sm_contract *contract, const char *path);
sm_write_field sm_write_attribute(sm_contract *contract, sm_context context, const char *key);
sm_write_field sm_write_attributes(sm_contract *contract, sm_context context);

/* One of the plugin's own counters, which its operator sees. `name` is a literal in lower_snake_case. None can be added
 * later, so that no name can carry a value. */
typedef struct {
  const char *name;
} sm_counter;
sm_counter sm_declare_counter(sm_contract *contract, const char *name);
/* Call it once a batch, not once a row. */
void sm_count(sm_counter counter, uint64_t delta);

/* -- log, failures -- */

typedef enum { SM_DEBUG, SM_INFO, SM_WARN, SM_ERROR } sm_level;

/* Writes a line to the host's log, which keeps ten a second. No attribute value may stand in it. */
void sm_log(sm_level level, const char *message);

#ifdef __cplusplus
#define SM_NORETURN [[noreturn]]
#else
#define SM_NORETURN _Noreturn
#endif

/* Ends the instance, with file and line in the host's log. For what cannot be; a batch that cannot be processed is
 * refused. */
#define sm_panic(message) sm_panic_at(message, __FILE__, __LINE__, __func__)
/* The same unless a condition holds. */
#define sm_require(condition) ((condition) ? (void)0 : sm_panic(#condition))
SM_NORETURN void sm_panic_at(const char *message, const char *file, int line, const char *function);

/* How `process` ends. `return SM_OK;`, or one of those below with a message in which no attribute value stands. */
typedef enum { SM_OK, SM_REFUSED, SM_BROKEN } sm_status;
/* This batch cannot be processed; the next may be. */
sm_status sm_refuse(const char *message);
/* The plugin's own state is broken: the host makes a new instance. */
sm_status sm_broken(const char *message);

/* -- answers per distinct text -- */

/* Remembers what was asked of each distinct text of a batch, so that it is asked once and not once a row. */
typedef struct {
  /* By pool index: 0 not asked yet, or the answer and 1. */
  uint32_t *known;
  size_t room;
} sm_answers;

/* Forgets the answers of the batch before. Call it first in `process`. */
void sm_answers_begin(sm_answers *answers, const sm_batch *batch);

/* The answer for a text; `none` for SM_ABSENT. `ask` gives less than UINT32_MAX. */
static inline uint32_t sm_answer(sm_answers *answers, const sm_batch *batch, uint32_t index, uint32_t none,
                                 uint32_t (*ask)(sm_text text)) {
  if (index == SM_ABSENT) return none;
  uint32_t known = answers->known[index];
  if (known == 0) {
    known = ask(sm_text_at(batch, index)) + 1;
    answers->known[index] = known;
  }
  return known - 1;
}

/* -- what a plugin answers -- */

#include "spanmill_answer.h"
#include "spanmill_series.h"

/* -- registration -- */

#include "spanmill_register.h"

#ifdef __cplusplus
}
#endif
#endif
