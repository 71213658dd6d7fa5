/* Checks, and what they tell. */
#include "kit.h"

static int passed, failed;
static bool has_failed;

void smt_fail(const char *why) {
  fprintf(stderr, "the contract is broken: %s\n", why);
  abort();
}

void smt_check(bool holds, const char *condition, const char *file, int line) {
  if (holds) return;
  has_failed = true;
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
}

void smt_check_text(const char *got, const char *want, const char *file, int line) {
  if (got == want || (got && want && strcmp(got, want) == 0)) return;
  has_failed = true;
  fprintf(stderr, "%s:%d: got  %s\n%s:%d: want %s\n", file, line, got ? got : "nothing", file, line,
          want ? want : "nothing");
}

void smt_run_test(const char *name, void (*test)(void)) {
  has_failed = false;
  test();
  printf("%s %s\n", has_failed ? "FAIL" : "ok  ", name);
  has_failed ? failed++ : passed++;
}

int smt_end(void) {
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
