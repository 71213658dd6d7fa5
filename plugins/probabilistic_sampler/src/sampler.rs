//! One sampler a signal.

use spanmill_sdk::{
    AppliedRules, Batch, ConfigError, Contract, Outcome, PluginError, Processor, Reasons, Signal,
};

use crate::logs::LogSampler;
use crate::settings::Settings;
use crate::spans::SpanSampler;

/// The probabilistic sampler.
#[derive(Debug)]
pub struct ProbabilisticSampler {
    spans: SpanSampler,
    logs: LogSampler,
}

impl Processor for ProbabilisticSampler {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        contract.take([Signal::Traces, Signal::Logs]);
        Ok(ProbabilisticSampler {
            spans: SpanSampler::new(&settings, contract),
            logs: LogSampler::new(&settings, contract),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        match batch.signal {
            Signal::Traces => self.spans.process(batch, outcome),
            Signal::Logs => self.logs.process(batch, outcome),
            Signal::Metrics => {}
        }
        Ok(())
    }
}

/// Of spans: log records belong to no account of traces.
impl Reasons for ProbabilisticSampler {
    fn explain(&mut self, on: bool) {
        self.spans.explain(on);
    }

    fn why(&mut self) -> AppliedRules {
        self.spans.why()
    }
}
