//! The reference chain: filter, redaction, probabilistic_sampler, spanmetrics; sandboxed and native. And the chain of
//! attributes, filter and redaction, which logs and metrics go through.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use spanmill::bench::{
    Chain, ComponentId, OnError, Recorder, Stage, StageInstance, StageOutput, Totals,
};
use spanmill_otlp::{Batch, Joined, Projection, Signal, Spliced, StageContract, Workspace};
use spanmill_runtime::native::{Configure, Process};
use spanmill_runtime::{Answer, Declared, Limits, Runtime, Slot};

use crate::native;

/// How redaction finds what to mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patterns {
    /// One literal.
    Literal,
    /// Three regular expressions.
    Regex,
}

/// The plugins of the chain, in order, with their settings.
pub fn stages(patterns: Patterns) -> Vec<(&'static str, String)> {
    vec![
        (
            "filter",
            r#"{"traces": {"span": ["attributes[\"http.route\"] == \"/healthz\""]}}"#.to_owned(),
        ),
        ("redaction", redaction(patterns)),
        (
            "probabilistic_sampler",
            r#"{"sampling_percentage": 50}"#.to_owned(),
        ),
        (
            "spanmetrics",
            r#"{"dimensions": [{"name": "http.route"}]}"#.to_owned(),
        ),
    ]
}

fn redaction(patterns: Patterns) -> String {
    let blocked = match patterns {
        Patterns::Literal => r#"["@example\\.com"]"#,
        Patterns::Regex => {
            r#"["[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\\.[a-zA-Z]{2,}", "4[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}", "eyJ[a-zA-Z0-9_-]+\\.[a-zA-Z0-9_-]+"]"#
        }
    };
    format!(r#"{{"allow_all_keys": true, "summary": "silent", "blocked_values": {blocked}}}"#)
}

/// Attributes, filter and redaction with three regular expressions, as the comparison with the Collector configures
/// them for a signal.
pub fn processors(signal: Signal) -> Vec<(&'static str, String)> {
    let filter = match signal {
        Signal::Traces => r#"{"traces": {"span": ["attributes[\"http.route\"] == \"/healthz\""]}}"#,
        Signal::Logs => {
            r#"{"logs": {"log_record": ["severity_number < SEVERITY_NUMBER_INFO", "attributes[\"http.route\"] == \"/healthz\""]}}"#
        }
        Signal::Metrics => {
            r#"{"metrics": {"metric": ["name == \"jvm.class.count\""], "datapoint": ["attributes[\"http.route\"] == \"/healthz\""]}}"#
        }
    };
    let attributes = r#"{"actions": [
        {"key": "deployment.environment.name", "value": "production", "action": "insert"},
        {"key": "user.id", "action": "hash"},
        {"key": "thread.id", "action": "delete"}
    ]}"#;
    vec![
        ("attributes", attributes.to_owned()),
        ("filter", filter.to_owned()),
        ("redaction", redaction(Patterns::Regex)),
    ]
}

/// Ten statements of everyday kinds, on spans. Two of them replace what a pattern finds in texts of which each span has its own.
pub const STATEMENTS: [&str; 10] = [
    r#"set(attributes["deployment.environment.name"], "production")"#,
    r#"set(attributes["tenant"], resource.attributes["service.name"])"#,
    r#"set(attributes["http.method"], attributes["http.request.method"])"#,
    r#"delete_key(attributes, "thread.name")"#,
    r#"replace_pattern(attributes["db.statement"], "[0-9]+", "?")"#,
    r#"replace_pattern(attributes["url.path"], "/[0-9]+$", "/{id}")"#,
    r#"set(attributes["user.email"], "***") where attributes["user.email"] != nil"#,
    r#"set(status.message, "server error") where attributes["http.response.status_code"] >= 500"#,
    r#"set(name, "health") where IsMatch(name, "/healthz$")"#,
    r#"set(attributes["slow"], true) where end_time_unix_nano - start_time_unix_nano > 500000000"#,
];

/// `transform` with the first of [`STATEMENTS`].
pub fn transform(statements: &[&str]) -> Vec<(&'static str, String)> {
    let settings = serde_json::json!({
        "error_mode": "ignore",
        "trace_statements": [{"context": "span", "statements": statements}],
    });
    vec![("transform", settings.to_string())]
}

/// Where the built plugins are.
pub fn plugin_folder() -> PathBuf {
    std::env::var_os("SPANMILL_PLUGINS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/plugins"),
        PathBuf::from,
    )
}

/// The plugins of the chain, natively configured, with what they declare.
fn natively(patterns: Patterns) -> Result<Vec<(Process, Declared)>> {
    let configure: [Configure; 4] = [
        native::processor::<spanmill_filter::Filter>,
        native::processor::<spanmill_redaction::Redaction>,
        native::processor::<spanmill_probabilistic_sampler::ProbabilisticSampler>,
        native::connector::<spanmill_spanmetrics::SpanMetrics>,
    ];
    let stages = stages(patterns);
    let plugins = stages
        .iter()
        .zip(configure)
        .map(|((name, settings), configure)| {
            configure(settings).map_err(|error| anyhow::anyhow!("{name}: {error:?}"))
        });
    plugins.collect()
}

fn contracts<'a>(declared: impl Iterator<Item = &'a Declared>) -> Result<Vec<StageContract>> {
    let contracts = declared.map(|of| StageContract::parse(&of.reads, &of.writes));
    Ok(contracts.collect::<Result<_, _>>()?)
}

/// What the plugins of the chain declare, for a projection.
pub fn declared() -> Result<Vec<StageContract>> {
    contracts(
        natively(Patterns::Literal)?
            .iter()
            .map(|(_, declared)| declared),
    )
}

/// The chain as the host runs it, of the given stages.
pub fn sandboxed(runtime: &Runtime, stages: &[(&str, String)]) -> Result<Chain> {
    sandboxed_within(runtime, stages, Limits::default())
}

/// The same with limits for each plugin.
pub fn sandboxed_within(
    runtime: &Runtime,
    stages: &[(&str, String)],
    limits: Limits,
) -> Result<Chain> {
    let mut contracts = Vec::new();
    let mut chain = Vec::new();
    for (name, settings) in stages {
        let file = plugin_folder().join(format!("{name}.wasm"));
        let plugin = runtime
            .load_file(&file)
            .with_context(|| format!("{name}: run `make build` first"))?;
        let slot = Slot::new(&plugin, name, settings, limits)?;
        let declared = slot.declared();
        contracts.push(StageContract::parse(&declared.reads, &declared.writes)?);
        let recorder = declared
            .metrics
            .clone()
            .map(|stream| Recorder::new(&Totals::new(stream)));
        chain.push(Stage {
            id: ComponentId::parse(name).map_err(anyhow::Error::msg)?,
            on_error: OnError::Reject,
            instance: Arc::new(Mutex::new(StageInstance::new(
                slot,
                recorder,
                &Arc::default(),
            ))),
            on_trial: false,
            output: StageOutput::default(),
            measures_time: false,
        });
    }
    let projection = Projection::new(contracts, &[])?;
    Ok(Chain::new(Arc::new(projection), chain))
}

/// The same chain with the plugins' code linked natively.
pub struct Native {
    workspace: Workspace,
    plugins: Vec<Process>,
    recorder: Recorder,
}

impl Native {
    /// Configures the chain as [`stages`] says.
    pub fn new(patterns: Patterns) -> Result<Self> {
        let plugins = natively(patterns)?;
        let contracts = contracts(plugins.iter().map(|(_, declared)| declared))?;
        let stream = plugins
            .iter()
            .find_map(|(_, declared)| declared.metrics.clone())
            .context("spanmetrics declares metrics")?;
        Ok(Native {
            workspace: Workspace::new(Arc::new(Projection::new(contracts, &[])?)),
            plugins: plugins.into_iter().map(|(process, _)| process).collect(),
            recorder: Recorder::new(&Totals::new(stream)),
        })
    }

    /// One batch, index to splice.
    pub fn run(&mut self, batch: &Batch) -> Result<Spliced> {
        let mut joined = Joined::new(batch.bytes().clone());
        for part in batch.parts() {
            self.workspace.load_next(part, &joined, 1)?;
            self.walk()?;
            self.workspace.splice_onto(&mut joined);
        }
        Ok(joined.finish())
    }

    fn walk(&mut self) -> Result<()> {
        for (number, plugin) in self.plugins.iter_mut().enumerate() {
            let view = self.workspace.view(number).context("stage")?;
            match plugin(&view)? {
                Answer::Outcome(outcome) => {
                    self.workspace.apply(number, &outcome)?;
                }
                Answer::Emission(emission) => {
                    let measured = self.recorder.take(emission, &self.workspace, number, 1)?;
                    measured.commit();
                }
                Answer::Records(_) | Answer::Routes(_) => {
                    anyhow::bail!(
                        "the chain has processors and a connector that measures, no others"
                    )
                }
            }
        }
        Ok(())
    }
}
