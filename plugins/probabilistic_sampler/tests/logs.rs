//! Which log records are kept, and what they then say of it. The expected lines are what the Collector (0.158) made of
//! the same records.

use serde_json::json;
use spanmill_probabilistic_sampler::ProbabilisticSampler;
use spanmill_sdk::Signal;
use spanmill_sdk::testing::{Attr, Kit, LogRecord, Logs};

fn trace_id(number: u128) -> u128 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn records() -> Logs {
    let traced = |name: &str, number| LogRecord::new(name).ids(trace_id(number), 1);
    let traces = (0..8).map(|number| traced(&format!("t{number}"), number + 1));
    let (rv, th) = ("sampling.randomness", "sampling.threshold");
    let others = [
        LogRecord::new("none"),
        LogRecord::new("src").attr("id", "order-1"),
        LogRecord::new("src2").attr("id", 17),
        LogRecord::new("srcbytes").attr("id", Attr::Bytes(vec![1, 2])),
        LogRecord::new("srcempty").attr("id", ""),
        LogRecord::new("srcdouble").attr("id", 1.5),
        traced("rv", 1).attr(rv, "80000000000000"),
        traced("th", 1).attr(th, "8"),
        traced("badth", 1).attr(th, "xyz"),
        traced("badrv", 2).attr(rv, "12"),
        traced("intth", 2).attr(th, 8),
        traced("emptyth", 2).attr(th, ""),
        traced("p100", 1).attr("prio", 100),
        traced("p0", 1).attr("prio", 0),
        traced("p10", 2).attr("prio", 10.0),
        traced("pneg", 2).attr("prio", -1),
        traced("p200", 2).attr("prio", 200),
        traced("pstr", 2).attr("prio", "100"),
        LogRecord::new("p100none").attr("prio", 100),
        traced("p100th", 1).attr("prio", 100).attr(th, "c"),
        traced("p50rv", 1)
            .attr("prio", 50)
            .attr(rv, "90000000000000"),
    ];
    Logs::of(traces.chain(others))
}

/// Each record that is kept, with what its attributes say of the decision.
fn kept(settings: serde_json::Value) -> Vec<String> {
    let mut kit = Kit::<ProbabilisticSampler>::new(settings).unwrap();
    assert_eq!(kit.signals(), [Signal::Traces, Signal::Logs]);
    let out = kit.run(&records());
    let kept = out.left.logs().map(|record| {
        let Some(Attr::Text(name)) = &record.body else {
            panic!("{record:?}");
        };
        let mut line = name.clone();
        for (key, value) in &record.attributes {
            let name = match key.as_str() {
                "sampling.randomness" => "rv",
                "sampling.threshold" => "th",
                _ => continue,
            };
            match value {
                Attr::Text(text) => line.push_str(&format!(" {name}={text}")),
                other => line.push_str(&format!(" {name}={other:?}")),
            }
        }
        line
    });
    let kept: Vec<String> = kept.collect();
    assert_eq!(out.count("log_records_sampled"), kept.len() as u64);
    let dropped = records().logs().count() - kept.len();
    assert_eq!(out.count("log_records_not_sampled"), dropped as u64);
    kept
}

#[test]
fn the_trace_id_decides() {
    let settings = json!({"sampling_percentage": 50, "sampling_priority": "prio"});
    assert_eq!(
        kept(settings),
        [
            "t0 rv=e2b83601830751 th=8",
            "t1 rv=a5f005db769683 th=8",
            "t2 rv=ab281e318d9535 th=8",
            "t5 rv=eb700c340dc523 th=8",
            "t6 rv=d2800bbeef0b5f th=8",
            "t7 rv=f5bc295b544290 th=8",
            "intth th=8 rv=a5f005db769683",
            "emptyth th=8 rv=a5f005db769683",
            "p100 rv=e2b83601830751 th=0",
            "p0 rv=e2b83601830751 th=8",
            "pneg rv=a5f005db769683 th=8",
            "p200 rv=a5f005db769683 th=8",
            "pstr rv=a5f005db769683 th=8",
            "p100none th=0",
            "p100th th=c",
            "p50rv rv=90000000000000",
        ]
    );
}

#[test]
fn an_attribute_decides_where_there_is_no_trace_id() {
    let settings = json!({
        "sampling_percentage": 50, "hash_seed": 22, "sampling_priority": "prio", "from_attribute": "id",
        "fail_closed": false,
    });
    assert_eq!(
        kept(settings),
        [
            "t0 rv=c9902ca9288d9b th=8",
            "t1 rv=80b81397e4dfd1 th=8",
            "t2 rv=e020102b0bc7f7 th=8",
            "t6 rv=8a780cc030dd61 th=8",
            "none th=0",
            "src rv=d9d034210b098b th=8",
            "srcbytes rv=994c09084299ac th=8",
            "srcempty th=0",
            "rv rv=80000000000000",
            "th th=8",
            "badth th=xyz",
            "badrv rv=12",
            "intth th=8 rv=80b81397e4dfd1",
            "emptyth th=8 rv=80b81397e4dfd1",
            "p100 rv=c9902ca9288d9b th=0",
            "p0 rv=c9902ca9288d9b th=8",
            "pneg rv=80b81397e4dfd1 th=8",
            "p200 rv=80b81397e4dfd1 th=8",
            "pstr rv=80b81397e4dfd1 th=8",
            "p100none th=0",
            "p100th th=c",
            "p50rv rv=90000000000000",
        ]
    );
}

#[test]
fn an_attribute_decides_alone() {
    let settings = json!({
        "sampling_percentage": 30, "attribute_source": "record", "from_attribute": "id", "sampling_priority": "prio",
    });
    assert_eq!(
        kept(settings),
        [
            "srcbytes rv=be9416d8b7505a th=b334",
            "srcdouble rv=d658299b644a69 th=b334",
            "p100 th=0",
            "p10 th=e666",
            "p100none th=0",
            "p100th th=c",
            "p50rv rv=90000000000000",
        ]
    );
}

#[test]
fn priority_alone_decides_where_nothing_is_sampled() {
    let settings =
        json!({"sampling_percentage": 0, "sampling_priority": "prio", "fail_closed": false});
    assert_eq!(
        kept(settings),
        [
            "badth th=0",
            "badrv rv=12 th=0",
            "p100 th=0",
            "p10 th=e666",
            "p100none th=0",
            "p100th th=c",
            "p50rv rv=90000000000000 th=8",
        ]
    );
}
