/* Memory that grows, and the memory that the host lowers arguments into. */
#include "internal.h"

void *sm_grown(void *items, size_t *room, size_t wanted, size_t size) {
  size_t next = *room * 2 > wanted ? *room * 2 : wanted;
  if (next < 16) next = 16;
  if (next > SIZE_MAX / size) sm_panic("a list is larger than memory");
  items = realloc(items, next * size);
  if (items == NULL) sm_panic("out of memory");
  *room = next;
  return items;
}

#ifdef __wasm__
/* Chunks, which are used anew once the call that they were for has returned. */
static struct {
  uint8_t *chunk;
  size_t used, room;
  /* Chunks of this call that are full. */
  SM_VECTOR(uint8_t *) full;
  size_t full_room;
} arena;
bool sm_call_is_done;

static void release(void) {
  sm_call_is_done = false;
  arena.used = 0;
  if (arena.full.count == 0) return;
  /* A call that took several chunks leaves one behind with room for all of them. */
  size_t room = arena.room + arena.full_room;
  while (arena.full.count > 0) free(arena.full.items[--arena.full.count]);
  free(arena.chunk);
  arena.full_room = 0;
  arena.room = room;
  arena.chunk = malloc(room);
  if (arena.chunk == NULL) sm_panic("out of memory");
}

__attribute__((export_name("cabi_realloc"), used)) void *cabi_realloc(void *old, size_t old_size, size_t align,
                                                                      size_t size) {
  if (sm_call_is_done) release();
  size_t at = (arena.used + align - 1) & ~(align - 1);
  if (arena.chunk == NULL || at > arena.room || size > arena.room - at) {
    if (arena.chunk) {
      sm_push(&arena.full, arena.chunk);
      arena.full_room += arena.room;
    }
    size_t room = arena.room * 2 > size ? arena.room * 2 : size;
    arena.room = room < 16384 ? 16384 : room;
    arena.chunk = malloc(arena.room);
    if (arena.chunk == NULL) sm_panic("out of memory");
    at = 0;
  }
  arena.used = at + size;
  if (old_size > 0) memcpy(arena.chunk + at, old, old_size);
  return arena.chunk + at;
}
#endif
