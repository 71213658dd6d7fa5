//! A checked statement, and how it runs over rows.

use std::ops::Range;

use crate::action::Action;
use crate::mask::{FAILED, Scratch, Tree, YES};
use crate::running::{Failures, Running};
use spanmill_sdk::Context;

/// A checked statement.
pub(crate) struct Compiled {
    condition: Option<Tree>,
    /// What is done, each under a condition of its own.
    actions: Vec<(Option<Tree>, Action)>,
    /// Where it failed in this batch.
    pub failures: Failures,
}

impl Compiled {
    pub(crate) fn new(condition: Option<Tree>, actions: Vec<(Option<Tree>, Action)>) -> Self {
        Compiled {
            condition,
            actions,
            failures: Failures::default(),
        }
    }

    /// The contexts of what it writes.
    pub(crate) fn writes(&self) -> impl Iterator<Item = Context> + '_ {
        self.actions.iter().map(|(_, action)| action.context())
    }

    /// Forgets what was learnt of a batch.
    pub(crate) fn clear(&mut self) {
        self.failures = Failures::default();
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
        let mut holds = scratch.take();
        if let Some(condition) = &mut self.condition {
            let (frame, context) = (&*running.frame, running.context);
            condition.mask(frame, context, rows.clone(), &mut holds, scratch);
            let why = scratch.why.take();
            for (at, answer) in holds.iter_mut().enumerate() {
                let is_asked = asked.is_empty() || asked.get(at) == Some(&YES);
                if is_asked && *answer == FAILED {
                    self.failures.count += 1;
                    self.failures.why = self.failures.why.or(why);
                }
                *answer = u8::from(is_asked && *answer == YES);
            }
        } else {
            holds.extend_from_slice(asked);
        }
        for (condition, action) in &mut self.actions {
            let Some(condition) = condition else {
                action.run(running, rows.clone(), &holds, &mut self.failures);
                continue;
            };
            let mut own = scratch.take();
            let (frame, context) = (&*running.frame, running.context);
            condition.mask(frame, context, rows.clone(), &mut own, scratch);
            scratch.why = None;
            for (at, answer) in own.iter_mut().enumerate() {
                let is_asked = holds.is_empty() || holds.get(at) == Some(&YES);
                *answer = u8::from(is_asked && *answer == YES);
            }
            action.run(running, rows.clone(), &own, &mut self.failures);
            scratch.give(own);
        }
        scratch.give(holds);
    }
}
