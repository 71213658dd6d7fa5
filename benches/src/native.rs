//! Plugins linked natively: the same code over the host's own columns, without a boundary.

mod declared;

pub use declared::{connector, processor};

use spanmill_otlp::{
    Append, BatchView, CellColumn, ColumnView, EntryWrite, Outcome, Pool, Removal, Replacement,
    Verdicts, Write,
};
use spanmill_sdk as sdk;

/// A batch in the SDK's terms, borrowed.
pub fn batch<'a>(view: &BatchView<'a>) -> sdk::Batch<'a> {
    let cells = |view: spanmill_otlp::CellsView<'a>| sdk::Cells {
        kinds: view.kinds,
        bits: view.bits,
    };
    let column = |view: &ColumnView<'a>| match *view {
        ColumnView::Narrow(values) => sdk::Column::Narrow(values),
        ColumnView::Wide(values) => sdk::Column::Wide(values),
        ColumnView::TraceId(words) => sdk::Column::TraceId(words),
        ColumnView::Text(indices) => sdk::Column::Text(indices),
        ColumnView::Cells(view) => sdk::Column::Cells(cells(view)),
        ColumnView::Attributes(list) => sdk::Column::Attributes(sdk::Attributes {
            ends: list.ends,
            keys: list.keys,
            values: cells(list.values),
        }),
    };
    sdk::Batch {
        signal: view.signal,
        received_unix_nano: view.received_unix_nano,
        texts: sdk::Texts {
            ends: view.texts.ends,
            bytes: view.texts.bytes,
        },
        tables: view
            .tables
            .iter()
            .map(|table| sdk::Table {
                context: table.context,
                rows: table.rows,
                parents: table.parents,
                columns: table.columns.iter().map(column).collect(),
            })
            .collect(),
    }
}

fn cells(values: sdk::OwnedCells) -> CellColumn {
    CellColumn {
        kinds: values.kinds,
        bits: values.bits,
    }
}

/// A plugin's outcome in the host's terms, moved.
pub fn outcome(mut from: sdk::Outcome) -> Outcome {
    let mut out = Outcome {
        texts: Pool {
            ends: from.text_ends,
            bytes: from.text_bytes,
        },
        ..Outcome::default()
    };
    for context in sdk::Context::ALL {
        let rows = std::mem::take(from.verdicts.get_mut(context));
        if !rows.is_empty() {
            out.verdicts.push(Verdicts { context, rows });
        }
    }
    for (field, edits) in (0u32..).zip(from.fields) {
        if let Some(cell) = edits.all {
            let (kind, bits) = cell.into_parts();
            out.writes.push(Write {
                field,
                rows: Vec::new(),
                values: CellColumn {
                    kinds: vec![kind],
                    bits: vec![bits],
                },
            });
        }
        if !edits.rows.places.is_empty() {
            let edits = edits.rows.in_order();
            out.writes.push(Write {
                field,
                rows: edits.places,
                values: cells(edits.values),
            });
        }
        if !edits.entries.places.is_empty() {
            let edits = edits.entries.in_order();
            out.entry_writes.push(EntryWrite {
                field,
                entries: edits.places,
                values: cells(edits.values),
            });
        }
        if !edits.old.is_empty() {
            out.replacements.push(Replacement {
                field,
                old: edits.old,
                new: edits.new,
            });
        }
        if !edits.removed.is_empty() {
            out.removals.push(Removal {
                field,
                entries: edits.removed,
            });
        }
        if !edits.append_rows.is_empty() {
            out.appends.push(Append {
                field,
                rows: edits.append_rows,
                keys: edits.append_keys,
                values: cells(edits.append_values),
            });
        }
    }
    out
}

/// A connector's emission in the host's terms, moved.
pub fn emission(from: sdk::Emission) -> spanmill_runtime::Emission {
    let lists = |lists: sdk::OwnedLists| spanmill_runtime::AttributeLists {
        ends: lists.ends,
        keys: lists.keys,
        values: cells(lists.values),
    };
    spanmill_runtime::Emission {
        texts: Pool {
            ends: from.text_ends,
            bytes: from.text_bytes,
        },
        restart: from.restart,
        resources: lists(from.resources),
        attributes: lists(from.attributes),
        recordings: from
            .recordings
            .into_iter()
            .map(|recording| spanmill_runtime::Recording {
                instrument: recording.instrument,
                series: recording.series,
                values: recording.values,
                counts: recording.counts,
                rows: recording.rows,
            })
            .collect(),
    }
}
