//! What several sources count under one name and the same labels.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::intake::Intake;
use super::super::kind::Kind;
use super::super::reading::Reading;
use super::super::series::{Series, Source};
use super::{calls, config, metric, metrics, text};

fn value(page: &str) -> f64 {
    let line = page.lines().find(|line| line.starts_with("calls_total"));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn deltas_add_up_and_totals_replace() {
    for (temporality, expected) in [(1, "12"), (2, "9")] {
        let intake = Intake::new(&config());
        intake.take(&metrics(temporality, 7));
        intake.take(&metrics(temporality, if temporality == 1 { 5 } else { 9 }));
        let page = text(&intake);
        assert!(
            page.contains(&format!("span_name=\"GET /\"}} {expected}\n")),
            "{page}"
        );
    }
}

#[test]
fn resources_that_get_the_same_labels_are_added_up_and_never_fall() {
    let intake = Intake::new(&config());
    let of = |pid| [("service.name", "shop"), ("process.pid", pid)];
    let mut last = 0.0;
    // 2 takes over from 1, which is sent on as it was; then 1 begins again.
    for (one, two, sum) in [
        (3, 0, 3.0),
        (3, 1, 4.0),
        (3, 2, 5.0),
        (1, 2, 6.0),
        (4, 2, 9.0),
    ] {
        intake.take(&calls(&of("1"), &[], one));
        intake.take(&calls(&of("2"), &[], two));
        let now = value(&text(&intake));
        assert!(now >= last);
        last = now;
        assert_eq!(now, sum);
    }
}

#[test]
fn metrics_that_get_the_same_name_are_added_up() {
    let intake = Intake::new(&config());
    for (name, count) in [("my.calls", "2"), ("my_calls", "3"), ("my.calls", "4")] {
        intake.take(&metric(
            &[],
            json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{"asInt": count}]}}),
        ));
    }
    assert!(text(&intake).contains("my_calls_total{cluster=\"a\\\"b\"} 7\n"));
}

#[test]
fn histograms_with_other_buckets_are_not_mixed() {
    let intake = Intake::new(&config());
    let of = |name: &str, bound: f64| {
        metric(
            &[],
            json!({"name": name, "histogram": {"aggregationTemporality": 2, "dataPoints": [
                {"count": "1", "explicitBounds": [bound], "bucketCounts": ["1", "0"]}]}}),
        )
    };
    assert_eq!(intake.take(&of("a.b", 1.0)), 0);
    assert_eq!(intake.take(&of("a_b", 2.0)), 1);
    assert_eq!(intake.take(&of("a.b", 2.0)), 0, "its buckets may change");
    assert!(text(&intake).contains("le=\"2\"} 1\n"));
}

#[test]
fn what_a_source_counted_outlives_it() {
    let start = Instant::now();
    let second = Duration::from_secs(1);
    let source = |id, value, updated| Source {
        id,
        reading: Reading::Number {
            value,
            exemplar: None,
        },
        time_unix_nano: 0,
        start_unix_nano: 0,
        updated,
    };
    let shown = |series: &Series| match &*series.shown(Kind::Counter).reading {
        Reading::Number { value, .. } => *value,
        other => panic!("{other:?}"),
    };
    let mut series = Series::new(source(1, 5.0, start));
    assert!(series.take(source(2, 2.0, start + second), Kind::Counter, false));
    assert_eq!(shown(&series), 7.0);
    assert!(series.expire(Kind::Counter, start + second, second));
    assert_eq!(shown(&series), 7.0);
    assert!(series.take(source(2, 3.0, start + second), Kind::Counter, false));
    assert_eq!(shown(&series), 8.0);
    assert!(!series.expire(Kind::Counter, start + 2 * second, second));
}

#[test]
fn of_gauges_the_newest_is_shown() {
    let intake = Intake::new(&config());
    for (name, value) in [("g.h", "1"), ("g_h", "2")] {
        let gauge = json!({"name": name, "gauge": {"dataPoints": [{"asInt": value}]}});
        intake.take(&metric(&[], gauge));
    }
    assert!(text(&intake).contains("g_h{cluster=\"a\\\"b\"} 2\n"));
}
