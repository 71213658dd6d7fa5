use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use spanmill_otlp::{CellColumn, Pool, Projection, Request, Signal, StageContract, Workspace};
use spanmill_runtime::{
    AttributeLists, Emission, Fault, Instrument, InstrumentKind, MetricStream, Recording,
    Temporality,
};

use super::{Recorder, Totals};

fn stream(temporality: Temporality) -> MetricStream {
    let instrument = |name: &str, kind| Instrument {
        name: name.to_owned(),
        description: String::new(),
        unit: String::new(),
        kind,
        exemplars: 0,
    };
    MetricStream {
        scope: "test".to_owned(),
        instruments: vec![
            instrument("calls", InstrumentKind::Sum),
            instrument("duration", InstrumentKind::Histogram(vec![1.0, 10.0])),
        ],
        temporality,
        flush_interval_ns: 1_000_000_000,
        expiration_ns: 0,
        series_limit: 0,
        resource_limit: 0,
        total_limit: 0,
        resource_key: Vec::new(),
    }
}

/// Rows of one attribute `name=value` each, whose texts are numbered from `first`: key, then values.
fn lists(first: u32, values: usize) -> AttributeLists {
    AttributeLists {
        ends: (1..=values as u32).collect(),
        keys: vec![first; values],
        values: CellColumn {
            kinds: vec![1; values],
            bits: (1..=values as u64)
                .map(|at| u64::from(first) + at)
                .collect(),
        },
    }
}

/// Names series `a`, `b`, ... and measures each of `measured` (series, value).
fn emission(named: &[&str], measured: &[(u32, f64)]) -> Emission {
    let mut texts = Pool::default();
    if !named.is_empty() {
        for text in ["name"].iter().chain(named) {
            texts.bytes.extend_from_slice(text.as_bytes());
            texts.ends.push(texts.bytes.len() as u32);
        }
    }
    let series: Vec<u32> = measured.iter().map(|(series, _)| *series).collect();
    Emission {
        texts,
        restart: false,
        resources: AttributeLists {
            ends: vec![0; named.len()],
            ..AttributeLists::default()
        },
        attributes: lists(0, named.len()),
        recordings: vec![
            Recording {
                instrument: 0,
                series: series.clone(),
                ..Recording::default()
            },
            Recording {
                instrument: 1,
                series,
                values: measured.iter().map(|(_, value)| *value).collect(),
                ..Recording::default()
            },
        ],
    }
}

/// A workspace that has shown an empty batch to its one stage.
fn workspace() -> Workspace {
    let projection = Projection::new(vec![StageContract::default()], &[]).unwrap();
    let mut workspace = Workspace::new(Arc::new(projection));
    workspace
        .load(Request::parse(Signal::Traces, Bytes::new()).unwrap(), 0)
        .unwrap();
    workspace.view(0).unwrap();
    workspace
}

fn take(recorder: &mut Recorder, emission: Emission, now: u64) -> Result<(), Fault> {
    recorder
        .take(emission, &workspace(), 0, now)
        .map(|measured| measured.commit())
}

/// `series=calls/count/sum`, in order.
fn shown(totals: &Totals, now: u64) -> Vec<String> {
    let Some(flushed) = totals.flush(now, true) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for resource in &flushed.request.resource_metrics {
        let [calls, duration] = &resource.scope_metrics[0].metrics[..] else {
            panic!("two metrics")
        };
        let (Some(Data::Sum(calls)), Some(Data::Histogram(duration))) =
            (&calls.data, &duration.data)
        else {
            panic!("a sum and a histogram")
        };
        for (call, duration) in calls.data_points.iter().zip(&duration.data_points) {
            let name = call
                .attributes
                .first()
                .and_then(|attribute| attribute.value.clone());
            let name = match name.and_then(|value| value.value) {
                Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(
                    name,
                )) => name,
                other => format!("{other:?}"),
            };
            let Some(Value::AsInt(calls)) = call.value else {
                panic!("calls are integers")
            };
            let buckets = &duration.bucket_counts;
            out.push(format!(
                "{name}={calls} {buckets:?} {}",
                duration.sum.unwrap_or(f64::NAN)
            ));
        }
    }
    out
}

#[test]
fn totals_go_on_across_instances_and_a_new_numbering() {
    let totals = Totals::new(stream(Temporality::Cumulative));
    let (mut first, mut second) = (Recorder::new(&totals), Recorder::new(&totals));
    take(
        &mut first,
        emission(&["a", "b"], &[(0, 0.5), (1, 10.0), (0, 11.0)]),
        1,
    )
    .unwrap();
    // Another instance names them the other way round.
    take(&mut second, emission(&["b", "a"], &[(0, 2.0), (1, 1.0)]), 2).unwrap();
    assert_eq!(
        shown(&totals, 3),
        ["a=3 [2, 0, 1] 12.5", "b=2 [0, 2, 0] 12"]
    );
    // The first was replaced: its numbers begin again.
    first.reset();
    take(&mut first, emission(&["b"], &[(0, 3.0)]), 4).unwrap();
    let restarted = Emission {
        restart: true,
        ..emission(&["b"], &[(0, 4.0)])
    };
    take(&mut second, restarted, 5).unwrap();
    assert_eq!(
        shown(&totals, 6),
        ["a=3 [2, 0, 1] 12.5", "b=4 [0, 4, 0] 19"]
    );
}

#[test]
fn a_running_sum_begins_at_zero_unless_it_ends_there() {
    let calls = |totals: &Totals, is_last| {
        let flushed = totals.flush(2, is_last).unwrap().request;
        let Some(Data::Sum(sum)) = &flushed.resource_metrics[0].scope_metrics[0].metrics[0].data
        else {
            panic!("a sum")
        };
        sum.data_points[0].value
    };
    let measured = |temporality| {
        let totals = Totals::new(stream(temporality));
        take(
            &mut Recorder::new(&totals),
            emission(&["a"], &[(0, 1.0)]),
            1,
        )
        .unwrap();
        totals
    };
    let totals = measured(Temporality::Cumulative);
    assert_eq!(calls(&totals, false), Some(Value::AsInt(0)));
    assert_eq!(calls(&totals, false), Some(Value::AsInt(1)));
    let ending = measured(Temporality::Cumulative);
    assert_eq!(calls(&ending, true), Some(Value::AsInt(1)));
    let delta = measured(Temporality::Delta);
    assert_eq!(calls(&delta, false), Some(Value::AsInt(1)));
}

#[test]
fn deltas_start_over_at_each_flush() {
    let totals = Totals::new(stream(Temporality::Delta));
    let mut recorder = Recorder::new(&totals);
    take(
        &mut recorder,
        emission(&["a", "b"], &[(0, 0.5), (1, 2.0)]),
        1,
    )
    .unwrap();
    assert_eq!(shown(&totals, 2).len(), 2);
    take(&mut recorder, emission(&[], &[(1, 3.0)]), 3).unwrap();
    assert_eq!(shown(&totals, 4), ["b=1 [0, 1, 0] 3"]);
    assert_eq!(shown(&totals, 5), Vec::<String>::new());
}

#[test]
fn what_is_not_committed_does_not_count() {
    let totals = Totals::new(stream(Temporality::Cumulative));
    let mut recorder = Recorder::new(&totals);
    let refused = recorder
        .take(emission(&["a"], &[(0, 1.0)]), &workspace(), 0, 1)
        .unwrap();
    drop(refused);
    take(&mut recorder, emission(&[], &[(0, 1.0)]), 2).unwrap();
    assert_eq!(shown(&totals, 3), ["a=1 [1, 0, 0] 1"]);
}

#[test]
fn series_beyond_the_limit_share_the_overflow_series() {
    let limited = MetricStream {
        series_limit: 2,
        ..stream(Temporality::Cumulative)
    };
    let totals = Totals::new(limited);
    let mut recorder = Recorder::new(&totals);
    let measured = [(0, 1.0), (1, 1.0), (2, 1.0), (3, 1.0), (0, 1.0)];
    take(&mut recorder, emission(&["a", "b", "c", "d"], &measured), 1).unwrap();
    let shown = shown(&totals, 2);
    assert_eq!(shown[..2], ["a=2 [2, 0, 0] 2", "b=1 [1, 0, 0] 1"]);
    assert_eq!(shown[2], "Some(BoolValue(true))=2 [2, 0, 0] 2");
    assert_eq!(shown.len(), 3);
}

#[test]
fn series_beyond_the_total_limit_share_overflow_series_and_are_told_of_once() {
    let limited = MetricStream {
        total_limit: 2,
        ..stream(Temporality::Cumulative)
    };
    let totals = Totals::new(limited);
    let mut recorder = Recorder::new(&totals);
    take(
        &mut recorder,
        emission(&["a", "b"], &[(0, 1.0), (1, 1.0)]),
        1,
    )
    .unwrap();
    assert!(!totals.has_newly_overflowed());
    // Of another resource.
    let mut other = emission(&["c", "d"], &[(2, 1.0), (3, 1.0)]);
    other.resources = lists(0, 2);
    take(&mut recorder, other, 2).unwrap();
    assert!(totals.has_newly_overflowed());
    assert!(!totals.has_newly_overflowed());
    let shown = shown(&totals, 3);
    assert_eq!(shown[..2], ["a=1 [1, 0, 0] 1", "b=1 [1, 0, 0] 1"]);
    let rest: Vec<&str> = shown[2..]
        .iter()
        .map(|one| one.split(' ').next().unwrap())
        .collect();
    assert!(
        rest.iter()
            .all(|one| one.starts_with("Some(BoolValue(true))=")),
        "{rest:?}"
    );
}

#[test]
fn resources_are_told_apart_by_their_key_over_all_instances() {
    let keyed = MetricStream {
        resource_key: vec!["service.name".to_owned()],
        ..stream(Temporality::Cumulative)
    };
    let totals = Totals::new(keyed);
    // The same series, of the resources `name=b` and `name=c`, from two instances.
    for named in ["b", "c"] {
        let mut one = emission(&["a", named], &[(0, 1.0)]);
        one.attributes.ends = vec![1];
        one.attributes.keys.truncate(1);
        one.attributes.values.kinds.truncate(1);
        one.attributes.values.bits.truncate(1);
        one.resources = lists(0, 2);
        one.resources.ends = vec![1];
        one.resources.keys = vec![0];
        one.resources.values.kinds = vec![1];
        one.resources.values.bits = vec![2];
        take(&mut Recorder::new(&totals), one, 1).unwrap();
    }
    assert_eq!(shown(&totals, 2), ["a=2 [2, 0, 0] 2"]);
    let flushed = totals.flush(3, true).unwrap().request;
    let resource = flushed.resource_metrics[0].resource.clone().unwrap();
    let value = resource.attributes[0].value.clone().unwrap().value;
    assert_eq!(
        format!("{value:?}"),
        "Some(StringValue(\"b\"))",
        "the first is shown"
    );
}

#[test]
fn idle_series_expire_and_come_back_from_zero() {
    let expiring = MetricStream {
        expiration_ns: 100,
        ..stream(Temporality::Cumulative)
    };
    let totals = Totals::new(expiring);
    let mut recorder = Recorder::new(&totals);
    take(
        &mut recorder,
        emission(&["a", "b"], &[(0, 1.0), (1, 1.0)]),
        1_000,
    )
    .unwrap();
    take(&mut recorder, emission(&[], &[(1, 1.0)]), 1_090).unwrap();
    assert_eq!(shown(&totals, 1_120), ["b=2 [2, 0, 0] 2"]);
    take(&mut recorder, emission(&[], &[(0, 5.0)]), 1_130).unwrap();
    assert_eq!(
        shown(&totals, 1_140),
        ["a=1 [0, 1, 0] 5", "b=2 [2, 0, 0] 2"]
    );
}

#[test]
fn emissions_that_break_the_contract_are_refused() {
    let totals = Totals::new(stream(Temporality::Cumulative));
    let good = || emission(&["a"], &[(0, 1.0)]);
    let broken: Vec<(&str, Emission)> = vec![
        (
            "a series that was not defined",
            emission(&["a"], &[(1, 1.0)]),
        ),
        ("not finite", emission(&["a"], &[(0, f64::NAN)])),
        ("no instrument", {
            let mut emission = good();
            emission.recordings[0].instrument = 2;
            emission
        }),
        ("differ in length", {
            let mut emission = good();
            emission.recordings[0].counts = vec![1, 1];
            emission
        }),
        ("differ in number", {
            let mut emission = good();
            emission.resources.ends.clear();
            emission
        }),
        ("beyond its lists", {
            let mut emission = good();
            emission.attributes.values.bits[0] = 99;
            emission
        }),
    ];
    for (why, emission) in broken {
        let error = take(&mut Recorder::new(&totals), emission, 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    assert_eq!(shown(&totals, 2), Vec::<String>::new());
}

#[test]
fn a_sum_that_may_fall_falls_and_a_gauge_keeps_the_last_value() {
    let of = |kind| MetricStream {
        instruments: vec![Instrument {
            kind,
            ..stream(Temporality::Cumulative).instruments[0].clone()
        }],
        ..stream(Temporality::Cumulative)
    };
    let measured = |values: &[f64]| {
        let measured: Vec<_> = values.iter().map(|value| (0, *value)).collect();
        let mut emission = emission(&["a"], &measured);
        emission.recordings = vec![Recording {
            instrument: 0,
            ..emission.recordings[1].clone()
        }];
        emission
    };
    for (kind, is_gauge, expected) in [
        (InstrumentKind::UpDownSum, false, -2.0),
        (InstrumentKind::Gauge, true, -5.0),
    ] {
        let totals = Totals::new(of(kind));
        take(&mut Recorder::new(&totals), measured(&[3.0, -5.0]), 1).unwrap();
        // No zero at first: it is no counter.
        let flushed = totals.flush(2, false).unwrap().request;
        let points = match &flushed.resource_metrics[0].scope_metrics[0].metrics[0].data {
            Some(Data::Gauge(gauge)) if is_gauge => &gauge.data_points,
            Some(Data::Sum(sum)) if !is_gauge && !sum.is_monotonic => &sum.data_points,
            other => panic!("{other:?}"),
        };
        assert_eq!(points[0].value, Some(Value::AsDouble(expected)));
    }
    let totals = Totals::new(of(InstrumentKind::Sum));
    let refused = take(&mut Recorder::new(&totals), measured(&[3.0, -5.0]), 1);
    assert!(matches!(refused, Err(Fault::Emission(_))), "{refused:?}");
    assert!(totals.flush(2, true).is_none());
}
