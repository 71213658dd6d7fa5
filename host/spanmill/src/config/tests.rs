//! Golden text of what the configuration says.

mod environment;
mod guides;
mod manifests;
mod mistakes;
mod receivers;
mod robustness;
mod sources;

use std::any::Any;
use std::path::Path;

use super::{Diagnostics, LoadedManifest, Source, parse};
use crate::export::ExporterConfig;
use crate::receive::component::ReceiverConfig;
use crate::receive::otlp::config::OtlpConfig;

/// An exporter's settings, which are of the type that is asked for.
fn exporter_settings<T: Any>(config: &dyn ExporterConfig) -> &T {
    let config: &dyn Any = config;
    config.downcast_ref().unwrap()
}

/// The settings of an `otlp` receiver.
fn otlp_settings(config: &dyn ReceiverConfig) -> &OtlpConfig {
    let config: &dyn Any = config;
    config.downcast_ref().unwrap()
}

fn load(text: &str) -> Result<LoadedManifest, Diagnostics> {
    load_with(text, &|_| None)
}

fn load_with(text: &str, env: super::Lookup<'_>) -> Result<LoadedManifest, Diagnostics> {
    parse(Source::new("spanmill.yaml", text), Path::new("/conf"), env)
}

/// A manifest that is right, into which mistakes can be put.
const GOOD: &str = "\
receivers:
  otlp:
    protocols:
      grpc:
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
";
