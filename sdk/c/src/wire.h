/* Answers as the canonical ABI lays them out: the contract's records and variants, field by field. */
#ifndef SPANMILL_WIRE_H
#define SPANMILL_WIRE_H

#include "internal.h"

typedef struct {
  uint8_t tag;
  sm_text message;
} wire_plugin_error;

typedef struct {
  uint8_t tag;
  union {
    struct {
      const sm_problem *items;
      size_t count;
    } problems;
    sm_text unavailable;
  } of;
} wire_config_error;

typedef struct {
  sm_u8s signals;
  sm_text_list reads, writes;
  uint8_t sharding;
} wire_contract;

typedef struct {
  uint8_t context;
  sm_u8s rows;
} wire_verdicts;
typedef struct {
  uint32_t field;
  sm_u32s places;
  sm_cells values;
} wire_write;
typedef struct {
  uint32_t field;
  sm_u32s old_texts, new_texts;
} wire_replacement;
typedef struct {
  uint32_t field;
  sm_u32s entries;
} wire_removal;
typedef struct {
  uint32_t field;
  sm_u32s rows, keys;
  sm_cells values;
} wire_append;
typedef struct {
  struct {
    const wire_verdicts *items;
    size_t count;
  } verdicts;
  sm_texts texts;
  struct {
    const wire_write *items;
    size_t count;
  } writes, entry_writes;
  struct {
    const wire_replacement *items;
    size_t count;
  } replacements;
  struct {
    const wire_removal *items;
    size_t count;
  } removals;
  struct {
    const wire_append *items;
    size_t count;
  } appends;
} wire_outcome;

typedef struct {
  sm_text name, description, unit;
  struct {
    uint8_t tag;
    union {
      sm_f64s bounds;
      uint32_t buckets;
    } of;
  } kind;
  uint32_t exemplars;
} wire_instrument;
typedef struct {
  sm_text scope;
  struct {
    const wire_instrument *items;
    size_t count;
  } instruments;
  uint8_t temporality;
  uint64_t flush_interval_ns, expiration_ns;
  uint32_t series_limit, resource_limit, total_limit;
  sm_text_list resource_key;
} wire_stream;
typedef struct {
  wire_contract contract;
  wire_stream metrics;
} wire_connector_contract;
typedef struct {
  uint32_t instrument;
  sm_u32s series;
  sm_f64s values;
  sm_u64s counts;
  sm_u32s rows;
} wire_recording;
typedef struct {
  sm_texts texts;
  uint8_t restart;
  sm_attributes resources, attributes;
  struct {
    const wire_recording *items;
    size_t count;
  } recordings;
} wire_emission;

typedef struct {
  uint8_t signal;
  sm_text_list fields;
  sm_text scope_name, scope_version;
} wire_record_stream;
typedef struct {
  wire_contract contract;
  wire_record_stream records;
} wire_record_contract;
typedef struct {
  sm_texts texts;
  uint32_t rows;
  sm_u32s resources;
  struct {
    const sm_column *items;
    size_t count;
  } columns;
} wire_records;

typedef struct {
  uint8_t context;
  sm_u64s pipelines;
} wire_routes;
typedef struct {
  uint32_t format;
  sm_u8s data;
} wire_state;
typedef struct {
  sm_u64s traces;
  sm_u8s decisions;
  sm_u64s review;
} wire_decisions;

#define RESULT(ok, err) \
  struct {              \
    uint8_t failed;     \
    union {             \
      ok value;         \
      err error;        \
    } of;               \
  }

#endif
