//! Editors of whole attribute lists: entry by entry, each key and each value looked at once.

use std::sync::Arc;

use spanmill_sdk::{ABSENT, Context, nested};

use super::texts::TextEdit;
use crate::cell::{Cell, TEXT};
use crate::datum::{Datum, Failure};
use crate::editor::MapChange;
use crate::editors::Strategy;
use crate::expression::{Arguments, Scope};
use crate::field::Field;
use crate::frame::{Entry, Frame};
use crate::memo::{Inputs, Known, Lookup, Memo};
use crate::running::Running;
use crate::slots::Slots;
use crate::target::Raw;

/// A whole attribute list that changes.
pub(crate) struct EntriesEdit {
    field: Field,
    change: MapChange,
    arguments: Arguments,
    /// What texts become, if nothing else changes.
    texts: Option<TextEdit>,
    /// Whether a key stays.
    stays: Known<bool>,
    /// What a value becomes.
    values: Known<Result<Option<Cell>, Failure>>,
    /// What a key becomes.
    keys: Known<Result<Option<u32>, Failure>>,
    row: Vec<Entry>,
}

/// The attributes of a row.
fn row_of(frame: &Frame<'_>, slot: usize, row: usize, out: &mut Vec<Entry>) {
    out.clear();
    if let Some(entries) = frame.entries(slot) {
        out.extend(entries.row(row));
    }
}

/// The entries of an encoded map, with their keys and texts in the pool.
fn entries_of(
    frame: &mut Frame<'_>,
    slots: &Slots,
    map: &[u8],
) -> Result<Vec<(u32, Cell)>, Failure> {
    let mut entries = Vec::new();
    for (key, value) in nested::entries(map) {
        let key = frame.key_of(key, slots);
        let cell = Raw::of(&Datum::from_value(value))?.into_cell(frame);
        entries.push((key, cell));
    }
    Ok(entries)
}

/// Puts entries into a row.
fn merge(row: &mut Vec<Entry>, entries: &[(u32, Cell)], strategy: Strategy) {
    if strategy == Strategy::Replace {
        row.retain(|entry| entries.iter().any(|(key, _)| *key == entry.key));
    }
    for &(key, cell) in entries {
        match row.iter_mut().find(|entry| entry.key == key) {
            Some(_) if strategy == Strategy::Insert => {}
            Some(entry) => entry.cell = cell,
            None if strategy == Strategy::Update => {}
            None => row.push(Entry {
                key,
                cell,
                origin: ABSENT,
            }),
        }
    }
}

/// Writes a row if it is another than before.
fn put(frame: &mut Frame<'_>, slot: usize, row: usize, new: &[Entry]) {
    if let Some(entries) = frame.entries_mut(slot)
        && !entries.row(row).eq(new.iter().copied())
    {
        entries.put(row, new);
    }
}

impl EntriesEdit {
    pub(crate) fn new(field: Field, change: MapChange, arguments: Arguments) -> Self {
        let texts = match &change {
            MapChange::Texts(of_text) => Some(TextEdit::new(Arc::clone(of_text))),
            _ => None,
        };
        EntriesEdit {
            field,
            change,
            arguments,
            texts,
            stays: Known::default(),
            values: Known::default(),
            keys: Known::default(),
            row: Vec::new(),
        }
    }

    pub(super) fn context(&self) -> Context {
        self.field.context
    }

    pub(super) fn clear(&mut self) {
        self.stays.clear();
        self.values.clear();
        self.keys.clear();
        if let Some(texts) = &mut self.texts {
            texts.clear();
        }
    }

    pub(super) fn run(&mut self, running: &mut Running<'_, '_>, of: usize) -> Result<(), Failure> {
        let Running {
            frame,
            slots,
            context,
        } = running;
        let slot = self.field.place.slot;
        let row = frame.ancestor(*context, self.field.context, of);
        if !matches!(self.change, MapChange::Retain(_)) {
            row_of(frame, slot, row, &mut self.row);
        }
        match &self.change {
            MapChange::Retain(stays) => {
                let known = &mut self.stays;
                let Some(entries) = frame.entries(slot) else {
                    return Ok(());
                };
                self.row.clear();
                let mut count = 0;
                for entry in entries.row(row) {
                    count += 1;
                    let answer = match known.of_cell(Cell::text(entry.key)) {
                        Lookup::Answer(answer) => answer,
                        Lookup::Open(ticket) => {
                            let answer = stays(frame.pool.text(entry.key));
                            known.store(ticket, answer);
                            answer
                        }
                    };
                    if answer {
                        self.row.push(entry);
                    }
                }
                if self.row.len() < count
                    && let Some(entries) = frame.entries_mut(slot)
                {
                    entries.put(row, &self.row);
                }
                return Ok(());
            }
            MapChange::Values(becomes, only_texts) => {
                let mut any = false;
                for entry in &mut self.row {
                    if *only_texts && entry.cell.kind != TEXT {
                        continue;
                    }
                    let answer = match self.values.of_cell(entry.cell) {
                        Lookup::Answer(answer) => answer,
                        Lookup::Open(ticket) => {
                            let value = Datum::from_value(frame.value(entry.cell));
                            let raw = becomes(&value)
                                .and_then(|new| new.map(|new| Raw::of(&new)).transpose());
                            let answer = raw.map(|raw| raw.map(|raw| raw.into_cell(frame)));
                            self.values.store(ticket, answer);
                            answer
                        }
                    };
                    if let Some(cell) = answer? {
                        any = true;
                        entry.cell = cell;
                    }
                }
                if !any {
                    return Ok(());
                }
            }
            MapChange::Texts(_) => {
                let Some(texts) = &mut self.texts else {
                    return Ok(());
                };
                let mut any = false;
                for entry in &mut self.row {
                    if entry.cell.kind != TEXT {
                        continue;
                    }
                    let index = entry.cell.bits as u32;
                    let new = texts.becomes(frame, index);
                    if new != index {
                        any = true;
                        entry.cell = Cell::text(new);
                    }
                }
                if !any {
                    return Ok(());
                }
            }
            MapChange::Keys(becomes) => {
                let mut any = false;
                let mut new: Vec<Entry> = Vec::with_capacity(self.row.len());
                for entry in &self.row {
                    let answer = match self.keys.of_cell(Cell::text(entry.key)) {
                        Lookup::Answer(answer) => answer,
                        Lookup::Open(ticket) => {
                            let key = becomes(frame.pool.text(entry.key));
                            let key = key.map(|key| key.map(|key| frame.key_of(&key, slots)));
                            self.keys.store(ticket, key);
                            key
                        }
                    }?;
                    any |= answer.is_some();
                    let mut entry = *entry;
                    if let Some(key) = answer.filter(|&key| key != entry.key) {
                        entry = Entry {
                            key,
                            origin: ABSENT,
                            ..entry
                        };
                    }
                    match new.iter_mut().find(|known| known.key == entry.key) {
                        Some(known) => known.cell = entry.cell,
                        None => new.push(entry),
                    }
                }
                if !any {
                    return Ok(());
                }
                self.row = new;
            }
            MapChange::Limit(limit, priority) => {
                if self.row.len() <= *limit {
                    return Ok(());
                }
                let is_first = |entry: &Entry| {
                    let key = frame.pool.text(entry.key);
                    priority.iter().any(|first| first == key)
                };
                let mut count = self.row.iter().filter(|entry| is_first(entry)).count();
                self.row.retain(|entry| {
                    if is_first(entry) {
                        return true;
                    }
                    count += 1;
                    count <= *limit
                });
            }
            MapChange::Whole(change) => {
                let map = Datum::Map(frame.map(slot, row).into());
                let scope = Scope {
                    frame,
                    context: *context,
                    row: of,
                    locals: &[],
                };
                let new = self
                    .arguments
                    .with(&scope, |input| change.apply(&map, input))?;
                let Some(Datum::Map(new)) = new else {
                    return Ok(());
                };
                let entries = entries_of(frame, slots, &new)?;
                merge(&mut self.row, &entries, Strategy::Replace);
            }
        }
        put(frame, slot, row, &self.row);
        Ok(())
    }
}

/// The entries of a map, with their keys and texts in the pool.
type Entries = Result<Option<Arc<[(u32, Cell)]>>, Failure>;

/// A map that is put into a whole attribute list.
pub(crate) struct Merge {
    field: Field,
    strategy: Strategy,
    arguments: Arguments,
    memo: Memo<Entries>,
    row: Vec<Entry>,
}

impl Merge {
    pub(crate) fn new(field: Field, strategy: Strategy, arguments: Arguments) -> Self {
        let mut inputs = Inputs::default();
        inputs.take(&arguments);
        Merge {
            field,
            strategy,
            arguments,
            memo: Memo::new(inputs),
            row: Vec::new(),
        }
    }

    pub(super) fn context(&self) -> Context {
        self.field.context
    }

    pub(super) fn clear(&mut self) {
        self.memo.clear();
    }

    pub(super) fn run(&mut self, running: &mut Running<'_, '_>, of: usize) -> Result<(), Failure> {
        let Running {
            frame,
            slots,
            context,
        } = running;
        let source = match self.memo.look_up(frame, *context, of) {
            Lookup::Answer(answer) => answer?,
            Lookup::Open(ticket) => {
                let scope = Scope {
                    frame,
                    context: *context,
                    row: of,
                    locals: &[],
                };
                let map = self.arguments.with(&scope, |input| match input.value(1) {
                    Datum::Map(map) => Ok(Some(map.to_vec())),
                    // To set something to nil does nothing.
                    Datum::Nil if self.strategy == Strategy::Replace => Ok(None),
                    _ => Err("attributes are set to a map, not to a value of another type"),
                });
                let entries = map.and_then(|map| match map {
                    Some(map) => Ok(Some(entries_of(frame, slots, &map)?.into())),
                    None => Ok(None),
                });
                self.memo.store(ticket, entries.clone());
                entries?
            }
        };
        let Some(source) = source else {
            return Ok(());
        };
        let slot = self.field.place.slot;
        let row = frame.ancestor(*context, self.field.context, of);
        row_of(frame, slot, row, &mut self.row);
        merge(&mut self.row, &source, self.strategy);
        put(frame, slot, row, &self.row);
        Ok(())
    }
}
