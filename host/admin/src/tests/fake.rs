//! A service that runs one plugin, `filter/health`, and does what it is told to say.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::report::{
    Event, EventKind, ExporterStatus, Latency, LossReport, PluginState, PluginStatus, Probation,
    QueueStatus, ReceiverStatus, ReloadReport, SavedSwap, ServiceStatus, ShadowReport, ShadowState,
    SignalStatus, SwapReport, SwappedComponent, VersionStatus,
};
use crate::trace_report::{SpanReport, SpanStep, StepKind, TraceReport};
use crate::{
    Control, ControlError, Layout, ManifestPlace, ManifestReport, ManifestText, ManifestWarning,
    PipelineLayout, ServiceState, Stage, StageKind, SwapOptions, TapLines, TapRequest,
};

pub(super) const COMPONENT: &str = "filter/health";
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const TIME: &str = "2026-11-21T03:44:47.123Z";

/// Remembers its commands.
pub(super) struct Fake {
    pub commands: Mutex<Vec<String>>,
    /// Every command but reading ends like this, if set.
    pub refusal: Option<ControlError>,
    /// A swap takes one of these before it ends.
    pub turns: Semaphore,
    /// A swap that has begun gives one of these, and one more at its end.
    pub progress: Semaphore,
    pub panics: bool,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            commands: Mutex::default(),
            refusal: None,
            turns: Semaphore::new(1000),
            progress: Semaphore::new(0),
            panics: false,
        }
    }
}

impl Fake {
    pub fn refusing(refusal: ControlError) -> Self {
        Self {
            refusal: Some(refusal),
            ..Self::default()
        }
    }

    pub fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }

    fn command(&self, component: &str, text: String) -> Result<(), ControlError> {
        assert!(!self.panics, "as the test wants it");
        self.commands.lock().unwrap().push(text);
        if component != COMPONENT {
            return Err(ControlError::NotFound(format!(
                "no plugin runs as component {component:?}"
            )));
        }
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

/// The one trace that it knows.
pub(super) const TRACE_ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

pub(super) fn trace_report() -> TraceReport {
    let step = |component: Option<&str>, kind| SpanStep {
        time: TIME.to_owned(),
        pipeline: "traces".to_owned(),
        component: component.map(str::to_owned),
        version: component.map(|_| HASH.to_owned()),
        kind,
        reason: component.map(|_| "errors".to_owned()),
        wrote: vec!["span.name".to_owned()],
        to: vec!["otlp".to_owned()],
    };
    TraceReport {
        trace_id: format!("{TRACE_ID:032x}"),
        since: TIME.to_owned(),
        spans: vec![SpanReport {
            span_id: "00f067aa0ba902b7".to_owned(),
            steps: vec![
                step(Some(COMPONENT), StepKind::Changed),
                step(None, StepKind::Left),
            ],
        }],
        spans_left_out: 0,
    }
}

fn exporter(has_queue: bool) -> ExporterStatus {
    let queue = QueueStatus {
        size: 2,
        capacity: 1000,
        sizer: "requests".to_owned(),
    };
    let sent = SignalStatus {
        sent: 10,
        send_failed: 3,
        enqueue_failed: 1,
    };
    ExporterStatus {
        exporter: "otlp".to_owned(),
        endpoint: "http://tempo:4317".to_owned(),
        part: false,
        failing: true,
        failing_seconds: Some(3),
        delivery_lag: Latency {
            p50_us: 900,
            p99_us: 4000,
        },
        waiting: 20,
        queue: has_queue.then_some(queue),
        signals: BTreeMap::from([("traces".to_owned(), sent)]),
    }
}

/// What is sent is a plugin if it begins like one.
fn check(wasm: &[u8]) -> Result<(), ControlError> {
    if wasm.starts_with(b"\0asm") {
        Ok(())
    } else {
        let message = "what was sent is no WebAssembly component";
        Err(ControlError::Invalid(message.to_owned()))
    }
}

fn told(options: &SwapOptions) -> String {
    let mut told = format!("{:?}", options.probation);
    told.push_str(if options.allow_more { " more" } else { "" });
    told.push_str(if options.save { " save" } else { "" });
    told
}

impl Control for Fake {
    fn status(&self) -> ServiceStatus {
        ServiceStatus {
            receivers: vec![ReceiverStatus {
                receiver: "otlp".to_owned(),
                transport: "grpc".to_owned(),
                signal: "traces".to_owned(),
                accepted: 7,
                refused: 1,
                failed: 0,
            }],
            exporters: vec![
                exporter(true),
                exporter(false),
                ExporterStatus {
                    exporter: "load_balancing/10.0.0.7:4317".to_owned(),
                    part: true,
                    ..exporter(false)
                },
            ],
            lost: vec![LossReport {
                component: "exporter otlp".to_owned(),
                items: "spans".to_owned(),
                reason: "refused by the backend".to_owned(),
                count: 3,
            }],
        }
    }

    fn layout(&self) -> Layout {
        layout()
    }

    async fn manifest(&self) -> Result<ManifestReport, ControlError> {
        self.command(COMPONENT, "manifest".to_owned())?;
        Ok(manifest_report())
    }

    fn plugins(&self) -> Vec<PluginStatus> {
        vec![
            status(true),
            PluginStatus {
                component: "spanmetrics".to_owned(),
                role: "connector".to_owned(),
                ..status(false)
            },
        ]
    }

    async fn swap(
        &self,
        component: String,
        name: String,
        wasm: Bytes,
        options: SwapOptions,
    ) -> Result<SwapReport, ControlError> {
        self.progress.add_permits(1);
        self.turns.acquire().await.unwrap().forget();
        let text = format!("swap {component} {name} {} {}", wasm.len(), told(&options));
        self.command(&component, text)?;
        check(&wasm)?;
        self.progress.add_permits(1);
        Ok(swap_report())
    }

    async fn shadow(
        &self,
        component: String,
        name: String,
        wasm: Bytes,
        duration: Duration,
        allow_more: bool,
    ) -> Result<ShadowReport, ControlError> {
        let more = if allow_more { " more" } else { "" };
        let text = format!(
            "shadow {component} {name} {} {duration:?}{more}",
            wasm.len()
        );
        self.command(&component, text)?;
        check(&wasm)?;
        Ok(ShadowReport {
            source: name,
            ..shadow_report(ShadowState::Running)
        })
    }

    fn shadow_report(&self, component: &str) -> Result<ShadowReport, ControlError> {
        self.command(component, format!("shadow_report {component}"))?;
        Ok(shadow_report(ShadowState::Running))
    }

    async fn end_shadow(&self, component: String) -> Result<ShadowReport, ControlError> {
        self.command(&component, format!("end_shadow {component}"))?;
        Ok(shadow_report(ShadowState::Ended))
    }

    async fn tap(&self, request: TapRequest) -> Result<TapLines, ControlError> {
        self.command(
            request.target.as_deref().unwrap_or("everything"),
            format!("tap {request:?}"),
        )?;
        let (sender, lines) = tokio::sync::mpsc::channel(4);
        for line in ["{\"signal\":\"traces\"}\n", "{\"signal\":\"logs\"}\n"] {
            sender
                .try_send(Bytes::from_static(line.as_bytes()))
                .unwrap();
        }
        Ok(lines)
    }

    async fn promote(
        &self,
        component: String,
        options: SwapOptions,
    ) -> Result<SwapReport, ControlError> {
        self.command(
            &component,
            format!("promote {component} {}", told(&options)),
        )?;
        Ok(swap_report())
    }

    async fn reload(&self) -> Result<ReloadReport, ControlError> {
        self.command(COMPONENT, "reload".to_owned())?;
        Ok(reload_report())
    }

    fn trace(&self, trace_id: u128) -> Result<TraceReport, ControlError> {
        match trace_id == TRACE_ID {
            true => self.refusal.clone().map_or(Ok(trace_report()), Err),
            false => Err(ControlError::NotFound(format!(
                "nothing is known of trace {trace_id:032x}"
            ))),
        }
    }

    fn events(&self) -> Vec<Event> {
        vec![event(EventKind::Swap), event(EventKind::ProbationPassed)]
    }
}

fn layout() -> Layout {
    let stage = |component: &str, kind| Stage {
        component: component.to_owned(),
        kind,
        leads_to: Vec::new(),
    };
    Layout {
        state: ServiceState::Ready,
        ready_since: Some(TIME.to_owned()),
        pipelines: vec![PipelineLayout {
            pipeline: "traces/web".to_owned(),
            signal: "traces".to_owned(),
            receivers: vec![stage("otlp", StageKind::Receiver)],
            processors: vec![stage(COMPONENT, StageKind::Plugin)],
            exporters: vec![stage("otlp", StageKind::Exporter)],
        }],
    }
}

pub(super) fn manifest_report() -> ManifestReport {
    let warning = |place| ManifestWarning {
        message: "nothing uses it".to_owned(),
        help: vec!["take it out".to_owned()],
        place,
    };
    ManifestReport {
        texts: vec![ManifestText {
            name: "manifest.yaml".to_owned(),
            text: "admin: {token: ***}".to_owned(),
        }],
        warnings: vec![
            warning(Some(ManifestPlace {
                text: "manifest.yaml".to_owned(),
                line: 1,
                column: 1,
            })),
            warning(None),
        ],
    }
}

/// With everything that may be there, or with nothing that need not be.
pub(super) fn status(full: bool) -> PluginStatus {
    PluginStatus {
        component: COMPONENT.to_owned(),
        role: "processor".to_owned(),
        pipelines: vec!["traces/web".to_owned()],
        state: PluginState::Running,
        probation: full.then_some(Probation {
            batches_left: 42,
            pipelines: BTreeMap::from([("traces/web".to_owned(), 42)]),
        }),
        instances: 2,
        memory_bytes: 1_114_112,
        unwritten_bytes: 0,
        swaps: 1,
        rollbacks: 0,
        differs_from_manifest: full,
        version: version(false),
        history: full.then(|| version(true)).into_iter().collect(),
    }
}

fn version(full: bool) -> VersionStatus {
    VersionStatus {
        hash: HASH.to_owned(),
        source: "plugins/filter.wasm".to_owned(),
        since: TIME.to_owned(),
        until: full.then(|| TIME.to_owned()),
        ended: full.then(|| "swapped".to_owned()),
        calls: 3,
        items_in: 300,
        items_out: 200,
        items_dropped: 100,
        items_held: 0,
        items_passed: 7,
        latency: Latency {
            p50_us: 40,
            p99_us: 90,
        },
        faults: BTreeMap::from([("trap".to_owned(), 1)]),
        quarantined: 0,
        recycled: 0,
        counters: BTreeMap::from([("spans.matched".to_owned(), 100)]),
        log_lines_dropped: 3,
        allowed_more: vec!["reads `span.name`".to_owned()],
    }
}

pub(super) fn swap_report() -> SwapReport {
    SwapReport {
        components: vec![swapped()],
        compile_us: 120_000,
        prepare_us: 900,
        switch_us: 350,
        held_us: 60,
        probation: 100,
        already_running: vec!["filter".to_owned()],
        differs_from_manifest: true,
        saved: Some(SavedSwap {
            manifest: "manifest.yaml".to_owned(),
            file: "plugins/filter-9f86d081884c.wasm".to_owned(),
            after_probation: true,
        }),
    }
}

fn swapped() -> SwappedComponent {
    SwappedComponent {
        component: COMPONENT.to_owned(),
        from: HASH.to_owned(),
        to: HASH.to_owned(),
        state_handed_over: true,
        allowed_more: vec!["reads `span.name`".to_owned()],
    }
}

pub(super) fn reload_report() -> ReloadReport {
    ReloadReport {
        changes: vec!["processor filter/health: settings".to_owned()],
        warnings: vec!["line 3: nothing uses it".to_owned()],
        components: vec![swapped()],
    }
}

pub(super) fn shadow_report(state: ShadowState) -> ShadowReport {
    let ended = state == ShadowState::Ended;
    ShadowReport {
        components: vec![COMPONENT.to_owned()],
        hash: HASH.to_owned(),
        source: "new.wasm".to_owned(),
        state,
        since: TIME.to_owned(),
        until: TIME.to_owned(),
        batches: 10,
        batches_skipped: 1,
        spans: 1000,
        verdicts_differ: 2,
        edits_differ: 3,
        measurements_differ: 0,
        sampled_trace_ids: vec!["5b8efff798038103d269b633813fc60c".to_owned()],
        faults: BTreeMap::from([("deadline".to_owned(), 1)]),
        last_fault: ended.then(|| "took longer than 10 ms".to_owned()),
        latency: Latency::default(),
    }
}

pub(super) fn event(kind: EventKind) -> Event {
    Event {
        time: TIME.to_owned(),
        kind,
        components: vec![COMPONENT.to_owned()],
        message: "something happened".to_owned(),
    }
}
