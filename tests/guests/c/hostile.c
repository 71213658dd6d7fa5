/* A processor that misbehaves as its settings say: it throws, loops, or takes all memory. What the host's log says of
 * it must name this file and the line. */
#include <stdlib.h>

#include "spanmill.h"

static struct {
  sm_text how;
  sm_text_field name;
} plugin;

static void configure(sm_settings *settings, sm_contract *contract) {
  sm_json *how = sm_required(settings, sm_settings_root(settings), "how", SM_JSON_TEXT);
  if (how) plugin.how = how->text;
  plugin.name = sm_read_text(contract, "span.name");
}

__attribute__((noinline)) static void misbehave(sm_u32s names) {
  if (sm_text_equal(plugin.how, sm_str("throw"))) {
    sm_require(names.count == SIZE_MAX);
  } else if (sm_text_equal(plugin.how, sm_str("loop"))) {
    for (volatile uint32_t turns = 0;; turns++) continue;
  } else {
    for (;;) {
      volatile char *leaked = malloc(1 << 20);
      sm_require(leaked != NULL);
      *leaked = 1;
    }
  }
}

__attribute__((noinline)) static void handle(sm_u32s names) { misbehave(names); }

static sm_status process(const sm_batch *batch, sm_outcome *outcome) {
  (void)outcome;
  handle(sm_text_column(batch, plugin.name));
  return SM_OK;
}

SPANMILL_PROCESSOR(configure, process)
