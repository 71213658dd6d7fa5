//! Tail sampling: whole traces are kept or dropped, by policies, once they are complete.
//!
//! Settings, defaults and decisions are those of the Collector's `tail_sampling`; see the README for what is ours. Spans are
//! held in the host. Of a trace the plugin keeps a few words: which conditions its spans have met, how long they take, how
//! many they are. It learns them from columns as they pass, so that a decision looks at no span again.

mod bucket;
mod compile;
mod condition;
mod counters;
mod decide;
mod explain;
mod handover;
mod hash;
mod marks;
mod policy;
mod reasons;
mod released;
mod sampler;
mod settings;
mod traces;

pub use sampler::TailSampling;

impl spanmill_sdk::About for TailSampling {
    const NAME: &'static str = "tail_sampling";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(TailSampling, state, ticker, holder, reasons, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings, "policies");
}
