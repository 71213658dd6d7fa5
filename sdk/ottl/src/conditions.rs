//! A list of conditions on one context, of which one must hold.

use spanmill_sdk::{ABSENT, Batch, Context, Contract, Level};

use crate::ast::Condition;
use crate::check::Checker;
use crate::error::OttlError;
use crate::frame::Frame;
use crate::functions::CONVERTERS;
use crate::mask::{FAILED, NO, Scratch, Tree, YES};
use crate::mode::ErrorMode;
use crate::parser::parse;
use crate::running::rows_text;
use crate::slots::Slots;

/// A condition failed on a batch, and its error mode is to propagate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("condition {number} of the {context} conditions failed on {}: {why}", rows_text(.rows))]
pub struct EvaluationError {
    /// Which condition, from 1.
    pub number: usize,
    /// The context of the conditions.
    pub context: &'static str,
    /// On how many rows.
    pub rows: usize,
    /// Why, without any value.
    pub why: &'static str,
}

/// Conditions on one context, of which one must hold.
pub struct Conditions {
    context: Context,
    error_mode: ErrorMode,
    slots: Slots,
    list: Vec<Tree>,
    scratch: Scratch,
    mask: Vec<u8>,
    answers: Vec<u8>,
    outcomes: Vec<FirstOutcome>,
    /// For each row of the last evaluation the condition that held first; `None`: nobody wants to know.
    first: Option<Vec<u32>>,
    /// Whether lambdas may be written.
    lambdas: bool,
}

/// What came first when a row was asked all conditions, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstOutcome {
    /// Nothing: no condition holds.
    NoneHolds,
    /// A condition that holds.
    OneHolds,
    /// A condition that could not be evaluated, with an error mode that propagates that.
    Failed,
}

impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conditions")
            .field("context", &self.context)
            .field("error_mode", &self.error_mode)
            .field("count", &self.list.len())
            .finish_non_exhaustive()
    }
}

impl Conditions {
    /// No conditions yet.
    pub fn new(context: Context, error_mode: ErrorMode) -> Self {
        Conditions {
            context,
            error_mode,
            slots: Slots::default(),
            list: Vec::new(),
            scratch: Scratch::default(),
            mask: Vec::new(),
            answers: Vec::new(),
            outcomes: Vec::new(),
            first: None,
            lambdas: false,
        }
    }

    /// Allows lambdas in the conditions that are added from here on.
    pub fn with_lambdas(mut self, allowed: bool) -> Self {
        self.lambdas = allowed;
        self
    }

    /// Has [`Conditions::evaluate`] keep which condition held first in each row.
    pub fn keep_first(&mut self, on: bool) {
        self.first = on.then(Vec::new);
    }

    /// The number, from 0, of the condition that held first in a row of the last evaluation, if that was kept.
    pub fn first_in(&self, row: usize) -> Option<usize> {
        let first = *self.first.as_ref()?.get(row)?;
        (first != ABSENT).then_some(first as usize)
    }

    /// The context whose rows are asked about.
    pub fn context(&self) -> Context {
        self.context
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a condition, whose paths need not name the context, and declares the columns it reads.
    pub fn add(&mut self, text: &str, contract: &mut Contract) -> Result<(), OttlError> {
        self.add_parsed(&parse(text)?, false, contract)
    }

    /// Adds a condition that is parsed already; with `prefixed`, every path must name its context.
    pub fn add_parsed(
        &mut self,
        condition: &Condition,
        prefixed: bool,
        contract: &mut Contract,
    ) -> Result<(), OttlError> {
        // A condition that fails its check must not leave reads behind.
        let mut checked = contract.clone();
        let mut slots = self.slots.clone();
        let mut checker = Checker {
            context: self.context,
            prefixed,
            lambdas: self.lambdas,
            functions: CONVERTERS,
            slots: &mut slots,
            contract: &mut checked,
            locals: Vec::new(),
        };
        let test = checker.condition(condition)?;
        self.list.push(Tree::new(test, self.context));
        self.slots = slots;
        // A host sends the table of a context that something is read of.
        if self.context == Context::SpanEvent
            && !checked
                .reads()
                .iter()
                .any(|path| path.starts_with("spanevent."))
        {
            checked.read_narrow("spanevent.dropped_attributes_count");
        }
        *contract = checked;
        Ok(())
    }

    /// For each row of the context, 1 if a condition holds, else 0. Failures on rows where `skip` is not 0
    /// (empty: none) do not count.
    pub fn evaluate(&mut self, batch: &Batch<'_>, skip: &[u8]) -> Result<&[u8], EvaluationError> {
        let count = batch.rows(self.context);
        let frame = Frame::new(&self.slots, batch);
        self.answers.clear();
        self.answers.resize(count, NO);
        if let Some(first) = &mut self.first {
            first.clear();
            first.resize(count, ABSENT);
        }
        for (place, tree) in self.list.iter_mut().enumerate() {
            tree.clear();
            tree.mask(
                &frame,
                self.context,
                0..count,
                &mut self.mask,
                &mut self.scratch,
            );
            if let Some(first) = &mut self.first {
                let rows = first.iter_mut().zip(&self.mask);
                rows.filter(|(first, mask)| **first == ABSENT && **mask == YES)
                    .for_each(|(first, _)| *first = place as u32);
            }
            let Some(why) = self.scratch.why.take() else {
                for (answer, &mask) in self.answers.iter_mut().zip(&self.mask) {
                    *answer |= mask;
                }
                continue;
            };
            let mut rows = 0;
            for (row, (answer, &mask)) in self.answers.iter_mut().zip(&self.mask).enumerate() {
                let asked = *answer == NO && skip.get(row).is_none_or(|&skip| skip == 0);
                rows += usize::from(asked && mask == FAILED);
                *answer |= u8::from(mask == YES);
            }
            if rows == 0 {
                continue;
            }
            let error = EvaluationError {
                number: place + 1,
                context: self.context.prefix(),
                rows,
                why,
            };
            match self.error_mode {
                ErrorMode::Propagate => return Err(error),
                ErrorMode::Ignore => spanmill_sdk::log(Level::Warn, &error.to_string()),
                ErrorMode::Silent => {}
            }
        }
        Ok(&self.answers)
    }

    /// For each row of the context what came first: a condition that holds, or one that fails. With an error mode that
    /// does not propagate, conditions that fail do not hold.
    pub fn first_outcomes(&mut self, batch: &Batch<'_>) -> &[FirstOutcome] {
        let count = batch.rows(self.context);
        let frame = Frame::new(&self.slots, batch);
        self.outcomes.clear();
        self.outcomes.resize(count, FirstOutcome::NoneHolds);
        for (place, tree) in self.list.iter_mut().enumerate() {
            tree.clear();
            tree.mask(
                &frame,
                self.context,
                0..count,
                &mut self.mask,
                &mut self.scratch,
            );
            let why = self.scratch.why.take();
            let mut failed = 0;
            for (outcome, &mask) in self.outcomes.iter_mut().zip(&self.mask) {
                if *outcome != FirstOutcome::NoneHolds {
                    continue;
                }
                if mask == YES {
                    *outcome = FirstOutcome::OneHolds;
                } else if mask == FAILED {
                    failed += 1;
                    if self.error_mode == ErrorMode::Propagate {
                        *outcome = FirstOutcome::Failed;
                    }
                }
            }
            if let (Some(why), 1.., false) = (why, failed, self.error_mode == ErrorMode::Silent) {
                let error = EvaluationError {
                    number: place + 1,
                    context: self.context.prefix(),
                    rows: failed,
                    why,
                };
                spanmill_sdk::log(Level::Warn, &error.to_string());
            }
        }
        &self.outcomes
    }
}

#[cfg(test)]
mod tests;
