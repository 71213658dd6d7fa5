//! The pipelines, as the YAML that Spanmill and the Collector both read.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use spanmill_otlp::Signal;

use super::load::Wire;
use crate::reference::STATEMENTS;

/// What a contestant does with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// Nothing: they come and go.
    Passthrough,
    /// Attributes, filter and redaction, of any signal.
    Processors,
    /// Filter, redaction, sampler, and spanmetrics beside the exporter.
    Reference,
    /// One stage of the reference pipeline alone.
    Stage(&'static str),
    /// Ten statements of `transform`, of spans.
    Transform,
    /// So many plugins that do nothing.
    Noops(usize),
}

/// The stages of the reference pipeline.
pub const STAGES: [&str; 4] = [
    "filter",
    "redaction",
    "probabilistic_sampler",
    "spanmetrics",
];

/// The stages of [`Pipeline::Processors`].
const PROCESSORS: [&str; 3] = ["attributes", "filter", "redaction"];

impl std::fmt::Display for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pipeline::Passthrough => f.write_str("passthrough"),
            Pipeline::Processors => f.write_str(&PROCESSORS.join(" + ")),
            Pipeline::Reference => f.write_str("reference"),
            Pipeline::Stage(stage) => write!(f, "{stage} alone"),
            Pipeline::Transform => f.write_str("transform, ten statements"),
            Pipeline::Noops(copies) => write!(f, "{copies} no-op plugins"),
        }
    }
}

impl Pipeline {
    /// Whether spans are counted beside it.
    pub fn measures(self) -> bool {
        matches!(self, Pipeline::Reference | Pipeline::Stage("spanmetrics"))
    }

    /// Whether plugins of Spanmill's own take part, which there are natively as well.
    pub fn has_built_ins(self) -> bool {
        !self.stages().is_empty()
    }

    fn stages(self) -> &'static [&'static str] {
        match self {
            Pipeline::Processors => &PROCESSORS,
            Pipeline::Reference => &STAGES,
            Pipeline::Stage(alone) => STAGES
                .iter()
                .position(|stage| *stage == alone)
                .map_or(&[], |at| &STAGES[at..=at]),
            Pipeline::Transform => &["transform"],
            Pipeline::Passthrough | Pipeline::Noops(_) => &[],
        }
    }
}

/// Where a manifest leads.
pub struct Ends<'a> {
    pub listen: SocketAddr,
    pub sink: SocketAddr,
    pub signal: Signal,
    pub wire: Wire,
    /// Between two exports of metrics, as in the manifest.
    pub flush: &'a str,
    /// The plugin that does nothing.
    pub probe: &'a Path,
}

/// The manifest of a pipeline.
pub fn manifest(pipeline: Pipeline, ends: &Ends<'_>) -> String {
    let (protocol, limit) = match ends.wire.http {
        true => ("http", "max_request_body_size: 67108864"),
        false => ("grpc", "max_recv_msg_size_mib: 64"),
    };
    let (exporter, scheme) = match ends.wire.http {
        true => ("otlphttp", "http://"),
        false => ("otlp", ""),
    };
    let compression = if ends.wire.zstd { "zstd" } else { "none" };
    let mut text = format!(
        r#"receivers:
  otlp:
    protocols:
      {protocol}:
        endpoint: {}
        {limit}
exporters:
  {exporter}:
    endpoint: {scheme}{}
    tls: {{insecure: true}}
    compression: {compression}
    timeout: 30s
    sending_queue: {{queue_size: 1000, num_consumers: 10, block_on_overflow: true, wait_for_result: true}}
"#,
        ends.listen, ends.sink
    );
    if let Pipeline::Noops(copies @ 1..) = pipeline {
        let _ = write!(
            text,
            "plugins:\n  probe: {{file: '{}'}}\nprocessors:\n",
            ends.probe.display()
        );
        for copy in 0..copies {
            let _ = writeln!(text, "  probe/{copy}: {{reads: []}}");
        }
    }
    let stages = pipeline.stages();
    if stages.iter().any(|stage| *stage != "spanmetrics") {
        text.push_str("processors:\n");
    }
    for stage in stages {
        if *stage == "transform" {
            text.push_str("  transform:\n    error_mode: ignore\n    trace_statements:\n");
            text.push_str("      - context: span\n        statements:\n");
            for statement in STATEMENTS {
                let _ = writeln!(text, "          - {statement}");
            }
            continue;
        }
        text.push_str(match *stage {
            "attributes" => {
                r"  attributes:
    actions:
      - {key: deployment.environment.name, value: production, action: insert}
      - {key: user.id, action: hash}
      - {key: thread.id, action: delete}
"
            }
            "filter" => match ends.signal {
                Signal::Traces => {
                    r#"  filter:
    error_mode: ignore
    traces: {span: ['attributes["http.route"] == "/healthz"']}
"#
                }
                Signal::Logs => {
                    r#"  filter:
    error_mode: ignore
    logs:
      log_record:
        - severity_number < SEVERITY_NUMBER_INFO
        - attributes["http.route"] == "/healthz"
"#
                }
                Signal::Metrics => {
                    r#"  filter:
    error_mode: ignore
    metrics:
      metric: ['name == "jvm.class.count"']
      datapoint: ['attributes["http.route"] == "/healthz"']
"#
                }
            },
            "redaction" => {
                r"  redaction:
    allow_all_keys: true
    summary: silent
    blocked_values:
      - '[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}'
      - '4[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}'
      - 'eyJ[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+'
"
            }
            "probabilistic_sampler" => {
                "  probabilistic_sampler: {mode: hash_seed, hash_seed: 22, sampling_percentage: 50}\n"
            }
            _ => "connectors:\n",
        });
    }
    let mut exporters = exporter.to_owned();
    if pipeline.measures() {
        let _ = writeln!(
            text,
            "  spanmetrics: {{dimensions: [{{name: http.route}}], metrics_flush_interval: {}}}",
            ends.flush
        );
        exporters.push_str(", spanmetrics");
    }
    let mut processors: Vec<String> = stages
        .iter()
        .filter(|stage| **stage != "spanmetrics")
        .map(|stage| (*stage).to_owned())
        .collect();
    if let Pipeline::Noops(copies) = pipeline {
        processors.extend((0..copies).map(|copy| format!("probe/{copy}")));
    }
    let _ = write!(
        text,
        r#"service:
  telemetry: {{logs: {{level: warn}}, metrics: {{level: none}}}}
  pipelines:
    {}:
      receivers: [otlp]
      processors: [{}]
      exporters: [{exporters}]
"#,
        ends.signal.name(),
        processors.join(", ")
    );
    if pipeline.measures() {
        let _ = writeln!(
            text,
            "    metrics: {{receivers: [spanmetrics], exporters: [{exporter}]}}"
        );
    }
    text
}
