/* Tests of id_filter, natively. */
#include "spanmill_test.h"

extern const sm_processor sm_the_processor;

static smt_row *span(const char *name, uint64_t high, uint64_t low) { return smt_ids(smt_span(name), high, low, 1); }

static const char *left_of(const char *settings, const smt_telemetry *telemetry) {
  const char *mistakes = smt_configure(&sm_the_processor, settings);
  if (mistakes) return mistakes;
  return smt_names(smt_run(&sm_the_processor, telemetry).left, SM_SPAN);
}

static void a_share_is_kept_by_the_random_bits(void) {
  /* The highest of the random bits is bit 55; what is above is not random. */
  smt_telemetry *spans =
      smt_spans(span("none", 1, 0), span("low", 1, UINT64_C(0x7fffffffffffff)), span("half", 1, UINT64_C(1) << 55),
                span("all", 1, UINT64_C(0xffffffffffffff)), span("above", 1, UINT64_C(1) << 56));
  SMT_EQUAL(left_of("{}", spans), "none,low,half,all,above");
  SMT_EQUAL(left_of("{\"share\": 1}", spans), "none,low,half,all,above");
  SMT_EQUAL(left_of("{\"share\": 0.5}", spans), "half,all");
  SMT_EQUAL(left_of("{\"share\": 0.0}", spans), "");
}

static void named_traces_are_kept_or_dropped_whatever_the_share(void) {
  smt_telemetry *spans = smt_spans(span("a", 0, 1), span("b", 0, 2), span("c", 1, 2), span("d", 2, 1));
  SMT_EQUAL(left_of("{\"share\": 0, \"keep\": [\"00000000000000020000000000000001\","
                    " \"00000000000000000000000000000002\"]}",
                    spans),
            "b,d");
  SMT_EQUAL(left_of("{\"drop\": [\"00000000000000010000000000000002\"]}", spans), "a,b,d");
  SMT_EQUAL(left_of("{\"keep\": [\"00000000000000000000000000000001\"],"
                    " \"drop\": [\"00000000000000000000000000000001\"]}",
                    spans),
            "b,c,d");
}

static void log_records_without_a_trace_stay(void) {
  SMT_EQUAL(smt_configure(&sm_the_processor, "{\"share\": 0}"), NULL);
  smt_changed changed =
      smt_run(&sm_the_processor, smt_logs(smt_ids(smt_log("of a trace"), 1, 2, 3), smt_log("of none")));
  SMT_CHECK(changed.dropped[SM_LOG] == 1);
}

static void it_reads_trace_ids_and_nothing_else(void) {
  SMT_EQUAL(smt_configure(&sm_the_processor, "{}"), NULL);
  SMT_EQUAL(smt_reads(), "span.trace_id,log.trace_id");
}

static void every_mistake_in_the_settings_is_told(void) {
  SMT_EQUAL(smt_configure(&sm_the_processor, "{\"share\": 1.5, \"keep\": [\"5b8e\"], \"drop\": [7], \"shares\": 1}"),
            "/share: must be between 0 and 1; "
            "/keep/0: must be a trace id: 32 hexadecimal digits, not all of them 0; "
            "/drop/0: must be a text, not a number; "
            "/shares: unknown key `shares`; did you mean `share`?");
  SMT_EQUAL(smt_configure(&sm_the_processor, "{\"keep\": [\"00000000000000000000000000000000\"]}"),
            "/keep/0: must be a trace id: 32 hexadecimal digits, not all of them 0");
}

int main(void) {
  SMT_RUN(a_share_is_kept_by_the_random_bits);
  SMT_RUN(named_traces_are_kept_or_dropped_whatever_the_share);
  SMT_RUN(log_records_without_a_trace_stay);
  SMT_RUN(it_reads_trace_ids_and_nothing_else);
  SMT_RUN(every_mistake_in_the_settings_is_told);
  return smt_end();
}
