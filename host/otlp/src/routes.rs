//! What a router answers, as it comes, and the check of it.

use spanmill_model::{Context, Signal};

use crate::outcome::OutcomeError;

/// How many pipelines a router may send to.
pub const MAX_PIPELINES: usize = 64;

/// Where the rows of a batch go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    /// Which rows are routed.
    pub context: Context,
    /// A set of pipelines a row, a bit each, or a single one for all rows.
    pub pipelines: Vec<u64>,
}

/// Where the rows of a batch went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// Spans, log records or data points that go nowhere.
    pub dropped_items: usize,
    /// How many go to each pipeline.
    pub items: Vec<usize>,
}

impl Routes {
    /// Checks the routes of `rows` rows to `pipelines` pipelines.
    pub(crate) fn check(
        &self,
        signal: Signal,
        rows: usize,
        pipelines: usize,
    ) -> Result<(), OutcomeError> {
        let is_routed = matches!(self.context, Context::Resource | Context::Scope)
            || signal.own().contains(&self.context);
        if !is_routed {
            return Err(OutcomeError::RouteContext(self.context.prefix()));
        }
        match self.pipelines.len() {
            1 => {}
            given => crate::check::length("routes.pipelines", given, rows)?,
        }
        let known = u64::MAX
            .checked_shr(64 - pipelines.min(MAX_PIPELINES) as u32)
            .unwrap_or(0);
        let beyond = |(_, set): &(u32, &u64)| *set & !known != 0;
        match (0u32..).zip(&self.pipelines).find(beyond) {
            None => Ok(()),
            Some((row, set)) => Err(OutcomeError::Route {
                row,
                pipeline: 63 - set.leading_zeros(),
                pipelines,
            }),
        }
    }
}
