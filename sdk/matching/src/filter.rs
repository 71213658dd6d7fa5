//! `include` and `exclude` together.

use spanmill_sdk::{Batch, Context, Contract, Problems, Signal};

use crate::matcher::Matcher;
use crate::settings::Match;

/// Which items of a signal a processor is meant for: those that `include` describes and `exclude` does not.
#[derive(Debug)]
pub struct Filter {
    item: Context,
    include: Option<Matcher>,
    exclude: Option<Matcher>,
    skip: Vec<u8>,
}

impl Filter {
    /// Checks both, as far as they are given, and declares the fields that they look at.
    pub fn new(
        include: Option<&Match>,
        exclude: Option<&Match>,
        signal: Signal,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Self {
        let mut matcher = |properties: Option<&Match>, path| {
            properties.and_then(|it| Matcher::new(it, path, signal, contract, problems))
        };
        Filter {
            item: signal.item(),
            include: matcher(include, "/include"),
            exclude: matcher(exclude, "/exclude"),
            skip: Vec::new(),
        }
    }

    /// Whether it may pass an item over.
    pub fn narrows(&self) -> bool {
        self.include.is_some() || self.exclude.is_some()
    }

    /// For each item, 0 if it is meant, else 1; empty if all are.
    pub fn skipped(&mut self, batch: &Batch<'_>) -> &[u8] {
        self.skip.clear();
        if self.narrows() {
            self.skip.resize(batch.rows(self.item), 0);
        }
        if let Some(include) = &mut self.include {
            for (skip, &included) in self.skip.iter_mut().zip(include.mask(batch)) {
                *skip = 1 - included;
            }
        }
        if let Some(exclude) = &mut self.exclude {
            for (skip, &excluded) in self.skip.iter_mut().zip(exclude.mask(batch)) {
                *skip |= excluded;
            }
        }
        &self.skip
    }
}
