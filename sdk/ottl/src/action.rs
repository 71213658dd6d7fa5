//! What a checked editor does to a row.

mod entries;
mod texts;

use std::ops::Range;
use std::sync::Arc;

use spanmill_sdk::{CellKind, Context};

use crate::cell::{Cell, TEXT};
use crate::datum::{Datum, Failure};
use crate::editor::Change;
use crate::expression::{Arguments, Expression, Scope};
use crate::field::{Field, View};
use crate::frame::Frame;
use crate::memo::{Inputs, Lookup, Memo};
use crate::running::{Failures, Running, held};
use crate::target::{Raw, Target};
pub(crate) use entries::{EntriesEdit, Merge};
use texts::TextEdit;

/// What a checked editor does.
pub(crate) enum Action {
    /// A field gets a value.
    Edit(Box<Edit>),
    /// An attribute goes.
    Remove(Field),
    /// A whole attribute list changes.
    Entries(Box<EntriesEdit>),
    /// A map is put into a whole attribute list.
    Merge(Box<Merge>),
}

/// A field that gets a value.
pub(crate) struct Edit {
    target: Target,
    /// What the new value is made of the old one; without, it is the second argument.
    change: Option<Change>,
    arguments: Arguments,
    /// The field whose cells are the new value as they are.
    copied: Option<Field>,
    /// Whether the new value is arithmetic, and goes into a value as it is.
    is_math: bool,
    /// What its texts become, if nothing else matters.
    texts: Option<TextEdit>,
    memo: Memo<Result<Option<Cell>, Failure>>,
}

/// The field that a target takes its cells from, if that is all there is to do.
fn copied(target: &Target, change: Option<&Change>, arguments: &Arguments) -> Option<Field> {
    let Some((_, Some(Expression::Field(source, keys)))) = arguments.values.get(1) else {
        return None;
    };
    let is_whole = keys.is_empty() && target.keys.is_empty() && change.is_none();
    let is_everywhere = source.of_types.is_none() && target.field.of_types.is_none();
    let is_same = matches!(
        (source.view, target.field.view),
        (View::Text | View::Value, View::Text | View::Value) | (View::Int, View::Int | View::Value)
    );
    (is_whole && is_everywhere && is_same).then(|| source.clone())
}

/// Whether a target takes what arithmetic gives, as it is.
fn takes_math(target: &Target, change: Option<&Change>, arguments: &Arguments) -> bool {
    let value = arguments
        .values
        .get(1)
        .and_then(|(_, value)| value.as_ref());
    let Field { view, of_types, .. } = &target.field;
    value.is_some_and(Expression::is_math)
        && change.is_none()
        && target.keys.is_empty()
        && of_types.is_none()
        && matches!(view, View::Value | View::Int)
}

/// What the texts of a target become, if nothing matters but what stands there.
fn of_texts(target: &Target, change: Option<&Change>) -> Option<TextEdit> {
    let is_plain = matches!(target.field.view, View::Text | View::Value)
        && target.keys.is_empty()
        && target.field.of_types.is_none();
    let of_text = change?.of_text.as_ref().filter(|_| is_plain)?;
    Some(TextEdit::new(Arc::clone(of_text)))
}

impl Edit {
    pub(crate) fn new(target: Target, change: Option<Change>, arguments: Arguments) -> Self {
        let mut inputs = Inputs::default();
        inputs.take(&arguments);
        inputs.read(&target.keys);
        if change.is_some() || target.has_keys() || target.field.of_types.is_some() {
            inputs.field(&target.field);
        }
        Edit {
            copied: copied(&target, change.as_ref(), &arguments),
            is_math: takes_math(&target, change.as_ref(), &arguments),
            texts: of_texts(&target, change.as_ref()),
            target,
            change,
            arguments,
            memo: Memo::new(inputs),
        }
    }

    fn work(&self, scope: &Scope<'_>) -> Result<Option<Raw>, Failure> {
        let new = match (&self.change, self.arguments.values.get(1)) {
            (None, Some((_, Some(value)))) => return self.raw(scope, &value.evaluate(scope)?),
            (None, _) => Datum::Nil,
            (Some(change), _) => {
                let old = self.target.get(scope)?;
                match self
                    .arguments
                    .with(scope, |input| change.apply(&old, input))?
                {
                    Some(new) => new,
                    None => return Ok(None),
                }
            }
        };
        self.raw(scope, &new)
    }

    fn raw(&self, scope: &Scope<'_>, new: &Datum<'_>) -> Result<Option<Raw>, Failure> {
        match new {
            // To set something to nil does nothing.
            Datum::Nil => Ok(None),
            new => self.target.cell(scope, new),
        }
    }

    /// The number that a row gets, where it is worked out quickly.
    fn number(&self, frame: &Frame<'_>, context: Context, row: usize) -> Option<i64> {
        let (_, Some(value)) = self.arguments.values.get(1)? else {
            return None;
        };
        value.whole(&Scope {
            frame,
            context,
            row,
            locals: &[],
        })
    }

    /// The cell that a row gets.
    #[inline]
    fn cell(&mut self, running: &mut Running<'_, '_>, row: usize) -> Result<Option<Cell>, Failure> {
        let context = running.context;
        if let Some(source) = &self.copied {
            let row = running.frame.ancestor(context, source.context, row);
            let cell = running.frame.cell(source.place, row);
            if cell.kind == TEXT || source.view == View::Int {
                return Ok(Some(cell));
            }
            if self.target.field.view == View::Value && source.view == View::Value {
                let is_nil = cell.kind == 0 || cell.kind == CellKind::Empty.number();
                return Ok((!is_nil).then_some(cell));
            }
        }
        if let Some(texts) = &mut self.texts {
            let field = &self.target.field;
            let row = running.frame.ancestor(context, field.context, row);
            let cell = running.frame.cell(field.place, row);
            if cell.kind == TEXT {
                let index = cell.bits as u32;
                let new = texts.becomes(running.frame, index);
                return Ok((new != index).then_some(Cell::text(new)));
            }
        }
        if self.is_math
            && let Some(number) = self.number(running.frame, context, row)
        {
            return Ok(Some(Cell::int(number)));
        }
        match self.memo.look_up(running.frame, context, row) {
            Lookup::Answer(answer) => answer,
            Lookup::Open(ticket) => {
                let scope = Scope {
                    frame: running.frame,
                    context,
                    row,
                    locals: &[],
                };
                let raw = self.work(&scope);
                let cell = raw.map(|raw| raw.map(|raw| raw.into_cell(running.frame)));
                self.memo.store(ticket, cell);
                cell
            }
        }
    }

    #[inline(never)]
    fn run(
        &mut self,
        running: &mut Running<'_, '_>,
        rows: Range<usize>,
        holds: &[u8],
        failures: &mut Failures,
    ) {
        let context = running.context;
        let (of, place) = (self.target.field.context, self.target.field.place);
        let is_all = holds.is_empty() && of == context;
        if is_all
            && self.memo.is_constant()
            && rows.len() == running.frame.rows(of)
            && let Ok(Some(cell)) = self.cell(running, rows.start)
            && running.frame.fill(place, cell)
        {
            return;
        }
        if self.is_math
            && of == context
            && let Some((_, Some(value))) = self.arguments.values.get(1)
            && let Some(numbers) = value.wholes(running.frame, context, rows.clone())
        {
            let start = rows.start;
            for row in held(rows, holds) {
                let number = numbers.get(row - start).copied().unwrap_or(0);
                running
                    .frame
                    .set(place, row, Cell::int(number), running.slots);
            }
            return;
        }
        for row in held(rows, holds) {
            match self.cell(running, row) {
                Ok(None) => {}
                Ok(Some(cell)) => {
                    let row = match of == context {
                        true => row,
                        false => running.frame.ancestor(context, of, row),
                    };
                    running.frame.set(place, row, cell, running.slots);
                }
                Err(why) => failures.note(Err(why)),
            }
        }
    }
}

impl Action {
    /// The context of what it writes.
    pub(crate) fn context(&self) -> Context {
        match self {
            Action::Edit(edit) => edit.target.field.context,
            Action::Remove(field) => field.context,
            Action::Entries(edit) => edit.context(),
            Action::Merge(merge) => merge.context(),
        }
    }

    /// Forgets what was learnt of a batch.
    pub(crate) fn clear(&mut self) {
        match self {
            Action::Edit(edit) => {
                edit.memo.clear();
                if let Some(texts) = &mut edit.texts {
                    texts.clear();
                }
            }
            Action::Remove(_) => {}
            Action::Entries(edit) => edit.clear(),
            Action::Merge(merge) => merge.clear(),
        }
    }

    /// Does it to rows of the context that runs, to those of them that are asked for.
    pub(crate) fn run(
        &mut self,
        running: &mut Running<'_, '_>,
        rows: Range<usize>,
        holds: &[u8],
        failures: &mut Failures,
    ) {
        match self {
            Action::Edit(edit) => edit.run(running, rows, holds, failures),
            Action::Remove(field) => {
                for row in held(rows, holds) {
                    let row = running.frame.ancestor(running.context, field.context, row);
                    let slots = running.slots;
                    running.frame.set(field.place, row, Cell::ABSENT, slots);
                }
            }
            Action::Entries(edit) => {
                for row in held(rows, holds) {
                    failures.note(edit.run(running, row));
                }
            }
            Action::Merge(merge) => {
                for row in held(rows, holds) {
                    failures.note(merge.run(running, row));
                }
            }
        }
    }
}
