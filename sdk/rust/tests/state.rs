//! State goes from one instance to the next: through the test kit, and through the glue that the exports use.

use serde_json::json;
use spanmill_sdk::testing::{ConnectorKit, Kit, Span, Spans};
use spanmill_sdk::{
    Batch, Cell, ConfigError, Connector, Context, Contract, Emission, Instrument, InstrumentKind,
    MetricStream, Outcome, PluginError, Processor, RestoreError, State, Temporality,
};

/// The settings of both plugins.
#[derive(serde::Deserialize)]
struct Settings {
    limit: u64,
}

/// A count of spans; format 1 had 32 bits.
#[derive(Default)]
struct Seen(u64);

impl Seen {
    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        let length = |_| RestoreError::data(format!("{} bytes make no count", data.len()));
        self.0 = match format {
            1 => u64::from(u32::from_le_bytes(data.try_into().map_err(length)?)),
            2 => u64::from_le_bytes(data.try_into().map_err(length)?),
            _ => return Err(RestoreError::Format),
        };
        Ok(())
    }
}

/// Lets through so many spans, and no more.
struct Cap {
    limit: u64,
    seen: Seen,
}

impl Processor for Cap {
    type Config = Settings;

    fn configure(settings: Settings, _: &mut Contract) -> Result<Self, ConfigError> {
        let seen = Seen::default();
        Ok(Cap {
            limit: settings.limit,
            seen,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        for row in 0..batch.rows(Context::Span) {
            if self.seen.0 >= self.limit {
                outcome.drop_row(Context::Span, row);
            }
            self.seen.0 += 1;
        }
        Ok(())
    }
}

impl State for Cap {
    const FORMAT: u32 = 2;

    fn snapshot(&self) -> Vec<u8> {
        self.seen.0.to_le_bytes().to_vec()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        self.seen.restore(format, data)
    }
}

spanmill_sdk::register_processor!(Cap, state);

fn cap(limit: u64) -> Kit<Cap> {
    Kit::new(json!({ "limit": limit })).unwrap()
}

fn three() -> Spans {
    Spans::of(["a", "b", "c"].map(Span::new))
}

#[test]
fn the_next_instance_goes_on_where_the_last_one_was() {
    let mut old = cap(4);
    assert_eq!(old.run(&three()).span_names(), ["a", "b", "c"]);
    let (format, data) = old.snapshot();
    assert_eq!((format, data.len()), (2, 8));

    let mut new = cap(4);
    new.restore(format, &data).unwrap();
    assert_eq!(new.run(&three()).span_names(), ["a"]);
    // The old one was only asked, and settings are the instance's own.
    assert_eq!(old.run(&three()).span_names(), ["a"]);
    let mut wider = cap(5);
    wider.restore(format, &data).unwrap();
    assert_eq!(wider.run(&three()).span_names(), ["a", "b"]);
}

#[test]
fn what_is_restored_replaces_what_was_known() {
    let mut kit = cap(4);
    kit.run(&three());
    kit.restore(2, &0u64.to_le_bytes()).unwrap();
    assert_eq!(kit.run(&three()).span_names().len(), 3);
}

#[test]
fn an_older_format_is_read_and_an_unknown_one_is_refused() {
    let mut kit = cap(4);
    kit.restore(1, &3u32.to_le_bytes()).unwrap();
    assert_eq!(kit.snapshot(), (2, 3u64.to_le_bytes().to_vec()));
    assert_eq!(kit.restore(3, &[]), Err(RestoreError::Format));
    let error = kit.restore(2, &[0; 3]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the saved state cannot be read: 3 bytes make no count"
    );
    assert_eq!(
        RestoreError::Format.to_string(),
        "the saved state has a format that is not known"
    );
}

/// Measures how many spans came before each batch.
struct Before(Seen);

impl Connector for Before {
    type Config = Settings;

    fn configure(
        _: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        contract.read_text("span.name");
        let before = Instrument {
            name: "before".to_owned(),
            description: String::new(),
            unit: String::new(),
            kind: InstrumentKind::Sum,
            exemplars: 0,
        };
        let stream = MetricStream {
            scope: "before".to_owned(),
            instruments: vec![before],
            temporality: Temporality::Delta,
            flush_interval_ns: 1,
            expiration_ns: 0,
            series_limit: 0,
            resource_limit: 0,
            total_limit: 0,
            resource_key: Vec::new(),
        };
        Ok((Before(Seen::default()), stream))
    }

    fn process(&mut self, batch: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        let key = emission.text("kind");
        // Numbered anew each time: series belong to the instance, and are not handed on.
        emission.restart();
        emission.series(&[], &[(key, Cell::Int(1))]);
        emission.record(0, vec![0], vec![self.0.0 as f64], vec![], vec![]);
        self.0.0 += batch.rows(Context::Span) as u64;
        Ok(())
    }
}

impl State for Before {
    const FORMAT: u32 = 2;

    fn snapshot(&self) -> Vec<u8> {
        self.0.0.to_le_bytes().to_vec()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        self.0.restore(format, data)
    }
}

#[test]
fn a_connector_hands_its_state_on_too() {
    let kit = || ConnectorKit::<Before>::new(json!({ "limit": 0 })).unwrap();
    let (mut old, mut new) = (kit(), kit());
    old.run(&three());
    let (format, data) = old.snapshot();
    new.restore(format, &data).unwrap();
    new.run(&three());
    assert_eq!(new.metric("before")[0].sum, 3.0);
    assert_eq!(new.restore(9, &data), Err(RestoreError::Format));
}

#[test]
fn an_instance_that_is_not_configured_knows_nothing_and_takes_nothing() {
    use spanmill_sdk::guest::{
        restore, state_world::exports::spanmill::plugin::state, take_snapshot,
    };
    let saved = take_snapshot::<Cap>(None);
    assert_eq!((saved.format, saved.data.len()), (2, 0));
    let error = restore::<Cap>(None, saved).unwrap_err();
    assert!(matches!(error, state::RestoreError::Data(why) if why == "not configured"));
}
