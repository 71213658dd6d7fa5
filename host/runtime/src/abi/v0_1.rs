//! Track 0.1: `spanmill:plugin@0.1.x`.

pub mod answer;
pub(crate) mod bindings;
mod convert;

pub(crate) use convert::{
    applied_rules, decisions, declared, described, emission, groups, lower, metric_stream, outcome,
    problems, record_plan, records, routes, signal,
};

/// What this track's plugins may call.
pub(crate) const LOG: &str = "spanmill:plugin/log@0.1.0";
pub(crate) const COUNTERS: &str = "spanmill:plugin/counters@0.1.0";

/// The exports that tell what a plugin of this track is.
pub(crate) const PROCESSOR: &str = "spanmill:plugin/processor@0.1.0";
pub(crate) const CONNECTOR: &str = "spanmill:plugin/connector@0.1.0";
pub(crate) const RECORD_CONNECTOR: &str = "spanmill:plugin/record-connector@0.1.0";
pub(crate) const ROUTER: &str = "spanmill:plugin/router@0.1.0";

/// The exports that a plugin may have besides.
pub(crate) const STATE: &str = "spanmill:plugin/state@0.1.0";
pub(crate) const ABOUT: &str = "spanmill:plugin/about@0.1.0";
pub(crate) const TICKER: &str = "spanmill:plugin/ticker@0.1.0";
pub(crate) const HOLDER: &str = "spanmill:plugin/holder@0.1.0";
pub(crate) const REASONS: &str = "spanmill:plugin/reasons@0.1.0";
pub(crate) const GROUPER: &str = "spanmill:plugin/grouper@0.1.0";
