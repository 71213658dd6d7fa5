//! The reference chain: filter, redaction, probabilistic_sampler, spanmetrics; sandboxed and native.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use spanmill::config::{ComponentId, OnError};
use spanmill::metrics::{Recorder, Totals};
use spanmill::pipeline::{Chain, Place, Stage};
use spanmill_otlp::{Projection, Request, Spliced, StageContract, Workspace};
use spanmill_runtime::{Limits, Runtime, Slot};
use spanmill_sdk::{Batch, Connector, Contract, Emission, Outcome, Processor};

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
    let blocked = match patterns {
        Patterns::Literal => r#"["@example\\.com"]"#,
        Patterns::Regex => {
            r#"["[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\\.[a-zA-Z]{2,}", "4[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}", "eyJ[a-zA-Z0-9_-]+\\.[a-zA-Z0-9_-]+"]"#
        }
    };
    vec![
        (
            "filter",
            r#"{"traces": {"span": ["attributes[\"http.route\"] == \"/healthz\""]}}"#.to_owned(),
        ),
        (
            "redaction",
            format!(
                r#"{{"allow_all_keys": true, "summary": "silent", "blocked_values": {blocked}}}"#
            ),
        ),
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

/// Where the built plugins are.
pub fn plugin_folder() -> PathBuf {
    std::env::var_os("SPANMILL_PLUGINS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/plugins"),
        PathBuf::from,
    )
}

/// What a stage reads and writes.
pub type Declared = (&'static [&'static str], &'static [&'static str]);

/// What the plugins of the chain declare.
pub const DECLARED: &[Declared] = &[
    (&["span.attributes[\"http.route\"]"], &[]),
    (
        &["resource.attributes", "span.attributes"],
        &["resource.attributes", "span.attributes"],
    ),
    (
        &[
            "span.trace_id",
            "span.trace_state",
            "span.attributes[\"sampling.priority\"]",
        ],
        &["span.trace_state"],
    ),
    (
        &[
            "resource.attributes",
            "span.name",
            "span.kind",
            "span.status.code",
            "span.start_time_unix_nano",
            "span.end_time_unix_nano",
            "span.attributes[\"http.route\"]",
        ],
        &[],
    ),
];

/// [`DECLARED`], for a projection.
pub fn declared() -> Result<Vec<StageContract>> {
    contracts(DECLARED)
}

/// What stages declare, for a projection.
pub fn contracts(stages: &[Declared]) -> Result<Vec<StageContract>> {
    let owned =
        |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.to_owned()).collect() };
    let contracts = stages
        .iter()
        .map(|(reads, writes)| StageContract::parse(&owned(reads), &owned(writes)))
        .collect::<Result<_, _>>()?;
    Ok(contracts)
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
            place: Arc::new(Mutex::new(Place::new(slot, recorder, &Arc::default()))),
            on_trial: false,
        });
    }
    let projection = Projection::new(contracts, &[])?;
    Ok(Chain::new(Arc::new(projection), chain))
}

/// The same chain with the plugins' code linked natively.
pub struct Native {
    workspace: Workspace,
    filter: spanmill_filter::Filter,
    redaction: spanmill_redaction::Redaction,
    sampler: spanmill_probabilistic_sampler::ProbabilisticSampler,
    spanmetrics: spanmill_spanmetrics::SpanMetrics,
    recorder: Recorder,
}

fn configure<P: Processor>(settings: &str, contracts: &mut Vec<StageContract>) -> Result<P> {
    let mut contract = Contract::default();
    let config = spanmill_sdk::guest::parse_settings(settings)
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let plugin =
        P::configure(config, &mut contract).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    contracts.push(StageContract::parse(contract.reads(), contract.writes())?);
    Ok(plugin)
}

impl Native {
    /// Configures the chain as [`stages`] says.
    pub fn new(patterns: Patterns) -> Result<Self> {
        let stages = stages(patterns);
        let mut contracts = Vec::new();
        let filter = configure(&stages[0].1, &mut contracts)?;
        let redaction = configure(&stages[1].1, &mut contracts)?;
        let sampler = configure(&stages[2].1, &mut contracts)?;
        let (spanmetrics, declared) = spanmill_sdk::guest::configure_connector(&stages[3].1)
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        contracts.push(StageContract::parse(
            &declared.contract.reads,
            &declared.contract.writes,
        )?);
        // The totals' own stream is the host's type: the sandboxed plugin says it.
        let runtime = Runtime::new(Default::default())?;
        let plugin = runtime.load_file(&plugin_folder().join("spanmetrics.wasm"))?;
        let slot = Slot::new(&plugin, "spanmetrics", &stages[3].1, Limits::default())?;
        let stream = slot
            .declared()
            .metrics
            .clone()
            .context("spanmetrics declares metrics")?;
        Ok(Native {
            workspace: Workspace::new(Arc::new(Projection::new(contracts, &[])?)),
            filter,
            redaction,
            sampler,
            spanmetrics,
            recorder: Recorder::new(&Totals::new(stream)),
        })
    }

    /// One batch, index to splice.
    pub fn run(&mut self, request: Request) -> Result<Spliced> {
        self.workspace.load(request, 1)?;
        self.stage(0)?;
        self.stage(1)?;
        self.stage(2)?;
        let view = self.workspace.view(3).context("stage")?;
        let batch = native::batch(&view);
        let mut emission = Emission::new(&batch);
        self.spanmetrics
            .process(&batch, &mut emission)
            .map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let emission = native::emission(emission);
        self.recorder
            .take(emission, &self.workspace, 3, 1)?
            .commit();
        Ok(self.workspace.splice())
    }

    fn stage(&mut self, number: usize) -> Result<()> {
        let view = self.workspace.view(number).context("stage")?;
        let batch: Batch<'_> = native::batch(&view);
        let mut outcome = Outcome::new(&batch);
        let done = match number {
            0 => self.filter.process(&batch, &mut outcome),
            1 => self.redaction.process(&batch, &mut outcome),
            _ => self.sampler.process(&batch, &mut outcome),
        };
        done.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let outcome = native::outcome(outcome);
        self.workspace.apply(number, &outcome)?;
        Ok(())
    }
}
