//! What a checked editor does to a row.

mod entries;

use spanmill_sdk::Context;

use crate::cell::Cell;
use crate::datum::{Datum, Failure};
use crate::editor::Change;
use crate::expression::{Arguments, Scope};
use crate::field::Field;
use crate::memo::{Inputs, Lookup, Memo};
use crate::running::Running;
use crate::target::{Raw, Target};
pub(crate) use entries::{EntriesEdit, Merge};

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
    memo: Memo<Result<Option<Cell>, Failure>>,
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
            target,
            change,
            arguments,
            memo: Memo::new(inputs),
        }
    }

    fn work(&self, scope: &Scope<'_>) -> Result<Option<Raw>, Failure> {
        let new = match &self.change {
            None => self
                .arguments
                .with(scope, |input| Ok(Some(input.value(1).clone().into_owned())))?,
            Some(change) => {
                let old = self.target.get(scope)?;
                self.arguments.with(scope, |input| change(&old, input))?
            }
        };
        match new {
            None | Some(Datum::Nil) => Ok(None),
            Some(new) => self.target.cell(scope, &new),
        }
    }

    fn run(&mut self, running: &mut Running<'_, '_>, row: usize) -> Result<(), Failure> {
        let context = running.context;
        let cell = match self.memo.look_up(running.frame, context, row) {
            Lookup::Answer(answer) => answer?,
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
                cell?
            }
        };
        if let Some(cell) = cell {
            let field = &self.target.field;
            let row = running.frame.ancestor(context, field.context, row);
            running.frame.set(field.place, row, cell, running.slots);
        }
        Ok(())
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
            Action::Edit(edit) => edit.memo.clear(),
            Action::Remove(_) => {}
            Action::Entries(edit) => edit.clear(),
            Action::Merge(merge) => merge.clear(),
        }
    }

    /// Does it to a row of the context that runs.
    pub(crate) fn run(&mut self, running: &mut Running<'_, '_>, row: usize) -> Result<(), Failure> {
        match self {
            Action::Edit(edit) => edit.run(running, row),
            Action::Remove(field) => {
                let row = running.frame.ancestor(running.context, field.context, row);
                running
                    .frame
                    .set(field.place, row, Cell::ABSENT, running.slots);
                Ok(())
            }
            Action::Entries(edit) => edit.run(running, row),
            Action::Merge(merge) => merge.run(running, row),
        }
    }
}
