//! One sampler a signal.

use spanmill_sdk::{
    AppliedRules, Batch, ConfigError, Context, Contract, Outcome, PluginError, Processor, Reasons,
    Signal,
};

use crate::consistent::ConsistentSpans;
use crate::logs::LogSampler;
use crate::settings::Settings;
use crate::spans::SpanSampler;

/// The probabilistic sampler.
#[derive(Debug)]
pub struct ProbabilisticSampler {
    spans: Spans,
    logs: LogSampler,
    /// Spans of the last batch.
    rows: usize,
}

/// How spans are sampled.
#[derive(Debug)]
enum Spans {
    ByHash(Box<SpanSampler>),
    Consistently(ConsistentSpans),
}

impl Processor for ProbabilisticSampler {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        contract.take([Signal::Traces, Signal::Logs]);
        Ok(ProbabilisticSampler {
            spans: match settings.rule() {
                Some(rule) => Spans::Consistently(ConsistentSpans::new(rule, &settings, contract)),
                None => Spans::ByHash(Box::new(SpanSampler::new(&settings, contract))),
            },
            logs: LogSampler::new(&settings, contract),
            rows: 0,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.rows = batch.rows(Context::Span);
        match batch.signal {
            Signal::Traces => match &mut self.spans {
                Spans::ByHash(sampler) => sampler.process(batch, outcome),
                Spans::Consistently(sampler) => sampler.process(batch, outcome),
            },
            Signal::Logs => self.logs.process(batch, outcome),
            Signal::Metrics => {}
        }
        Ok(())
    }
}

/// Of spans: log records belong to no account of traces.
impl Reasons for ProbabilisticSampler {
    fn explain(&mut self, on: bool) {
        if let Spans::ByHash(sampler) = &mut self.spans {
            sampler.explain(on);
        }
    }

    fn why(&mut self) -> AppliedRules {
        match &mut self.spans {
            Spans::ByHash(sampler) => sampler.why(),
            // Thresholds of senders and of the settings together: no one rule.
            Spans::Consistently(_) => AppliedRules::of_rows(self.rows),
        }
    }
}
