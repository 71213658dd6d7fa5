/* Tests of route_calls, natively. */
#include "spanmill_test.h"

extern const sm_connector sm_the_connector;

static smt_row *call(smt_value route, uint64_t start, uint64_t end) {
  return smt_kind(smt_times(smt_attr(smt_span("call"), "http.route", route), start, end), 2);
}

static void calls_are_counted_and_measured_by_route(void) {
  SMT_EQUAL(smt_configure_connector(&sm_the_connector, "{}"), NULL);
  smt_row *scope = smt_scope("");
  smt_with(scope, call(smt_text("/cart"), 1000000, 13000000));
  smt_with(scope, call(smt_text("/cart"), 5000000, 2000000));
  smt_with(scope, smt_status(smt_kind(call(smt_int(7), 0, 0), 99), 2, ""));
  smt_row *shop = smt_with(smt_attr(smt_resource(), "service.name", smt_text("shop")), scope);
  smt_telemetry *spans = smt_add_resource(smt_telemetry_of(SM_TRACES), shop);
  SMT_EQUAL(smt_measure(&sm_the_connector, spans), NULL);
  SMT_EQUAL(smt_measure(&sm_the_connector, spans), NULL);
  const smt_total *totals;
  SMT_CHECK(smt_totals("route.calls", &totals) == 2);
  SMT_CHECK(totals[0].sum == 4);
  SMT_EQUAL(totals[0].resource, "service.name=shop");
  SMT_EQUAL(totals[0].attributes, "http.route=/cart,span.kind=SPAN_KIND_SERVER,status.code=STATUS_CODE_UNSET");
  SMT_EQUAL(totals[1].attributes, "span.kind=SPAN_KIND_UNSPECIFIED,status.code=STATUS_CODE_ERROR");
  SMT_CHECK(smt_totals("route.duration", &totals) == 2);
  SMT_CHECK(totals[0].count == 4 && totals[0].sum == 24);
}

static void series_of_other_resources_are_others(void) {
  SMT_EQUAL(smt_configure_connector(&sm_the_connector, "{}"), NULL);
  smt_telemetry *spans = smt_telemetry_of(SM_TRACES);
  smt_value ids[] = {smt_text("1"), smt_int(1), smt_text("1")};
  for (int at = 0; at < 3; at++) {
    smt_row *scope = smt_with(smt_scope(""), call(smt_text("/"), 0, 1));
    smt_add_resource(spans,
                     smt_with(smt_attr(smt_attr(smt_resource(), "id", ids[at]), "kind", smt_int(ids[at].kind)), scope));
  }
  SMT_EQUAL(smt_measure(&sm_the_connector, spans), NULL);
  const smt_total *totals;
  SMT_CHECK(smt_totals("route.calls", &totals) == 2);
  SMT_CHECK(totals[0].sum == 2);
}

static void buckets_increase(void) {
  SMT_EQUAL(smt_configure_connector(&sm_the_connector, "{\"buckets_ms\": [5, 5]}"),
            "/buckets_ms/1: must be above the bucket before it");
}

int main(void) {
  SMT_RUN(calls_are_counted_and_measured_by_route);
  SMT_RUN(series_of_other_resources_are_others);
  SMT_RUN(buckets_increase);
  return smt_end();
}
