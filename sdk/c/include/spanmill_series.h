/* Series numbered by what identifies them, for connectors. Part of spanmill.h. */
#ifndef SPANMILL_SERIES_H
#define SPANMILL_SERIES_H

/* Bytes that identify something: pool indices differ from batch to batch, so a key holds what they stand for. */
typedef struct {
  uint8_t *items;
  size_t count, room;
} sm_key;

static inline void sm_key_begin(sm_key *key) { key->count = 0; }
void sm_key_add(sm_key *key, const void *data, size_t length);
/* A number, and a value so that no other one reads the same. */
void sm_key_number(sm_key *key, uint64_t number);
void sm_key_cell(sm_key *key, const sm_batch *batch, sm_cell cell);
/* All attributes of a row. */
void sm_key_attributes(sm_key *key, const sm_batch *batch, sm_attributes list, size_t row);

/* Numbers keys in the order in which they come. */
typedef struct {
  /* Number and 1 by slot; the slots are a power of two. */
  uint32_t *slots;
  size_t slot_count;
  /* Where each key ends, by number. */
  size_t *ends;
  size_t count, room;
  sm_key keys;
} sm_numbers;

/* The number of a key, and whether it is new. */
uint32_t sm_number_of(sm_numbers *numbers, const sm_key *key, bool *is_new);
/* Forgets all keys. */
void sm_numbers_clear(sm_numbers *numbers);

#endif
