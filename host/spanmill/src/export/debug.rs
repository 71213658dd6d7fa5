//! Telemetry as text, for people: the Collector's debug exporter. Attribute values are shown: that is what it is for.

pub(crate) mod config;
mod logs;
mod metrics;
mod text;
mod traces;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use spanmill_manifest::ComponentId;
use tokio::time::Instant;

use super::build::StartContext;
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::otlp_text::decode;
use super::output::DebugOutput;
use super::{Attempt, Export, ExportError, ExportResponse, Payload, Signal};
use crate::component::{ALL_SIGNALS, Alias, Component};
use crate::export::debug::config::DebugConfig;
use text::Page;

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "debug",
    aliases: &[Alias::new("logging")],
    signals: ALL_SIGNALS,
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExporterConfig for DebugConfig {
    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            let export = Debug::new(self, context.output.clone());
            Ok(context.local(id, export, ""))
        })
    }
}

pub(super) struct Debug {
    settings: DebugConfig,
    output: DebugOutput,
    sampler: Mutex<Sampler>,
}

impl Debug {
    pub fn new(settings: &DebugConfig, output: DebugOutput) -> Self {
        Self {
            settings: settings.clone(),
            output,
            sampler: Mutex::new(Sampler {
                second: Instant::now(),
                seen: 0,
            }),
        }
    }

    fn text(&self, payload: &Payload) -> Result<String, ExportError> {
        let mut page = Page::new(self.output.colour);
        match payload.signal {
            Signal::Traces => {
                let request: ExportTraceServiceRequest = decode(payload)?;
                traces::write(&mut page, &request, self.settings.verbosity);
            }
            Signal::Logs => {
                let request: ExportLogsServiceRequest = decode(payload)?;
                logs::write(&mut page, &request, self.settings.verbosity);
            }
            Signal::Metrics => {
                let request: ExportMetricsServiceRequest = decode(payload)?;
                metrics::write(&mut page, &request, self.settings.verbosity);
            }
        }
        Ok(page.finish())
    }

    fn write(&self, payload: &Payload) -> Result<ExportResponse, ExportError> {
        let sampled = {
            let mut sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner);
            sampler.sample(&self.settings)
        };
        if sampled {
            let text = self.text(payload)?;
            let writer = self.output.writer.lock();
            let mut writer = writer.unwrap_or_else(PoisonError::into_inner);
            writer
                .write_all(text.as_bytes())
                .and_then(|()| writer.flush())
                .map_err(|cause| ExportError::retryable(format!("cannot write: {cause}")))?;
        }
        Ok(ExportResponse::default())
    }
}

impl Export for Debug {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        // Not off the async threads: nobody runs this exporter where speed matters.
        Box::pin(async { self.write(payload) })
    }
}

/// Decides which batches are shown.
struct Sampler {
    second: Instant,
    seen: u64,
}

impl Sampler {
    fn sample(&mut self, settings: &DebugConfig) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.seen = 0;
        }
        self.seen += 1;
        match self.seen.checked_sub(settings.sampling_initial) {
            None | Some(0) => true,
            Some(beyond) => {
                settings.sampling_thereafter > 0
                    && beyond.is_multiple_of(settings.sampling_thereafter)
            }
        }
    }
}
