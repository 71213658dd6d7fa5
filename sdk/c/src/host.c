/* What a plugin calls: the host's log and counters, and the end of the instance. */
#include "internal.h"

const char *sm_last_message = "";

sm_status sm_refuse(const char *message) {
  sm_last_message = message;
  return SM_REFUSED;
}

sm_status sm_broken(const char *message) {
  sm_last_message = message;
  return SM_BROKEN;
}

#ifdef __wasm__
__attribute__((import_module("spanmill:plugin/log@0.1.0"), import_name("log"))) void import_log(uint32_t, const char *,
                                                                                                size_t);
__attribute__((import_module("spanmill:plugin/counters@0.1.0"), import_name("count"))) void import_count(const char *,
                                                                                                         size_t,
                                                                                                         uint64_t);

void sm_log(sm_level level, const char *message) { import_log(level, message, strlen(message)); }

void sm_count(sm_counter counter, uint64_t delta) { import_count(counter.name, strlen(counter.name), delta); }
#else
/* The test kit listens to these. */
void (*sm_on_log)(sm_level level, const char *message);
void (*sm_on_count)(const char *name, uint64_t delta);
void (*sm_on_panic)(const char *message);

void sm_log(sm_level level, const char *message) {
  if (sm_on_log) sm_on_log(level, message);
}

void sm_count(sm_counter counter, uint64_t delta) {
  if (sm_on_count) sm_on_count(counter.name, delta);
}
#endif

/* The last two parts of a path: what is before tells about the machine it was built on. */
static const char *shortened(const char *file) {
  const char *from = file, *last = file;
  for (const char *letter = file; *letter; letter++) {
    if (*letter == '/') {
      from = last;
      last = letter + 1;
    }
  }
  return from;
}

SM_NORETURN void sm_panic_at(const char *message, const char *file, int line, const char *function) {
  /* On the stack, since there may be no memory left. */
  char text[512];
  char digits[12];
  size_t digit = sizeof digits;
  digits[--digit] = 0;
  for (unsigned rest = (unsigned)line; digit > 0; rest /= 10) {
    digits[--digit] = (char)('0' + rest % 10);
    if (rest < 10) break;
  }
  const char *parts[] = {"panic: ", message, "; at ", function, " (", shortened(file), ":", digits + digit, ")"};
  size_t length = 0;
  for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
    for (const char *letter = parts[part]; *letter && length < sizeof text - 1; letter++) text[length++] = *letter;
  }
  text[length] = 0;
  sm_log(SM_ERROR, text);
#ifdef __wasm__
  __builtin_trap();
#else
  if (sm_on_panic) sm_on_panic(text);
  abort();
#endif
}
