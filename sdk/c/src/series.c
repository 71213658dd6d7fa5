/* Series numbered by what identifies them. */
#include "internal.h"

void sm_key_add(sm_key *key, const void *data, size_t length) {
  if (length == 0) return;
  sm_reserve(key, length);
  memcpy(key->items + key->count, data, length);
  key->count += length;
}

void sm_key_number(sm_key *key, uint64_t number) { sm_key_add(key, &number, sizeof number); }

void sm_key_cell(sm_key *key, const sm_batch *batch, sm_cell cell) {
  sm_key_add(key, &cell.kind, 1);
  if (!sm_is_pooled(cell)) {
    sm_key_number(key, cell.bits);
    return;
  }
  sm_text text = sm_text_at(batch, (uint32_t)cell.bits);
  uint32_t length = (uint32_t)text.length;
  sm_key_add(key, &length, sizeof length);
  sm_key_add(key, text.data, text.length);
}

void sm_key_attributes(sm_key *key, const sm_batch *batch, sm_attributes list, size_t row) {
  uint32_t begin = sm_entries_begin(list, row), end = sm_entries_end(list, row);
  sm_key_number(key, end - begin);
  for (uint32_t at = begin; at < end; at++) {
    sm_key_cell(key, batch, sm_cell_text(list.keys.items[at]));
    sm_key_cell(key, batch, sm_cell_at(list.values, at));
  }
}

/* FNV-1a, eight bytes at a time, with the bits mixed at the end. */
static uint64_t hash(const uint8_t *data, size_t length) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; length >= 8; data += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, data, 8);
    hash = (hash ^ word) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
  }
  for (; length > 0; data++, length--) hash = (hash ^ *data) * UINT64_C(0x100000001b3);
  hash ^= hash >> 32;
  hash *= UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

/* The slot of a key, or the free one that it would take. */
static size_t slot_of(const sm_numbers *numbers, const uint8_t *key, size_t length) {
  size_t mask = numbers->slot_count - 1, slot = (size_t)hash(key, length) & mask;
  for (; numbers->slots[slot] != 0; slot = (slot + 1) & mask) {
    uint32_t number = numbers->slots[slot] - 1;
    size_t begin = number == 0 ? 0 : numbers->ends[number - 1];
    if (numbers->ends[number] - begin == length && memcmp(numbers->keys.items + begin, key, length) == 0) break;
  }
  return slot;
}

static void make_room(sm_numbers *numbers) {
  if ((numbers->count + 1) * 2 <= numbers->slot_count) return;
  size_t slots = numbers->slot_count ? numbers->slot_count * 2 : 64;
  free(numbers->slots);
  numbers->slots = calloc(slots, sizeof *numbers->slots);
  if (numbers->slots == NULL) sm_panic("out of memory");
  numbers->slot_count = slots;
  for (size_t number = 0; number < numbers->count; number++) {
    size_t begin = number == 0 ? 0 : numbers->ends[number - 1];
    numbers->slots[slot_of(numbers, numbers->keys.items + begin, numbers->ends[number] - begin)] = (uint32_t)number + 1;
  }
}

uint32_t sm_number_of(sm_numbers *numbers, const sm_key *key, bool *is_new) {
  make_room(numbers);
  size_t slot = slot_of(numbers, key->items, key->count);
  *is_new = numbers->slots[slot] == 0;
  if (*is_new) {
    sm_key_add(&numbers->keys, key->items, key->count);
    if (numbers->count == numbers->room) {
      numbers->ends = sm_grown(numbers->ends, &numbers->room, numbers->count + 1, sizeof *numbers->ends);
    }
    numbers->ends[numbers->count++] = numbers->keys.count;
    numbers->slots[slot] = (uint32_t)numbers->count;
  }
  return numbers->slots[slot] - 1;
}

void sm_numbers_clear(sm_numbers *numbers) {
  numbers->count = numbers->keys.count = 0;
  if (numbers->slot_count > 0) memset(numbers->slots, 0, numbers->slot_count * sizeof *numbers->slots);
}
