//! The batches that a plugin is tested with; the same contract always gets the same batches.

mod maker;

use bytes::Bytes;
use prost::Message;
use spanmill_otlp::Signal;
use spanmill_runtime::Declared;

use self::maker::{Maker, Taste};

/// A request of one signal.
pub(super) struct TestBatch {
    pub(super) signal: Signal,
    pub(super) bytes: Bytes,
    pub(super) items: usize,
    kind: String,
}

impl TestBatch {
    /// Its name in the report.
    pub(super) fn name(&self) -> String {
        format!("{}: {}", self.signal, self.kind)
    }
}

/// Random batches per signal.
const RANDOM: u64 = 10;
/// Items in the large batch.
const LARGE: usize = 5000;

/// Batches of every signal that a plugin takes, with the attributes that it names.
pub(super) fn all(declared: &Declared) -> Vec<TestBatch> {
    let keys = named_keys(declared);
    let mut batches = Vec::new();
    for &signal in &declared.signals {
        let mut add = |kind: &str, seed: u64, taste, items: usize, resources: usize| {
            let mut maker = Maker::new(seed, &keys, taste);
            batches.push(TestBatch {
                signal,
                bytes: encoded(signal, &mut maker, items, resources),
                items: items * resources,
                kind: kind.to_owned(),
            });
        };
        add("empty", 1, Taste::Usual, 0, 0);
        add("resources without items", 2, Taste::Usual, 0, 3);
        add("one", 3, Taste::Usual, 1, 1);
        add("usual", 4, Taste::Usual, 50, 2);
        add("with everything left out", 5, Taste::Bare, 10, 2);
        add("odd", 6, Taste::Odd, 50, 3);
        add("large", 7, Taste::Usual, LARGE, 1);
        for number in 1..=RANDOM {
            let items = 1 + usize::try_from(number).unwrap_or(1) * 7 % 40;
            add("random", 100 + number, Taste::Odd, items, 1 + items % 3);
        }
    }
    batches
}

/// The keys of the attributes that a plugin names.
fn named_keys(declared: &Declared) -> Vec<String> {
    let paths = declared.reads.iter().chain(&declared.writes);
    let mut keys: Vec<String> = paths
        .filter_map(|path| {
            let (_, quoted) = path.split_once("[\"")?;
            let key = quoted.strip_suffix("\"]")?;
            Some(key.replace("\\\"", "\"").replace("\\\\", "\\"))
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

fn encoded(signal: Signal, maker: &mut Maker<'_>, items: usize, resources: usize) -> Bytes {
    match signal {
        Signal::Traces => maker.traces(items, resources).encode_to_vec(),
        Signal::Logs => maker.logs(items, resources).encode_to_vec(),
        Signal::Metrics => maker.metrics(items, resources).encode_to_vec(),
    }
    .into()
}
