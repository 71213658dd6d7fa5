//! The probabilistic sampler: keeps a share of all traces, chosen by a hash of the trace id, and a share of all log
//! records, chosen by the same hash or that of an attribute.
//!
//! Decisions, and what kept spans and records say of them, are those of the Collector's `probabilistic_sampler` in each of its
//! modes, bit for bit, so that several layers of either agree.

mod consistent;
mod hash;
mod logs;
mod priority;
mod rule;
mod sampler;
mod settings;
mod spans;

pub use sampler::ProbabilisticSampler;

impl spanmill_sdk::About for ProbabilisticSampler {
    const NAME: &'static str = "probabilistic_sampler";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(ProbabilisticSampler, about, reasons);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
