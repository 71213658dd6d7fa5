//! The host's side of the kit: `spanmill-otlp` checks, extracts and edits, as it does in the host.

use std::sync::Arc;

use bytes::Bytes;
use spanmill_model::{Context, FIELDS, Shape};
use spanmill_otlp::{
    Append, BatchView, CellColumn, CellsView, ColumnView, EntryWrite, Groups, Joined, Outcome,
    Pool, Projection, RecordColumn, RecordPlan, Records, Removal, Replacement, Request, Routes,
    StageContract, Verdicts, Workspace, Write,
};

use super::items::{Item, Items};
use crate::attributes_path;
use crate::guest::{contract_wit, grouper_wit, records_wit, routing_wit, telemetry};

/// A chain of two stages: one that reads everything, so that the pool holds texts that are not the plugin's, and the plugin.
pub(super) struct Host {
    workspace: Workspace,
    /// The request at hand.
    batch: Bytes,
}

/// The plugin's place in the chain.
const STAGE: usize = 1;

impl Host {
    /// The host of a plugin that declares such a contract; panics if a host would not take it.
    pub(super) fn new(contract: &contract_wit::Contract) -> Self {
        Self::with(contract, false)
    }

    /// The same for a plugin that holds rows.
    pub(super) fn holding(contract: &contract_wit::Contract) -> Self {
        assert!(
            contract.sharding != contract_wit::Sharding::None,
            "a plugin that holds rows shards by trace or whole"
        );
        Self::with(contract, true)
    }

    fn with(contract: &contract_wit::Contract, may_hold: bool) -> Self {
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
                let signal = crate::guest::signal(*signal);
                context.is_none_or(|context| signal.contexts().contains(&context))
            };
            assert!(
                signals.iter().any(is_taken),
                "{path} belongs to none of the signals taken, {signals:?}"
            );
        }
        let mut plugin = StageContract::parse(&contract.reads, &contract.writes)
            .unwrap_or_else(|error| panic!("{error}"));
        plugin.may_hold = may_hold;
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
            batch: Bytes::new(),
        }
    }

    /// Loads telemetry, and returns the batch that the plugin gets.
    pub(super) fn load<T: Item>(&mut self, items: &Items<T>) -> telemetry::Batch {
        self.batch = items.to_otlp().into();
        let request = Request::parse(T::SIGNAL, self.batch.clone())
            .unwrap_or_else(|error| panic!("no host takes this telemetry: {error}"));
        self.workspace
            .load(request, items.received_unix_nano)
            .expect("a checked request is extracted");
        self.workspace.set_sender(items);
        let view = self.workspace.view(STAGE).expect("the plugin has a stage");
        batch(&view)
    }

    /// The rows of the items of the batch.
    pub(super) fn item_rows(&self) -> usize {
        self.workspace.item_count()
    }

    /// Takes an outcome and returns what is left, and what is held; panics with the rule that the outcome breaks.
    pub(super) fn apply<T: Item>(
        &mut self,
        outcome: telemetry::Outcome,
        groups: Option<grouper_wit::Groups>,
        before: &Items<T>,
    ) -> (Items<T>, Option<Request>) {
        let outcome = Outcome {
            groups: groups.map(|groups| Box::new(lift_groups(groups))),
            ..lift(outcome)
        };
        self.workspace
            .apply(STAGE, &outcome)
            .unwrap_or_else(|error| panic!("the outcome breaks the contract: {error}"));
        let held = self.workspace.held();
        let left = self.workspace.splice();
        let left = Items::from_otlp(&left.bytes, before.received_unix_nano);
        (left, held)
    }

    /// The request that a record connector's answer becomes; panics with the rule that the answer breaks.
    pub(super) fn records(&self, plan: &RecordPlan, records: records_wit::Records) -> Vec<u8> {
        let mut request = Vec::new();
        self.workspace
            .records(STAGE, plan, &lift_records(records), &mut request)
            .unwrap_or_else(|error| panic!("the records break the contract: {error}"));
        request
    }

    /// How many items go nowhere, and what each of some pipelines gets; panics with the rule that the routes break.
    pub(super) fn route(
        &mut self,
        routes: routing_wit::Routes,
        pipelines: usize,
    ) -> (usize, Vec<Bytes>) {
        let routes = Routes {
            context: crate::guest::context(routes.context),
            pipelines: routes.pipelines,
        };
        let bytes = self.batch.clone();
        let mut onto: Vec<Joined> = (0..pipelines).map(|_| Joined::new(bytes.clone())).collect();
        let routed = self
            .workspace
            .route(&routes, &mut onto)
            .unwrap_or_else(|error| panic!("the routes break the contract: {error}"));
        let parts = onto.into_iter().map(|joined| joined.finish().bytes);
        (routed.dropped_items, parts.collect())
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
        signal: crate::guest::wire_signal(view.signal),
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
        groups: None,
    }
}

/// Where rows go, in the host's own types.
fn lift_groups(groups: grouper_wit::Groups) -> Groups {
    Groups {
        of_each: groups.of_each,
        texts: Pool {
            ends: groups.texts.ends,
            bytes: groups.texts.bytes,
        },
        ends: groups.attributes.ends,
        keys: groups.attributes.keys,
        values: cell_column(groups.attributes.values),
    }
}

/// Records in the host's own types.
fn lift_records(records: records_wit::Records) -> Records {
    let column = |column| match column {
        telemetry::Column::Narrow(values) => RecordColumn::Narrow(values),
        telemetry::Column::Wide(values) => RecordColumn::Wide(values),
        telemetry::Column::TraceId(words) => RecordColumn::TraceId(words),
        telemetry::Column::Text(indices) => RecordColumn::Text(indices),
        telemetry::Column::Cells(cells) => RecordColumn::Cells(cell_column(cells)),
        telemetry::Column::Attributes(list) => RecordColumn::Attributes {
            ends: list.ends,
            keys: list.keys,
            values: cell_column(list.values),
        },
        telemetry::Column::Numbers(_) => RecordColumn::Other,
    };
    Records {
        texts: Pool {
            ends: records.texts.ends,
            bytes: records.texts.bytes,
        },
        rows: records.rows,
        resources: records.resources,
        columns: records.columns.into_iter().map(column).collect(),
    }
}
