//! What the kits hold plugins to that hold rows, make records or route, and how held rows outlive an instance.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Kit, Span, Spans};
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Decisions, Outcome, PluginError, Processor, Sharding,
    Ticker, TraceIdField, WriteField,
};

/// Holds every span, edited, and releases at the end what it knows of; asks for a look at what `review` names before.
struct Holder {
    trace_id: TraceIdField,
    name: WriteField,
    known: Vec<u128>,
    reviewed: Vec<u128>,
    review: Option<u128>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Settings {
    review: Option<u64>,
}

fn ids(batch: &Batch<'_>, field: TraceIdField) -> Vec<u128> {
    let (ids, _) = batch.trace_ids(field).as_chunks::<2>();
    ids.iter()
        .map(|[high, low]| u128::from(*high) << 64 | u128::from(*low))
        .collect()
}

impl Processor for Holder {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        contract.shard(Sharding::ByTrace);
        Ok(Holder {
            trace_id: contract.read_trace_id("span.trace_id"),
            name: contract.write("span.name"),
            known: Vec::new(),
            reviewed: Vec::new(),
            review: settings.review.map(u128::from),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let edited = outcome.text("edited");
        outcome.set_all(self.name, spanmill_sdk::Cell::Text(edited));
        for (row, id) in ids(batch, self.trace_id).into_iter().enumerate() {
            self.known.push(id);
            outcome.hold_row(Context::Span, row);
        }
        Ok(())
    }
}

impl Ticker for Holder {
    fn tick(&mut self, _: u64, ending: bool, decisions: &mut Decisions) -> Result<(), PluginError> {
        self.known.sort_unstable();
        self.known.dedup();
        if let (Some(trace), false) = (self.review.take(), ending) {
            decisions.review(trace);
            return Ok(());
        }
        for trace in self.known.drain(..) {
            match self.reviewed.contains(&trace) {
                true => decisions.drop_trace(trace),
                false => decisions.release(trace),
            }
        }
        Ok(())
    }

    fn review(&mut self, batch: &Batch<'_>) -> Result<(), PluginError> {
        let ids = ids(batch, self.trace_id);
        self.known.extend(&ids);
        self.reviewed.extend(ids);
        Ok(())
    }
}

fn kit(settings: Value) -> Kit<Holder> {
    Kit::holding(settings).unwrap()
}

fn spans() -> Spans {
    Spans::new()
        .resource([("service.name", "shop")])
        .item(Span::new("a").ids(1, 1))
        .item(Span::new("b").ids(2, 2))
        .item(Span::new("c").ids(1, 3))
}

#[test]
fn held_rows_leave_as_they_were_edited_with_their_resource() {
    let mut kit = kit(json!({}));
    let out = kit.run(&spans());
    assert_eq!((out.held, out.left.spans().count()), (3, 0));
    assert_eq!(kit.traces_held(), 2);
    let decided = kit.tick::<Span>(1);
    assert_eq!(decided.released.spans().count(), 3);
    assert!(decided.released.spans().all(|span| span.name == "edited"));
    assert_eq!(decided.released.resources[0].resource.attributes.len(), 1);
    assert_eq!(kit.traces_held(), 0);
}

#[test]
fn what_is_asked_for_is_shown_again() {
    let mut kit = kit(json!({"review": 2}));
    kit.run(&spans());
    let asked = kit.tick::<Span>(1);
    assert_eq!((asked.reviewed, asked.released.spans().count()), (1, 0));
    let decided = kit.tick::<Span>(2);
    assert_eq!(decided.dropped.spans().count(), 1);
    assert_eq!(decided.released.spans().count(), 2);
}

#[test]
fn a_new_instance_is_shown_what_is_held_and_the_end_releases_the_rest() {
    let mut kit = kit(json!({}));
    kit.run(&spans());
    kit.restart::<Span>(json!({})).unwrap();
    assert_eq!(kit.traces_held(), 2);
    let decided = kit.tick::<Span>(1);
    assert_eq!(decided.dropped.spans().count(), 3);
    kit.run(&spans());
    let ended = kit.end::<Span>(2);
    assert_eq!(
        ended.released.spans().count() + ended.dropped.spans().count(),
        3
    );
    assert_eq!(kit.traces_held(), 0);
}
