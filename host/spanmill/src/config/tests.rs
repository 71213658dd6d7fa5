//! Golden text of what the configuration says.

mod environment;
mod guides;
mod manifests;
mod mistakes;
mod receivers;
mod robustness;
mod sources;

use std::path::Path;

use super::{BuiltIn, Diagnostics, Loaded, Source, parse};

fn built_in() -> BuiltIn {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    BuiltIn {
        processors: set(&[
            "attributes",
            "filter",
            "probabilistic_sampler",
            "redaction",
            "resource",
        ]),
        connectors: set(&["spanmetrics"]),
    }
}

fn load(text: &str) -> Result<Loaded, Diagnostics> {
    load_with(text, &built_in(), &|_| None)
}

fn load_with(
    text: &str,
    built_in: &BuiltIn,
    env: super::Lookup<'_>,
) -> Result<Loaded, Diagnostics> {
    parse(
        Source::new("spanmill.yaml", text),
        Path::new("/conf"),
        built_in,
        env,
    )
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
