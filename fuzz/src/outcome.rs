//! Any outcome to any request: it is refused and changes nothing, or what is left is OTLP.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use spanmill_otlp::{
    Append, BatchView, CellColumn, EntryWrite, Groups, Outcome, Pool, Removal, Replacement,
    Request, Verdicts, Workspace, Write,
};

use crate::export::Export;
use crate::{with_workspace, written};

const TEXTS: [&[u8]; 6] = [b"", b"****", b"k1", b"GET /1", b"\x0a\x02\x18\x01", b"\xff"];

/// Numbers that mostly obey the rules: below a bound, in order.
fn numbers(u: &mut Unstructured<'_>, bound: u32) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for _ in 0..u.int_in_range(0..=6)? {
        numbers.push(u.int_in_range(0..=bound)?);
    }
    if u.ratio(15, 16)? {
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|number| *number < bound);
    }
    Ok(numbers)
}

fn cells(u: &mut Unstructured<'_>, count: usize, texts: u32) -> Result<CellColumn> {
    let mut cells = CellColumn::default();
    let count = if u.ratio(1, 16)? { count + 1 } else { count };
    let kind = u.int_in_range(0..=9)?;
    for _ in 0..count {
        let kind = if u.ratio(1, 4)? {
            u.int_in_range(0..=9)?
        } else {
            kind
        };
        cells.kinds.push(kind);
        cells.bits.push(match kind {
            1 | 5 | 6 | 7 => u64::from(u.int_in_range(0..=texts)?),
            2 => u64::from(u.arbitrary::<bool>()?),
            3 => u64::from(u.arbitrary::<u32>()?),
            _ => u.arbitrary()?,
        });
    }
    Ok(cells)
}

fn outcome<E: Export>(
    u: &mut Unstructured<'_>,
    view: &BatchView<'_>,
    fields: u32,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for _ in 0..u.int_in_range(0..=4)? {
        outcome.texts.bytes.extend_from_slice(u.choose(&TEXTS)?);
        outcome.texts.ends.push(outcome.texts.bytes.len() as u32);
    }
    if u.ratio(1, 32)? {
        outcome.texts = Pool {
            ends: u.arbitrary()?,
            bytes: u.arbitrary()?,
        };
    }
    let texts = (view.texts.ends.len() + outcome.texts.ends.len()) as u32;
    let rows = |u: &mut Unstructured<'_>| -> Result<u32> {
        Ok(u.choose(&view.tables).map_or(0, |table| table.rows))
    };
    for _ in 0..u.int_in_range(0..=3)? {
        let field = u.int_in_range(0..=fields)?;
        let rows = rows(u)?;
        match u.int_in_range(0..=5)? {
            0 => {
                let table = u.choose(&view.tables)?;
                let verdicts = (0..table.rows)
                    .map(|_| u.int_in_range(0..=1))
                    .collect::<Result<_>>()?;
                let context = if u.ratio(15, 16)? {
                    table.context
                } else {
                    E::SIGNAL.item()
                };
                outcome.verdicts.push(Verdicts {
                    context,
                    rows: verdicts,
                });
            }
            1 => {
                let rows = numbers(u, rows)?;
                let count = if u.arbitrary()? { 1 } else { rows.len() };
                outcome.writes.push(Write {
                    field,
                    values: cells(u, count, texts)?,
                    rows,
                });
            }
            2 => {
                let entries = numbers(u, 12)?;
                let values = cells(u, entries.len(), texts)?;
                outcome.entry_writes.push(EntryWrite {
                    field,
                    entries,
                    values,
                });
            }
            3 => {
                let old = numbers(u, view.texts.ends.len() as u32)?;
                let new = (0..old.len())
                    .map(|_| u.int_in_range(0..=texts))
                    .collect::<Result<_>>()?;
                outcome.replacements.push(Replacement { field, old, new });
            }
            4 => outcome.removals.push(Removal {
                field,
                entries: numbers(u, 12)?,
            }),
            _ => {
                let rows = numbers(u, rows)?;
                let keys = (0..rows.len())
                    .map(|_| u.int_in_range(0..=texts))
                    .collect::<Result<_>>()?;
                let values = cells(u, rows.len(), texts)?;
                outcome.appends.push(Append {
                    field,
                    keys,
                    values,
                    rows,
                });
            }
        }
    }
    if u.ratio(1, 3)? {
        outcome.groups = Some(Box::new(groups::<E>(u, view)?));
    }
    Ok(outcome)
}

/// Groups that mostly obey the rules.
fn groups<E: Export>(u: &mut Unstructured<'_>, view: &BatchView<'_>) -> Result<Groups> {
    let mut groups = Groups::default();
    for _ in 0..u.int_in_range(0..=3)? {
        groups.texts.bytes.extend_from_slice(u.choose(&TEXTS)?);
        groups.texts.ends.push(groups.texts.bytes.len() as u32);
    }
    let texts = (view.texts.ends.len() + groups.texts.ends.len()) as u32;
    for _ in 0..u.int_in_range(0..=3)? {
        for _ in 0..u.int_in_range(0..=3)? {
            groups.keys.push(u.int_in_range(0..=texts)?);
        }
        groups.ends.push(groups.keys.len() as u32);
    }
    groups.values = cells(u, groups.keys.len(), texts)?;
    let items = view
        .tables
        .iter()
        .find(|table| table.context == E::SIGNAL.item());
    if u.ratio(7, 8)? {
        for _ in 0..items.map_or(0, |table| table.rows) {
            let group = u.int_in_range(0..=groups.ends.len() as u32)?;
            let stays = group as usize == groups.ends.len() && !u.ratio(1, 64)?;
            groups.of_each.push(if stays { u32::MAX } else { group });
        }
    }
    Ok(groups)
}

/// A request, one of those built in or the bytes at hand.
fn request<E: Export>(u: &mut Unstructured<'_>) -> Result<Option<Request>> {
    let bytes = match u.int_in_range(0..=7u8)? {
        own @ 0..=5 => E::seed(own).encode_to_vec(),
        _ => {
            let length = usize::from(u.arbitrary::<u16>()?).min(u.len());
            u.bytes(length)?.to_vec()
        }
    };
    Ok(Request::parse(E::SIGNAL, bytes.into()).ok())
}

/// Checks one input.
pub fn check<E: Export>(data: &[u8]) {
    // Running out of bytes ends a run, and is no finding.
    let _ = run::<E>(&mut Unstructured::new(data));
}

fn run<E: Export>(u: &mut Unstructured<'_>) -> Result<()> {
    let Some(request) = request::<E>(u)? else {
        return Ok(());
    };
    let bytes = request.bytes().clone();
    with_workspace(|workspace| chain::<E>(u, workspace, request, bytes))
}

fn chain<E: Export>(
    u: &mut Unstructured<'_>,
    workspace: &mut Workspace,
    request: Request,
    bytes: Bytes,
) -> Result<()> {
    workspace.load(request, 1).unwrap();
    let mut refused = true;
    for (stage, fields) in written().into_iter().enumerate() {
        let view = workspace.view(stage).unwrap();
        let outcome = outcome::<E>(u, &view, fields)?;
        let before = workspace.item_count();
        let applied = workspace.apply(stage, &outcome);
        let gone = applied.as_ref().map_or(0, |applied| applied.dropped_items);
        assert_eq!(workspace.item_count(), before - gone, "an item is lost");
        refused &= applied.is_err();
        workspace.view(stage).unwrap();
    }
    let left = workspace.splice();
    if refused {
        assert_eq!(left.bytes, bytes, "a refused outcome changed something");
    }
    let decoded = E::decode(left.bytes.clone()).expect("what is left is OTLP");
    assert_eq!(decoded.items(), left.items);
    Request::parse(E::SIGNAL, left.bytes).expect("what is left is a request");
    Ok(())
}

/// The bytes of a seed request are long; outcomes are made of the few hundred bytes behind them.
pub fn inputs() -> impl Iterator<Item = Vec<u8>> {
    (0..12u8).map(|number| {
        (0..400u32)
            .map(|at| (at.wrapping_mul(u32::from(number) * 37 + 101) >> 3) as u8)
            .collect()
    })
}
