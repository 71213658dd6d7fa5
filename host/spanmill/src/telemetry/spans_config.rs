//! `service.telemetry.traces`: who is told the spans of the service's own work, by the keys of the Collector.

use std::time::Duration;

use spanmill_manifest::{Diagnostic, Diagnostics, Section};
use spanmill_model::Signal;
use spanmill_net::endpoint::missing;

use super::config::{PushProtocol, protocol};
use crate::tracer::Sampling;

/// Spans that are sent on.
#[derive(Clone, Debug, PartialEq)]
pub struct TracesSettings {
    pub sampling: Sampling,
    /// How long a span waits for others at most.
    pub delay: Duration,
    pub timeout: Duration,
    pub protocol: PushProtocol,
    /// The attributes of the resource that they are of.
    pub resource: Vec<(String, String)>,
}

/// Reads `telemetry.traces`; `None`: no spans are made.
pub(crate) fn read(
    telemetry: &mut Section<'_>,
    resource: &[(String, String)],
    out: &mut Diagnostics,
) -> Option<TracesSettings> {
    let mut traces = telemetry.section("traces", out)?;
    let levels = [
        ("none", false),
        ("basic", true),
        ("normal", true),
        ("detailed", true),
    ];
    let is_on = traces.choice("level", &levels, out).unwrap_or(true);
    let sampling = traces
        .section("sampler", out)
        .map_or(Some(ALL), |sampler| read_sampler(sampler, true, out));
    if let Some(propagators) = traces.texts("propagators", out)
        && let Some(other) = propagators.iter().find(|name| *name != "tracecontext")
        && let Some(node) = traces.value("propagators")
    {
        let what = format!("`{other}` is not read from requests; the header of trace context is");
        out.push(traces.doubtful("propagators", node, what));
    }
    traces.ignore(&["limits"], out);
    let nodes = traces.list("processors", out).unwrap_or_default();
    let mut found = Vec::new();
    for node in &nodes {
        let owner = format!("{}: processors", traces.owner());
        let mut processor = Section::open(node, node.place, owner, out);
        let batch = processor.section("batch", out);
        let simple = processor.section("simple", out);
        match (batch, simple) {
            (Some(section), None) => found.extend(read_processor(section, 5000, out)),
            (None, Some(section)) => found.extend(read_processor(section, 0, out)),
            _ => {
                let message = format!(
                    "{}: a processor is either `batch:` or `simple:`",
                    processor.owner()
                );
                out.push(Diagnostic::error(node.place, message));
            }
        }
        processor.finish(out);
    }
    if let [_, second, ..] = nodes.as_slice() {
        let message = format!("{}: spans are sent to one backend", traces.owner());
        out.push(Diagnostic::error(second.place, message).help("keep one processor"));
    }
    traces.finish(out);
    // Without a processor spans go nowhere, as in the Collector.
    let (delay, timeout, protocol) = found.into_iter().next()?;
    Some(TracesSettings {
        sampling: sampling?,
        delay,
        timeout,
        protocol,
        resource: resource.to_vec(),
    })
    .filter(|_| is_on)
}

/// What the Collector samples if nothing is said.
const ALL: Sampling = Sampling {
    ratio: 1.0,
    by_caller: true,
};

fn read_sampler(
    mut sampler: Section<'_>,
    is_outer: bool,
    out: &mut Diagnostics,
) -> Option<Sampling> {
    let mut ratio = None;
    let mut by_caller = false;
    if sampler.section("always_on", out).is_some() {
        ratio = Some(1.0);
    }
    if sampler.section("always_off", out).is_some() {
        ratio = Some(0.0);
    }
    if let Some(mut of_id) = sampler.section("trace_id_ratio_based", out) {
        let given = of_id.float("ratio", 1.0, out);
        if !(0.0..=1.0).contains(&given)
            && let Some(node) = of_id.value("ratio")
        {
            out.push(of_id.wrong("ratio", node, "must be from 0 to 1"));
        }
        ratio = Some(given);
        of_id.finish(out);
    }
    if is_outer && let Some(mut parent) = sampler.section("parent_based", out) {
        by_caller = true;
        let root = parent.section("root", out);
        ratio = match root {
            Some(root) => read_sampler(root, false, out).map(|root| root.ratio),
            None => Some(1.0),
        };
        parent.ignore(
            &[
                "remote_parent_sampled",
                "remote_parent_not_sampled",
                "local_parent_sampled",
                "local_parent_not_sampled",
            ],
            out,
        );
        parent.finish(out);
    }
    if ratio.is_none() {
        out.push(missing(
            &sampler,
            "sampler",
            "`parent_based: {root: {trace_id_ratio_based: {ratio: 0.01}}}`",
        ));
    }
    sampler.finish(out);
    ratio.map(|ratio| Sampling { ratio, by_caller })
}

fn read_processor(
    mut processor: Section<'_>,
    delay: u64,
    out: &mut Diagnostics,
) -> Option<(Duration, Duration, PushProtocol)> {
    let delay = processor.number("schedule_delay", out).unwrap_or(delay);
    let timeout = processor.positive("export_timeout", 30_000, out);
    processor.ignore(&["max_queue_size", "max_export_batch_size"], out);
    let mut exporter = processor.section("exporter", out);
    let otlp = exporter.as_mut().and_then(|exporter| {
        exporter.refuse_bare("console", "is not supported", "use `otlp:`", out);
        exporter.section("otlp", out)
    });
    if let Some(exporter) = exporter {
        exporter.finish(out);
    }
    if otlp.is_none() {
        out.push(missing(
            &processor,
            "exporter",
            "`otlp: {protocol: http/protobuf, endpoint: ...}`",
        ));
    }
    let protocol = otlp.and_then(|otlp| protocol(otlp, Signal::Traces, out));
    processor.finish(out);
    Some((
        Duration::from_millis(delay),
        Duration::from_millis(timeout),
        protocol?,
    ))
}
