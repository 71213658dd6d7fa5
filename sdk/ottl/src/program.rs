//! Groups of statements, each on one context, which run over a batch one after the other.

use std::collections::HashSet;

use spanmill_sdk::{Batch, Context, Contract, Level, Outcome, Signal};

use crate::ast::{Condition, Key, Met, Path, Statement, Value};
use crate::check::Checker;
use crate::contexts::named;
use crate::edits::write_edits;
use crate::error::OttlError;
use crate::frame::{Frame, hash};
use crate::functions::CONVERTERS;
use crate::mask::{FAILED, NO, Scratch, Tree, YES};
use crate::mode::ErrorMode;
use crate::running::{Running, rows_text};
use crate::slots::Slots;
use crate::statement::Compiled;

/// Statements as they were written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The signal whose batches they run over.
    pub signal: Signal,
    /// What they run for.
    pub context: Context,
    /// Whether each path must name its context.
    pub prefixed: bool,
    /// What happens where one fails.
    pub error_mode: ErrorMode,
    /// What they are called in messages: `trace_statements`.
    pub name: String,
    /// One of these must hold for a row; none: they run for all.
    pub conditions: Vec<Condition>,
    /// What is done, in this order.
    pub statements: Vec<Statement>,
}

/// Where in a [`Written`] a mistake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The condition with this number, from 0.
    Condition(usize),
    /// The statement with this number, from 0.
    Statement(usize),
}

/// A mistake in a group of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Which group, from 0.
    pub group: usize,
    /// Where in it.
    pub part: Part,
    /// What is wrong.
    pub error: OttlError,
}

/// A statement failed on a batch, and its error mode is to propagate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {number} of {name} ({context}) failed on {}: {why}", rows_text(.rows))]
pub struct StatementError {
    /// `statement` or `condition`.
    pub what: &'static str,
    /// Which, from 1.
    pub number: usize,
    /// The name of the group.
    pub name: String,
    /// What it ran for.
    pub context: &'static str,
    /// On how many rows.
    pub rows: usize,
    /// Why, without any value.
    pub why: &'static str,
}

/// Groups of statements.
#[derive(Default)]
pub struct Program {
    slots: Slots,
    groups: Vec<Group>,
    scratch: Scratch,
    asked: Vec<u8>,
    mask: Vec<u8>,
    /// How many unique ids were given out.
    unique: u64,
}

struct Group {
    signal: Signal,
    context: Context,
    error_mode: ErrorMode,
    name: String,
    conditions: Vec<Tree>,
    statements: Vec<Compiled>,
    /// Whether a row must see what the rows before it did.
    by_row: bool,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("slots", &self.slots.list.len())
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

/// Whether a path means attributes as a whole, or one of them by a key that is known only when it runs.
fn is_whole(path: &Path, context: Context) -> Option<Context> {
    let named = named(path);
    let context = named.context.unwrap_or(context);
    let [segment] = named.rest else {
        return None;
    };
    let is_attributes = segment.name == context.attributes();
    let by_key = matches!(segment.keys.first(), Some(Key::Text(_)));
    (is_attributes && !by_key).then_some(context)
}

/// The contexts whose attributes a statement needs as whole lists.
fn whole(statement: &Statement, context: Context, found: &mut HashSet<Context>) {
    // A key that is known is deleted without looking at the others.
    let arguments = statement.editor.arguments.as_slice();
    let spared = match arguments {
        [target, key] if statement.editor.name == "delete_key" => match (&target.value, &key.value)
        {
            (Value::Path(path), Value::Text(_)) => Some(path),
            _ => None,
        },
        _ => None,
    };
    statement.walk(&mut |met| {
        if let Met::Path(path) = met
            && !spared.is_some_and(|spared| std::ptr::eq(spared, path))
        {
            found.extend(is_whole(path, context));
        }
    });
}

fn whole_of_condition(condition: &Condition, context: Context, found: &mut HashSet<Context>) {
    condition.walk(&mut |met| {
        if let Met::Path(path) = met {
            found.extend(is_whole(path, context));
        }
    });
}

impl Program {
    /// Checks groups of statements, and declares the columns that they read and write.
    ///
    /// # Errors
    ///
    /// Every mistake that there is.
    pub fn new(
        groups: &[Written],
        lambdas: bool,
        contract: &mut Contract,
    ) -> Result<Self, Vec<Mistake>> {
        let mut program = Program::default();
        let mut found = HashSet::new();
        for group in groups {
            for statement in &group.statements {
                whole(statement, group.context, &mut found);
                let text = format!("{statement:?}");
                program.slots.salt ^= hash(text.as_bytes()).rotate_left(7);
            }
            for condition in &group.conditions {
                whole_of_condition(condition, group.context, &mut found);
            }
        }
        program.slots.whole = found.into_iter().collect();
        program.slots.whole.sort();
        let mut mistakes = Vec::new();
        for (number, written) in groups.iter().enumerate() {
            let mut group = Group {
                signal: written.signal,
                context: written.context,
                error_mode: written.error_mode,
                name: written.name.clone(),
                conditions: Vec::new(),
                statements: Vec::new(),
                by_row: false,
            };
            let mut checker = Checker {
                context: written.context,
                prefixed: written.prefixed,
                lambdas,
                functions: CONVERTERS,
                slots: &mut program.slots,
                contract,
                locals: Vec::new(),
            };
            let mut mistake = |part, error| {
                mistakes.push(Mistake {
                    group: number,
                    part,
                    error,
                });
            };
            for (at, condition) in written.conditions.iter().enumerate() {
                match checker.condition(condition) {
                    Ok(test) => group.conditions.push(Tree::new(test, written.context)),
                    Err(error) => mistake(Part::Condition(at), error),
                }
            }
            for (at, statement) in written.statements.iter().enumerate() {
                match checker.statement(statement) {
                    Ok(compiled) => {
                        group.by_row |= compiled.writes().any(|of| of != written.context);
                        group.statements.push(compiled);
                    }
                    Err(error) => mistake(Part::Statement(at), error),
                }
            }
            // A host sends the table of a context that something is read of.
            let prefix = format!("{}.", written.context.prefix());
            let is_read = contract
                .reads()
                .iter()
                .any(|path| path.starts_with(&prefix));
            if written.context == Context::SpanEvent && !is_read {
                contract.read_narrow("spanevent.dropped_attributes_count");
            }
            program.groups.push(group);
        }
        match mistakes.is_empty() {
            true => Ok(program),
            false => Err(mistakes),
        }
    }

    /// Runs the groups of the batch's signal over it, and says in the outcome what they changed. How many rows statements
    /// failed on is what it gives.
    ///
    /// # Errors
    ///
    /// The first statement that failed, if its error mode is to propagate.
    pub fn run(
        &mut self,
        batch: &Batch<'_>,
        outcome: &mut Outcome,
    ) -> Result<usize, StatementError> {
        let mut frame = Frame::new(&self.slots, batch);
        frame.unique.set(self.unique);
        let mut failures = 0;
        for group in &mut self.groups {
            if group.signal != batch.signal || frame.rows(group.context) == 0 {
                continue;
            }
            frame.clear_caches();
            for tree in &mut group.conditions {
                tree.clear();
            }
            group.statements.iter_mut().for_each(Compiled::clear);
            let mut running = Running {
                frame: &mut frame,
                slots: &self.slots,
                context: group.context,
            };
            let count = running.frame.rows(group.context);
            let mut failed = vec![(0, None); group.conditions.len()];
            let step = if group.by_row { 1 } else { count };
            for start in (0..count).step_by(step) {
                let rows = start..start + step;
                self.asked.clear();
                if !group.conditions.is_empty() {
                    self.asked.resize(rows.len(), NO);
                }
                for (tree, failed) in group.conditions.iter_mut().zip(&mut failed) {
                    let context = group.context;
                    tree.mask(
                        running.frame,
                        context,
                        rows.clone(),
                        &mut self.mask,
                        &mut self.scratch,
                    );
                    let why = self.scratch.why.take();
                    for (asked, &answer) in self.asked.iter_mut().zip(&self.mask) {
                        if *asked == NO && answer == FAILED {
                            *failed = (failed.0 + 1, failed.1.or(why));
                        }
                        *asked |= u8::from(answer == YES);
                    }
                }
                if !self.asked.is_empty() && !self.asked.contains(&YES) {
                    continue;
                }
                for statement in &mut group.statements {
                    statement.run(&mut running, rows.clone(), &self.asked, &mut self.scratch);
                }
            }
            for (at, (rows, why)) in failed.into_iter().enumerate() {
                failures += group.report("condition", at, rows, why)?;
            }
            for (at, statement) in group.statements.iter().enumerate() {
                failures += group.report(
                    "statement",
                    at,
                    statement.failures.count,
                    statement.failures.why,
                )?;
            }
        }
        self.unique = frame.unique.get();
        write_edits(&frame, &self.slots, outcome);
        Ok(failures)
    }
}

impl Group {
    /// Says that something failed, as its error mode wants it.
    fn report(
        &self,
        what: &'static str,
        at: usize,
        rows: usize,
        why: Option<&'static str>,
    ) -> Result<usize, StatementError> {
        let (1.., Some(why)) = (rows, why) else {
            return Ok(0);
        };
        let error = StatementError {
            what,
            number: at + 1,
            name: self.name.clone(),
            context: self.context.prefix(),
            rows,
            why,
        };
        match self.error_mode {
            ErrorMode::Propagate => return Err(error),
            ErrorMode::Ignore => spanmill_sdk::log(Level::Warn, &error.to_string()),
            ErrorMode::Silent => {}
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests;
