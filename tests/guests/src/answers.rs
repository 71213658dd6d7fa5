//! Outcomes: one that is right, and many that are not.

use crate::bindings::spanmill::plugin::telemetry::{
    Append, Batch, Cells, Column, Context, EntryWrite, Outcome, Removal, Replacement, TextPool,
    Verdicts, Write,
};
use crate::crimes;
use crate::state::Settings;

const TEXT: u8 = 1;

fn nothing() -> Outcome {
    Outcome {
        verdicts: vec![],
        texts: TextPool {
            ends: vec![],
            bytes: vec![],
        },
        writes: vec![],
        entry_writes: vec![],
        replacements: vec![],
        removals: vec![],
        appends: vec![],
    }
}

pub(crate) fn spans(batch: &Batch) -> u32 {
    let mut tables = batch.tables.iter();
    let table = tables.find(|table| table.context == Context::Span);
    table.map_or(0, |table| table.rows)
}

fn pool(batch: &Batch) -> u32 {
    batch.texts.ends.len() as u32
}

pub(crate) fn has_text(batch: &Batch, wanted: &str) -> bool {
    let names = batch.tables.iter().flat_map(|table| &table.columns);
    let names = names.filter_map(|column| match column {
        Column::Text(names) => Some(names),
        _ => None,
    });
    names.flatten().any(|&name| {
        let ends = &batch.texts.ends;
        let Some(&end) = ends.get(name as usize) else {
            return false;
        };
        let start = match name {
            0 => 0,
            name => ends[name as usize - 1],
        };
        &batch.texts.bytes[start as usize..end as usize] == wanted.as_bytes()
    })
}

fn write(field: u32, rows: Vec<u32>, kinds: Vec<u8>, bits: Vec<u64>) -> Write {
    Write {
        field,
        rows,
        values: Cells { kinds, bits },
    }
}

/// Every span gets this name.
pub(crate) fn named(batch: &Batch, name: &str) -> Outcome {
    Outcome {
        texts: TextPool {
            ends: vec![name.len() as u32],
            bytes: name.as_bytes().to_vec(),
        },
        writes: vec![write(0, vec![], vec![TEXT], vec![u64::from(pool(batch))])],
        ..nothing()
    }
}

/// An outcome that keeps the rules, but for its size: every span gets the name, and a second text, which nothing
/// refers to, fills the rest; or it is what spans are called that is large.
pub(crate) fn oversized(batch: &Batch, settings: &Settings, name: &str) -> Option<Outcome> {
    let mut bytes = match settings.behaviour.as_str() {
        "big-outcome" => vec![b'x'; settings.size(64)],
        "giant-outcome" => crimes::hoard(settings.size(1024)),
        "long-names" => return Some(named(batch, &"x".repeat(settings.size(32)))),
        _ => return None,
    };
    let start = name.len().min(bytes.len());
    bytes[..start].copy_from_slice(&name.as_bytes()[..start]);
    let ends = vec![start as u32, bytes.len() as u32];
    Some(Outcome {
        texts: TextPool { ends, bytes },
        ..named(batch, name)
    })
}

/// An outcome that breaks a rule of the contract, if that is the behaviour.
pub(crate) fn broken(batch: &Batch, behaviour: &str) -> Option<Outcome> {
    let rows = spans(batch);
    let name = u64::from(pool(batch));
    let texts = |ends: Vec<u32>, bytes: &[u8]| TextPool {
        ends,
        bytes: bytes.to_vec(),
    };
    let renamed = |write| Outcome {
        texts: texts(vec![1], b"x"),
        writes: vec![write],
        ..nothing()
    };
    let one = |kinds: Vec<u8>, bits| Cells { kinds, bits };
    Some(match behaviour {
        "too-few-values" => renamed(write(0, vec![0, 1], vec![TEXT; 3], vec![name; 3])),
        "kinds-without-bits" => renamed(write(0, vec![], vec![TEXT], vec![])),
        "row-out-of-range" => renamed(write(0, vec![rows], vec![TEXT], vec![name])),
        "row-far-out" => renamed(write(0, vec![u32::MAX], vec![TEXT], vec![name])),
        "rows-out-of-order" => renamed(write(0, vec![1, 0], vec![TEXT; 2], vec![name; 2])),
        "text-out-of-range" => renamed(write(0, vec![], vec![TEXT], vec![name + 7])),
        "text-beyond-32-bits" => renamed(write(0, vec![], vec![TEXT], vec![1 << 40])),
        "unknown-kind" => renamed(write(0, vec![], vec![77], vec![name])),
        "kind-that-does-not-fit" => renamed(write(0, vec![], vec![3], vec![5])),
        "undeclared-write" => renamed(write(1, vec![], vec![TEXT], vec![name])),
        "invalid-utf-8" => Outcome {
            texts: texts(vec![2], b"\xff\xfe"),
            ..renamed(write(0, vec![], vec![TEXT], vec![name]))
        },
        "ends-beyond-bytes" => Outcome {
            texts: texts(vec![900], b"x"),
            ..nothing()
        },
        "ends-decrease" => Outcome {
            texts: texts(vec![2, 1], b"xy"),
            ..nothing()
        },
        "too-many-verdicts" => verdicts(Context::Span, vec![0; rows as usize + 1]),
        "unknown-verdict" => verdicts(Context::Span, vec![9; rows as usize]),
        "hold" => verdicts(Context::Span, vec![2; rows as usize]),
        "verdict-on-resources" => verdicts(Context::Resource, vec![1]),
        "entry-of-a-text" => Outcome {
            entry_writes: vec![EntryWrite {
                field: 0,
                entries: vec![0],
                values: one(vec![TEXT], vec![0]),
            }],
            ..nothing()
        },
        "remove-from-a-text" => Outcome {
            removals: vec![Removal {
                field: 0,
                entries: vec![0],
            }],
            ..nothing()
        },
        "append-to-a-text" => Outcome {
            appends: vec![Append {
                field: 0,
                rows: vec![0],
                keys: vec![0],
                values: one(vec![TEXT], vec![0]),
            }],
            ..nothing()
        },
        "replace-text-out-of-range" => Outcome {
            replacements: vec![Replacement {
                field: 0,
                old: vec![u32::MAX],
                new: vec![0],
            }],
            ..nothing()
        },
        _ => return None,
    })
}

pub(crate) fn verdicts(context: Context, rows: Vec<u8>) -> Outcome {
    Outcome {
        verdicts: vec![Verdicts { context, rows }],
        ..nothing()
    }
}
