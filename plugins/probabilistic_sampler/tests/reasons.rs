//! What decided on a span, as operators are told.

use serde_json::json;
use spanmill_probabilistic_sampler::ProbabilisticSampler;
use spanmill_sdk::testing::{Kit, Span, Spans};

#[test]
fn the_setting_or_the_attribute_that_decided_is_told() {
    let settings = json!({"sampling_percentage": 15, "fail_closed": false});
    let mut kit = Kit::<ProbabilisticSampler>::new(settings).unwrap();
    let span = |number: u128| Span::new("s").ids(number << 64 | 0x9e37_79b9, 1);
    let plain: Vec<Span> = (1..40).map(span).collect();
    kit.explain();
    let out = kit.run(&Spans::of(plain));
    assert!((1..39).contains(&out.span_names().len()));
    let percentage = "sampling_percentage: 15";
    assert_eq!(kit.why(), [percentage; 39]);
    kit.run(&Spans::of([
        span(1).attr("sampling.priority", 1),
        span(2).attr("sampling.priority", 0),
        span(3).attr("sampling.priority", "no number"),
        span(4).trace_state("ot=th:8"),
        span(5).trace_state("ot=th:not hex"),
        span(6).trace_state("vendor=1"),
        Span::new("no trace"),
    ]));
    let priority = "sampling.priority";
    let failed = "fail_closed: false";
    assert_eq!(
        kit.why(),
        [
            priority, priority, percentage, failed, failed, percentage, failed,
        ]
    );
}
