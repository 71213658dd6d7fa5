//! Adaptive tail sampling: whole traces are kept or dropped by rules, at rates that follow the traffic.
//!
//! Settings, defaults and decisions are those of the Collector's `adaptive_tail_sampling`; the README says what is ours. Spans
//! are held in the host. Of a trace the plugin keeps a few words: which conditions its spans have met, how many they are, and
//! which values they have for fingerprints. It learns them from columns as they pass, so that a decision looks at no span
//! again.

mod adaptive;
mod allocate;
mod condition;
mod counters;
mod decide;
mod fingerprint;
mod handover;

mod learn;
mod marks;
mod overload;
mod process;
mod reasons;
mod released;
mod rules;
mod sampler;
mod selector;
mod settings;
mod traces;
mod values;

pub use sampler::AdaptiveTailSampling;

impl spanmill_sdk::About for AdaptiveTailSampling {
    const NAME: &'static str = "adaptive_tail_sampling";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(AdaptiveTailSampling, state, ticker, holder, reasons, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings, "rules", "overload");
}
