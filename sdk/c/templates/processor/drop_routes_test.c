/* Tests of drop_routes, natively. */
#include "spanmill_test.h"

extern const sm_processor sm_the_processor;

static void spans_of_the_routes_are_dropped_and_others_stay(void) {
  SMT_EQUAL(smt_configure(&sm_the_processor, "{\"routes\": [\"/healthz\"]}"), NULL);
  smt_changed changed = smt_run(
      &sm_the_processor, smt_spans(smt_attr(smt_span("probe"), "http.route", smt_text("/healthz")),
                                   smt_attr(smt_span("order"), "http.route", smt_text("/orders")), smt_span("worker")));
  SMT_EQUAL(smt_names(changed.left, SM_SPAN), "order,worker");
}

static void a_route_that_is_no_text_stays(void) {
  SMT_EQUAL(smt_configure(&sm_the_processor, "{\"routes\": [\"1\"]}"), NULL);
  smt_changed changed = smt_run(&sm_the_processor, smt_spans(smt_attr(smt_span("number"), "http.route", smt_int(1)),
                                                             smt_attr(smt_span("text"), "http.route", smt_text("1"))));
  SMT_EQUAL(smt_names(changed.left, SM_SPAN), "number");
}

static void every_mistake_in_the_settings_is_told(void) {
  SMT_EQUAL(smt_configure(&sm_the_processor, "{\"routes\": [\"/a\", \"\"], \"rotes\": 1}"),
            "/routes/1: must not be empty; take the line out; /rotes: unknown key `rotes`; did you mean `routes`?");
  SMT_EQUAL(smt_configure(&sm_the_processor, "{}"), "missing key `routes`");
}

int main(void) {
  SMT_RUN(spans_of_the_routes_are_dropped_and_others_stay);
  SMT_RUN(a_route_that_is_no_text_stays);
  SMT_RUN(every_mistake_in_the_settings_is_told);
  return smt_end();
}
