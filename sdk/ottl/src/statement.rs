//! A checked statement, and how it runs over rows.

use std::ops::Range;

use crate::action::Action;
use crate::datum::Failure;
use crate::mask::{FAILED, Scratch, Tree, YES};
use crate::running::Running;
use spanmill_sdk::Context;

/// A checked statement.
pub(crate) struct Compiled {
    condition: Option<Tree>,
    /// What is done, each under a condition of its own.
    actions: Vec<(Option<Tree>, Action)>,
    /// On how many rows of this batch it failed.
    pub failures: usize,
    /// Why it failed last.
    pub why: Option<Failure>,
}

impl Compiled {
    pub(crate) fn new(condition: Option<Tree>, actions: Vec<(Option<Tree>, Action)>) -> Self {
        Compiled {
            condition,
            actions,
            failures: 0,
            why: None,
        }
    }

    /// The contexts of what it writes.
    pub(crate) fn writes(&self) -> impl Iterator<Item = Context> + '_ {
        self.actions.iter().map(|(_, action)| action.context())
    }

    /// Forgets what was learnt of a batch.
    pub(crate) fn clear(&mut self) {
        (self.failures, self.why) = (0, None);
        if let Some(condition) = &mut self.condition {
            condition.clear();
        }
        for (condition, action) in &mut self.actions {
            if let Some(condition) = condition {
                condition.clear();
            }
            action.clear();
        }
    }

    /// Runs over rows; of those, over which `asked` says yes, or over all if it says nothing.
    pub(crate) fn run(
        &mut self,
        running: &mut Running<'_, '_>,
        rows: Range<usize>,
        asked: &[u8],
        scratch: &mut Scratch,
    ) {
        let mut mask = scratch.take();
        if let Some(condition) = &mut self.condition {
            let (frame, context) = (&*running.frame, running.context);
            condition.mask(frame, context, rows.clone(), &mut mask, scratch);
            let why = scratch.why.take();
            for (at, answer) in mask.iter().enumerate() {
                let is_asked = asked.is_empty() || asked.get(at) == Some(&YES);
                if is_asked && *answer == FAILED {
                    self.failures += 1;
                    self.why = why;
                }
            }
        }
        for (condition, action) in &mut self.actions {
            let mut own = scratch.take();
            if let Some(condition) = condition {
                let (frame, context) = (&*running.frame, running.context);
                condition.mask(frame, context, rows.clone(), &mut own, scratch);
                scratch.why = None;
            }
            let holds = |mask: &[u8], at: usize| mask.is_empty() || mask.get(at) == Some(&YES);
            for (at, row) in rows.clone().enumerate() {
                if !holds(asked, at) || !holds(&mask, at) || !holds(&own, at) {
                    continue;
                }
                if let Err(why) = action.run(running, row) {
                    self.failures += 1;
                    self.why = Some(why);
                }
            }
            scratch.give(own);
        }
        scratch.give(mask);
    }
}
