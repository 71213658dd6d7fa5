//! The host's side of the kit: `spanmill-otlp` checks, extracts and edits, as it does in the host.

use std::sync::Arc;

use spanmill_model::{Context, FIELDS, Shape};
use spanmill_otlp::{
    Append, BatchView, CellColumn, CellsView, ColumnView, EntryWrite, Outcome, Pool, Projection,
    Removal, Replacement, Request, StageContract, Verdicts, Workspace, Write,
};

use super::items::{Item, Items};
use crate::attributes_path;
use crate::guest::{contract_wit, telemetry};

/// A chain of two stages: one that reads everything, so that the pool holds texts that are not the plugin's, and the plugin.
pub(super) struct Host {
    workspace: Workspace,
}

/// The plugin's place in the chain.
const STAGE: usize = 1;

impl Host {
    /// The host of a plugin that declares such a contract; panics if a host would not take it.
    pub(super) fn new(contract: &contract_wit::Contract) -> Self {
        let signals = &contract.signals;
        assert!(!signals.is_empty(), "a plugin takes a signal at least");
        for (place, signal) in signals.iter().enumerate() {
            assert!(
                !signals[..place].contains(signal),
                "{signal:?} is taken twice"
            );
        }
        let paths = contract.reads.iter().chain(&contract.writes);
        for path in paths.clone() {
            let context = crate::contract::context_of(path);
            let is_taken = |signal: &telemetry::Signal| {
                let signal = super::signal(*signal);
                context.is_none_or(|context| signal.contexts().contains(&context))
            };
            assert!(
                signals.iter().any(is_taken),
                "{path} belongs to none of the signals taken, {signals:?}"
            );
        }
        let plugin = StageContract::parse(&contract.reads, &contract.writes)
            .unwrap_or_else(|error| panic!("{error}"));
        let texts = FIELDS
            .iter()
            .filter(|field| matches!(field.shape, Shape::Text | Shape::Value))
            .map(|field| format!("{}.{}", field.context.prefix(), field.name));
        let all: Vec<String> = Context::ALL
            .map(attributes_path)
            .into_iter()
            .chain(texts)
            .collect();
        let neighbour = StageContract::parse(&all, &[]).expect("the model's paths are right");
        let projection = Projection::new(vec![neighbour, plugin], &[]).expect("two stages are few");
        Host {
            workspace: Workspace::new(Arc::new(projection)),
        }
    }

    /// Loads telemetry, and returns the batch that the plugin gets.
    pub(super) fn load<T: Item>(&mut self, items: &Items<T>) -> telemetry::Batch {
        let request = Request::parse(T::SIGNAL, items.to_otlp().into())
            .unwrap_or_else(|error| panic!("no host takes this telemetry: {error}"));
        self.workspace
            .load(request, items.received_unix_nano)
            .expect("a checked request is extracted");
        let view = self.workspace.view(STAGE).expect("the plugin has a stage");
        batch(&view)
    }

    /// The rows of the items of the batch.
    pub(super) fn item_rows(&self) -> usize {
        self.workspace.item_count()
    }

    /// Takes an outcome and returns what is left; panics with the rule that the outcome breaks.
    pub(super) fn apply<T: Item>(
        &mut self,
        outcome: telemetry::Outcome,
        before: &Items<T>,
    ) -> Items<T> {
        self.workspace
            .apply(STAGE, &lift(outcome))
            .unwrap_or_else(|error| panic!("the outcome breaks the contract: {error}"));
        let left = self.workspace.splice();
        Items::from_otlp(&left.bytes, before.received_unix_nano)
    }

    /// The texts of the batch, behind them those that the plugin added; `None` for those that it may not read.
    pub(super) fn texts(&self, added: &telemetry::TextPool) -> Vec<Option<Vec<u8>>> {
        let readable = |index| self.workspace.may_read(STAGE, index);
        let own = (0..self.workspace.pool_len(STAGE))
            .map(|index| readable(index).then(|| self.workspace.text(index).to_vec()));
        let mut texts: Vec<_> = own.collect();
        let mut start = 0;
        for &end in &added.ends {
            let text = added.bytes.get(start..end as usize);
            let text =
                text.expect("the ends of new texts never decrease, and stay inside the pool");
            texts.push(Some(text.to_vec()));
            start = end as usize;
        }
        texts
    }
}

/// A batch as it crosses the boundary.
pub(super) fn batch(view: &BatchView<'_>) -> telemetry::Batch {
    telemetry::Batch {
        signal: super::wire_signal(view.signal),
        received_unix_nano: view.received_unix_nano,
        texts: telemetry::TextPool {
            ends: view.texts.ends.to_vec(),
            bytes: view.texts.bytes.to_vec(),
        },
        tables: view
            .tables
            .iter()
            .map(|table| telemetry::Table {
                context: crate::guest::wire_context(table.context),
                rows: table.rows,
                parents: table.parents.to_vec(),
                columns: table.columns.iter().map(column).collect(),
            })
            .collect(),
    }
}

fn cells(view: CellsView<'_>) -> telemetry::Cells {
    telemetry::Cells {
        kinds: view.kinds.to_vec(),
        bits: view.bits.to_vec(),
    }
}

fn column(view: &ColumnView<'_>) -> telemetry::Column {
    match *view {
        ColumnView::Narrow(values) => telemetry::Column::Narrow(values.to_vec()),
        ColumnView::Wide(values) => telemetry::Column::Wide(values.to_vec()),
        ColumnView::TraceId(words) => telemetry::Column::TraceId(words.to_vec()),
        ColumnView::Text(indices) => telemetry::Column::Text(indices.to_vec()),
        ColumnView::Cells(view) => telemetry::Column::Cells(cells(view)),
        ColumnView::Attributes(list) => telemetry::Column::Attributes(telemetry::AttributeList {
            ends: list.ends.to_vec(),
            keys: list.keys.to_vec(),
            values: cells(list.values),
        }),
    }
}

fn cell_column(cells: telemetry::Cells) -> CellColumn {
    CellColumn {
        kinds: cells.kinds,
        bits: cells.bits,
    }
}

/// An outcome in the host's own types.
fn lift(outcome: telemetry::Outcome) -> Outcome {
    let verdicts = outcome.verdicts.into_iter().map(|verdicts| Verdicts {
        context: crate::guest::context(verdicts.context),
        rows: verdicts.rows,
    });
    let writes = outcome.writes.into_iter().map(|write| Write {
        field: write.field,
        rows: write.rows,
        values: cell_column(write.values),
    });
    let entry_writes = outcome.entry_writes.into_iter().map(|write| EntryWrite {
        field: write.field,
        entries: write.entries,
        values: cell_column(write.values),
    });
    let replacements = outcome.replacements.into_iter().map(|edit| Replacement {
        field: edit.field,
        old: edit.old,
        new: edit.new,
    });
    let removals = outcome.removals.into_iter().map(|removal| Removal {
        field: removal.field,
        entries: removal.entries,
    });
    let appends = outcome.appends.into_iter().map(|append| Append {
        field: append.field,
        rows: append.rows,
        keys: append.keys,
        values: cell_column(append.values),
    });
    Outcome {
        verdicts: verdicts.collect(),
        texts: Pool {
            ends: outcome.texts.ends,
            bytes: outcome.texts.bytes,
        },
        writes: writes.collect(),
        entry_writes: entry_writes.collect(),
        replacements: replacements.collect(),
        removals: removals.collect(),
        appends: appends.collect(),
    }
}
