//! `service.telemetry`: how much is logged, and who is told of the service itself.

use spanmill_manifest::{Diagnostics, Node, Section, Value};

use crate::telemetry::config::{self as metrics, MetricsSettings};
use crate::telemetry::resource::resource;
use crate::telemetry::spans_config::{self, TracesSettings};

/// How much the host's own log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// What happens.
    Info,
    /// What may go wrong.
    Warn,
    /// What went wrong.
    Error,
}

/// What the manifest says of telemetry of the service's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Telemetry {
    /// `logs.level`, if given.
    pub(super) log_level: Option<LogLevel>,
    pub(super) metrics: MetricsSettings,
    pub(super) traces: Option<TracesSettings>,
}

/// Reads `telemetry`; what would be told elsewhere or otherwise than it is, is refused.
pub(super) fn read(service: &mut Section<'_>, out: &mut Diagnostics) -> Telemetry {
    let Some(mut telemetry) = service.section("telemetry", out) else {
        return Telemetry::default();
    };
    let log_level = telemetry
        .section("logs", out)
        .and_then(|section| logs(section, out));
    let resource = resource(&mut telemetry, out);
    let metrics = metrics::read(&mut telemetry, &resource, out);
    let traces = spans_config::read(&mut telemetry, &resource, out);
    telemetry.finish(out);
    Telemetry {
        log_level,
        metrics,
        traces,
    }
}

fn logs(mut logs: Section<'_>, out: &mut Diagnostics) -> Option<LogLevel> {
    let levels = [
        ("debug", LogLevel::Debug),
        ("info", LogLevel::Info),
        ("warn", LogLevel::Warn),
        ("error", LogLevel::Error),
        ("DEBUG", LogLevel::Debug),
        ("INFO", LogLevel::Info),
        ("WARN", LogLevel::Warn),
        ("ERROR", LogLevel::Error),
    ];
    let level = logs.choice("level", &levels, out);
    if let Some(node) = logs.value("encoding")
        && node.raw != "console"
    {
        out.push(
            logs.wrong("encoding", node, "log lines are text here")
                .help("for JSON, remove it and run with `--log-format json`"),
        );
    }
    for key in ["output_paths", "error_output_paths"] {
        if let Some(node) = logs.value(key)
            && !is_stderr(node)
        {
            out.push(
                logs.wrong(key, node, "the log goes to stderr")
                    .help("remove it, and redirect stderr"),
            );
        }
    }
    for key in ["initial_fields", "processors"] {
        logs.refuse(key, "is not supported", "remove it", out);
    }
    // These change how log lines look and which repeated ones are left out, not the telemetry.
    logs.ignore(
        &[
            "development",
            "disable_caller",
            "disable_stacktrace",
            "sampling",
        ],
        out,
    );
    logs.finish(out);
    level
}

fn is_stderr(node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().all(|item| item.raw == "stderr"),
        _ => node.raw == "stderr",
    }
}
