//! Which spans are kept, and what stands in their trace state.

use serde_json::json;
use spanmill_probabilistic_sampler::ProbabilisticSampler;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Changed, Kit, Span, Spans};

fn run(settings: serde_json::Value, spans: impl IntoIterator<Item = Span>) -> Changed {
    Kit::<ProbabilisticSampler>::new(settings)
        .unwrap()
        .run(&Spans::of(spans))
}

/// The Collector's decision, written down from its definition.
fn bucket(seed: u32, trace_id: u128) -> u32 {
    let mut hash = 2_166_136_261u32;
    for byte in seed.to_le_bytes().into_iter().chain(trace_id.to_be_bytes()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    }
    hash % 16_384
}

fn spans(count: u64) -> Vec<Span> {
    (1..=count)
        .map(|number| {
            let id = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            Span::new(&number.to_string()).ids(id, number)
        })
        .collect()
}

#[test]
fn buckets_below_the_percentage_are_kept() {
    for (percentage, seed, kept_buckets) in [(15.0, 22, 2457), (0.5, 0, 81), (50.0, 7, 8192)] {
        let out = run(
            json!({"sampling_percentage": percentage, "hash_seed": seed}),
            spans(500),
        );
        let expected: Vec<String> = spans(500)
            .iter()
            .filter(|span| bucket(seed, u128::from_be_bytes(span.trace_id)) < kept_buckets)
            .map(|span| span.name.clone())
            .collect();
        assert_eq!(out.span_names(), expected);
        assert_eq!(out.count("spans_sampled"), expected.len() as u64);
        assert_eq!(out.count("spans_not_sampled"), 500 - expected.len() as u64);
    }
}

#[test]
fn a_span_is_treated_alike_in_whatever_company() {
    let settings = json!({"sampling_percentage": 40, "hash_seed": 3});
    let states = |out: &Changed| -> Vec<(String, String)> {
        let spans = out.left.spans();
        spans
            .map(|span| (span.name.clone(), span.trace_state.clone()))
            .collect()
    };
    // Two spans a trace share their trace state.
    let pairs = || {
        let mut pairs = spans(100);
        for pair in pairs.chunks_mut(2) {
            pair[1].trace_id = pair[0].trace_id;
        }
        pairs
    };
    let alone = states(&run(settings.clone(), pairs()));
    assert!(alone.len() > 20 && alone.iter().all(|(_, state)| state.contains(";th:")));
    for odd in [
        Span::new("odd").ids(0, 1),
        Span::new("odd").ids(1, 1).trace_state("a=b"),
        Span::new("odd").ids(1, 1).attr("sampling.priority", 1),
    ] {
        let mut company = pairs();
        company.push(odd);
        let mut mixed = states(&run(settings.clone(), company));
        mixed.retain(|(name, _)| name != "odd");
        assert_eq!(mixed, alone);
    }
}

#[test]
fn all_and_nothing() {
    assert_eq!(
        run(json!({"sampling_percentage": 100}), spans(50))
            .span_names()
            .len(),
        50
    );
    assert_eq!(
        run(json!({"sampling_percentage": 250}), spans(50))
            .span_names()
            .len(),
        50
    );
    assert_eq!(run(json!({}), spans(50)).span_names().len(), 0);
    assert_eq!(
        run(json!({"sampling_percentage": 0.001}), spans(50))
            .span_names()
            .len(),
        0
    );
}

#[test]
fn kept_spans_say_how_they_were_chosen() {
    let out = run(json!({"sampling_percentage": 25}), spans(40));
    for span in out.left.spans() {
        let bucket = u64::from(bucket(0, u128::from_be_bytes(span.trace_id)));
        let digits = span
            .trace_state
            .strip_prefix("ot=rv:")
            .and_then(|rest| rest.strip_suffix(";th:c"))
            .unwrap();
        let randomness = u64::from_str_radix(digits, 16).unwrap();
        assert_eq!(
            (digits.len(), randomness >> 42, randomness & 0x3fff),
            (14, 0x3fff - bucket, bucket)
        );
        // The threshold says the same as the bucket did.
        assert!(randomness >= 0xc0_0000_0000_0000);
    }
    let out = run(
        json!({"sampling_percentage": 100}),
        [Span::new("a").ids(1, 1).trace_state("vendor=x")],
    );
    let state = &out.span(0).trace_state;
    assert!(
        state.starts_with("ot=rv:") && state.ends_with(";th:0,vendor=x"),
        "{state}"
    );
}

#[test]
fn priority_overrides_the_hash() {
    let spans = || {
        [
            Span::new("keep").ids(5, 1).attr("sampling.priority", 1),
            Span::new("drop").ids(5, 2).attr("sampling.priority", "0"),
            Span::new("hash").ids(5, 3).attr("other", true),
        ]
    };
    assert_eq!(run(json!({}), spans()).span_names(), ["keep"]);
    assert_eq!(
        run(json!({"sampling_percentage": 100}), spans()).span_names(),
        ["keep", "hash"]
    );
    assert_eq!(run(json!({}), spans()).span(0).trace_state, "ot=th:0");
    let out = run(
        json!({}),
        [Span::new("a")
            .ids(5, 1)
            .attr("sampling.priority", 2)
            .trace_state("ot=th:8")],
    );
    assert_eq!(
        out.span(0).trace_state,
        "ot=th:8",
        "a threshold is never lowered"
    );
}

#[test]
fn errors_fail_closed_or_open() {
    let spans = || {
        [
            Span::new("no id"),
            Span::new("malformed").ids(1, 1).trace_state("nonsense"),
            Span::new("consistent").ids(1, 1).trace_state("ot=th:8"),
        ]
    };
    let closed = run(json!({"sampling_percentage": 100}), spans());
    assert!(closed.span_names().is_empty());
    let open = run(
        json!({"sampling_percentage": 100, "fail_closed": false}),
        spans(),
    );
    assert_eq!(open.span_names(), ["no id", "malformed", "consistent"]);
    let states: Vec<&str> = open
        .left
        .spans()
        .map(|span| span.trace_state.as_str())
        .collect();
    assert_eq!(states, ["ot=rv:ffffffffffffff;th:0", "nonsense", "ot=th:8"]);
}

#[test]
fn settings_are_checked_at_once() {
    let problems = |settings| match Kit::<ProbabilisticSampler>::new(settings) {
        Err(ConfigError::Settings(problems)) => problems
            .into_iter()
            .map(|problem| problem.path)
            .collect::<Vec<_>>(),
        other => panic!("{:?}", other.map(|_| ())),
    };
    assert_eq!(
        problems(json!({
            "sampling_percentage": -1, "mode": "hash", "sampling_precision": 15, "attribute_source": "x",
        })),
        [
            "/sampling_percentage",
            "/mode",
            "/sampling_precision",
            "/attribute_source"
        ]
    );
    assert_eq!(
        problems(json!({"sampling_percentage": 1e-20})),
        ["/sampling_percentage"]
    );
    assert_eq!(
        problems(json!({"sampling_percent": 1})),
        ["/sampling_percent"]
    );
    let kit = Kit::<ProbabilisticSampler>::new(json!({"mode": "hash_seed"})).unwrap();
    assert_eq!(
        kit.reads(),
        [
            "span.trace_id",
            "span.trace_state",
            r#"span.attributes["sampling.priority"]"#,
            "log.trace_id",
            r#"log.attributes["sampling.randomness"]"#,
            r#"log.attributes["sampling.threshold"]"#
        ]
    );
}
