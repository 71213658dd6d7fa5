//! Goals are met by what is released, with time as the kit passes it, for mixes of traffic.

use serde_json::{Value, json};
use spanmill_sdk::testing::Span;

use crate::support::*;

/// Traces of a second: how many of which route.
type Traffic = fn(u64) -> Vec<(String, u64)>;

fn steady(_: u64) -> Vec<(String, u64)> {
    vec![
        ("/a".to_owned(), 80),
        ("/b".to_owned(), 18),
        ("/c".to_owned(), 2),
    ]
}

/// One route of two thirds, and sixty that come every few seconds.
fn long_tail(second: u64) -> Vec<(String, u64)> {
    let rare = (0..60).filter(|rank| (second + rank).is_multiple_of(rank / 20 + 1));
    let rare = rare.map(|rank| (format!("/rare/{rank}"), 1));
    std::iter::once(("/a".to_owned(), 65)).chain(rare).collect()
}

/// Ten seconds of each thirty four times as much of one route.
fn bursty(second: u64) -> Vec<(String, u64)> {
    let times = if second % 30 < 10 { 4 } else { 1 };
    vec![("/a".to_owned(), 40 * times), ("/b".to_owned(), 20)]
}

/// What came, what was released of it and what that says there was, in spans; and the most that was released in a second.
#[derive(Debug, Default)]
struct Totals {
    came: f64,
    released: f64,
    counted: f64,
    most: f64,
}

/// Two spans a trace. Nothing counts before the first minute is over.
fn run(sampler: Value, seconds: u64, traffic: Traffic) -> Totals {
    let mut sampler = sampler;
    sampler["fingerprint_attributes"] = json!(["span.attributes[\"route\"]"]);
    let rules = json!([{"name": "r", "sampler": sampler}]);
    let mut kit = kit(rules, json!({"decision_delay": "1s"}));
    let (mut totals, mut number) = (Totals::default(), 0u64);
    for second in 0..60 + seconds {
        let now = 1_000 + second;
        let mut spans: Vec<Span> = Vec::new();
        for (route, traces) in traffic(second) {
            for _ in 0..traces {
                number += 1;
                let randomness = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number << 40;
                let mut mixed = randomness ^ randomness >> 30;
                mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let id = u128::from(number) << 64 | u128::from(mixed ^ mixed >> 27);
                spans.push(root(id).attr("route", route.as_str()));
                spans.push(span(id));
            }
        }
        let came = spans.len() as f64;
        kit.run(&at(now * SECOND, spans));
        let (released, _) = tick(&mut kit, (now + 1) * SECOND);
        if second < 60 {
            continue;
        }
        totals.came += came;
        let mut of_second = 0.0;
        for span in released.spans() {
            let digits = span.trace_state.strip_prefix("ot=th:").unwrap();
            let threshold = spanmill_sampling::threshold::parse(digits).unwrap();
            of_second += 1.0;
            totals.counted += 1.0 / (1.0 - threshold as f64 / NEVER as f64);
        }
        totals.released += of_second;
        totals.most = totals.most.max(of_second);
    }
    totals
}

#[track_caller]
fn assert_near(found: f64, wanted: f64, tolerance: f64) {
    let off = (found - wanted).abs() / wanted;
    assert!(off <= tolerance, "{found} instead of {wanted}");
}

#[test]
fn a_percentage_is_kept() {
    for (traffic, tolerance) in [(steady as Traffic, 0.1), (bursty, 0.2)] {
        let sampler =
            json!({"type": "adaptive_percentage", "goal_percentage": 10, "min_traces": 0});
        let totals = run(sampler, 240, traffic);
        assert_near(totals.released / totals.came, 0.1, tolerance);
        assert_near(totals.counted, totals.came, 0.06);
    }
}

/// With a minimum for each of sixty rare routes, a tenth cannot hold for all: each interval keeps a trace of each.
#[test]
fn a_long_tail_is_kept_at_the_cost_of_the_goal_or_not() {
    let sampler =
        |least| json!({"type": "adaptive_percentage", "goal_percentage": 10, "min_traces": least});
    let without = run(sampler(0), 240, long_tail);
    assert_near(without.released / without.came, 0.1, 0.15);
    assert_near(without.counted, without.came, 0.08);
    let with = run(sampler(1), 240, long_tail);
    assert_near(with.counted, with.came, 0.08);
    assert!(with.released / with.came < 0.13, "{with:?}");
}

#[test]
fn a_budget_of_spans_a_second_is_kept() {
    for algorithm in ["ema", "windowed"] {
        let sampler = json!({"type": "adaptive_throughput", "goal_throughput": 30, "algorithm": algorithm, "min_traces": 0});
        for traffic in [steady as Traffic, long_tail] {
            let totals = run(sampler.clone(), 240, traffic);
            assert_near(totals.released / 240.0, 30.0, 0.12);
            assert_near(totals.counted, totals.came, 0.08);
        }
        // A burst is over before it is averaged out, and behind it less is kept than could be.
        let totals = run(sampler, 240, bursty);
        let mean = totals.released / 240.0;
        assert!((18.0..36.0).contains(&mean), "{mean}");
        assert!(totals.most < 150.0, "{totals:?}");
    }
}
