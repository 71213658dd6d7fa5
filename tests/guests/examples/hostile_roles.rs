//! A processor that holds spans, a record connector and a router in one, each of which breaks the contract as the setting
//! `behaviour` says; the others of the three answer well.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:hostile;
            world roles {
                import spanmill:plugin/log@0.1.0;
                import spanmill:plugin/counters@0.1.0;
                export spanmill:plugin/processor@0.1.0;
                export spanmill:plugin/ticker@0.1.0;
                export spanmill:plugin/reasons@0.1.0;
                export spanmill:plugin/record-connector@0.1.0;
                export spanmill:plugin/router@0.1.0;
            }
        ",
        world: "spanmill:hostile/roles",
        generate_all,
    });
}

use std::cell::{Cell, RefCell};

use bindings::exports::spanmill::plugin::{processor, reasons, record_connector, router, ticker};
use bindings::spanmill::plugin::contract::{ConfigError, Contract, PluginError, Sharding};
use bindings::spanmill::plugin::records::{RecordStream, Records};
use bindings::spanmill::plugin::routing::Routes;
use bindings::spanmill::plugin::telemetry::{
    Batch, Column, Context, Outcome, Signal, TextPool, Verdicts,
};

struct Hostile;

thread_local! {
    static BEHAVIOUR: RefCell<String> = const { RefCell::new(String::new()) };
    /// The traces held, as two words each.
    static HELD: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    /// How many spans or traces the last answer was about.
    static ANSWERED: Cell<usize> = const { Cell::new(0) };
}

fn behaves(as_said: &str) -> bool {
    BEHAVIOUR.with_borrow(|behaviour| behaviour == as_said)
}

fn configured(settings: &str, sharding: Sharding) -> Contract {
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
    let behaviour = settings["behaviour"].as_str().unwrap_or("well").to_owned();
    BEHAVIOUR.set(behaviour);
    Contract {
        signals: vec![Signal::Traces],
        reads: vec!["span.trace_id".to_owned()],
        writes: if behaves("a-connector-writes") {
            vec!["span.name".to_owned()]
        } else {
            vec![]
        },
        sharding,
    }
}

fn no_texts() -> TextPool {
    TextPool {
        ends: vec![],
        bytes: vec![],
    }
}

/// The trace ids of the spans.
fn trace_ids(batch: &Batch) -> &[u64] {
    let columns = batch.tables.iter().flat_map(|table| &table.columns);
    let mut ids = columns.filter_map(|column| match column {
        Column::TraceId(words) => Some(words.as_slice()),
        _ => None,
    });
    ids.next().unwrap_or(&[])
}

fn rows(batch: &Batch, context: Context) -> u32 {
    let mut tables = batch.tables.iter();
    let table = tables.find(|table| table.context == context);
    table.map_or(0, |table| table.rows)
}

impl processor::Guest for Hostile {
    fn configure(settings: String) -> Result<Contract, ConfigError> {
        let contract = configured(&settings, Sharding::ByTrace);
        let sharding = match behaves("hold-without-sharding") {
            true => Sharding::None,
            false => Sharding::ByTrace,
        };
        Ok(Contract {
            writes: vec![],
            sharding,
            ..contract
        })
    }

    fn process(batch: Batch) -> Result<Outcome, PluginError> {
        let (ids, _) = trace_ids(&batch).as_chunks::<2>();
        ANSWERED.set(ids.len());
        let verdict = |id: &[u64; 2]| match *id {
            [0, 0] if !behaves("hold-without-trace") => 0,
            _ if behaves("unknown-verdict") => 3,
            [high, low] => {
                HELD.with_borrow_mut(|held| held.extend([high, low]));
                2
            }
        };
        Ok(Outcome {
            verdicts: vec![Verdicts {
                context: Context::Span,
                rows: ids.iter().map(verdict).collect(),
            }],
            texts: no_texts(),
            writes: vec![],
            entry_writes: vec![],
            replacements: vec![],
            removals: vec![],
            appends: vec![],
        })
    }
}

impl reasons::Guest for Hostile {
    fn explain(_: bool) {
        if behaves("explain-traps") {
            panic!("as the settings say");
        }
    }

    fn why() -> reasons::AppliedRules {
        if behaves("why-traps") {
            panic!("as the settings say");
        }
        let mut of_each = vec![0; ANSWERED.get()];
        if behaves("a-reason-too-many") {
            of_each.push(0);
        } else if behaves("a-rule-that-is-not-there") {
            of_each.fill(1);
        }
        let rule = match behaves("a-rule-of-many-lines") {
            true => "a\n\u{1b}[2J".repeat(100_000),
            false => "the only rule".to_owned(),
        };
        let rules = match behaves("too-many-rules") {
            true => vec![rule; 5000],
            false => vec![rule],
        };
        reasons::AppliedRules { rules, of_each }
    }
}

impl ticker::Guest for Hostile {
    fn tick(_: u64, ending: bool) -> Result<ticker::Decisions, PluginError> {
        if behaves("tick-traps") {
            panic!("as the settings say");
        }
        let held = HELD.take();
        let (ids, _) = held.as_chunks::<2>();
        let mut distinct = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        ANSWERED.set(distinct.len());
        let mut traces: Vec<u64> = distinct.into_iter().flatten().collect();
        let mut review = vec![];
        let mut decisions = vec![ticker::Decision::Release];
        if behaves("half-a-trace") {
            traces.push(1);
        } else if behaves("decide-twice") {
            traces = vec![1, 2];
            review = vec![1, 2];
        } else if behaves("too-many-decisions") {
            decisions = vec![ticker::Decision::Drop; traces.len() + 2];
        } else if behaves("refuse-the-end") && ending {
            return Err(PluginError::State("as the settings say".to_owned()));
        }
        Ok(ticker::Decisions {
            traces,
            decisions,
            review,
        })
    }

    fn review(batch: Batch) -> Result<(), PluginError> {
        if behaves("review-traps") {
            panic!("as the settings say");
        }
        HELD.with_borrow_mut(|held| held.extend(trace_ids(&batch)));
        Ok(())
    }
}

impl record_connector::Guest for Hostile {
    fn configure(settings: String) -> Result<record_connector::RecordContract, ConfigError> {
        let contract = configured(&settings, Sharding::None);
        let (signal, field) = match () {
            () if behaves("records-of-metrics") => (Signal::Metrics, "metric.name"),
            () if behaves("a-field-of-another-signal") => (Signal::Logs, "span.name"),
            () => (Signal::Logs, "log.severity_text"),
        };
        Ok(record_connector::RecordContract {
            contract,
            records: RecordStream {
                signal,
                fields: vec![field.to_owned()],
                scope_name: "hostile".to_owned(),
                scope_version: String::new(),
            },
        })
    }

    fn process(batch: Batch) -> Result<Records, PluginError> {
        let pool = batch.texts.ends.len() as u32;
        let resources = rows(&batch, Context::Resource);
        let mut records = Records {
            texts: TextPool {
                ends: vec![4],
                bytes: b"made".to_vec(),
            },
            rows: resources,
            resources: (0..resources).collect(),
            columns: vec![Column::Text(vec![pool; resources as usize])],
        };
        if behaves("a-record-too-many") {
            records.rows += 1;
        } else if behaves("a-resource-that-is-not-there") {
            records.resources = vec![resources; resources as usize];
        } else if behaves("a-text-that-is-not-there") {
            records.columns = vec![Column::Text(vec![pool + 1; resources as usize])];
        } else if behaves("another-column") {
            records.columns = vec![Column::Narrow(vec![pool; resources as usize])];
        } else if behaves("bytes-that-are-no-text") {
            records.texts.bytes = vec![0xff; 4];
        }
        Ok(records)
    }
}

impl router::Guest for Hostile {
    fn configure(settings: String, _: Signal, _: Vec<String>) -> Result<Contract, ConfigError> {
        let contract = configured(&settings, Sharding::None);
        Ok(match behaves("not-the-signal") {
            true => Contract {
                signals: vec![Signal::Logs],
                reads: vec![],
                ..contract
            },
            false => contract,
        })
    }

    fn process(batch: Batch) -> Result<Routes, PluginError> {
        let spans = rows(&batch, Context::Span) as usize;
        let (context, pipelines) = match () {
            () if behaves("a-row-too-many") => (Context::Span, vec![1; spans + 2]),
            () if behaves("a-pipeline-that-is-not-there") => (Context::Span, vec![1 << 63]),
            () if behaves("routes-of-logs") => (Context::Log, vec![1]),
            () => (Context::Span, vec![1; spans.max(1)]),
        };
        Ok(Routes { context, pipelines })
    }
}

bindings::export!(Hostile with_types_in bindings);
