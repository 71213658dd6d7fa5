//! `service.telemetry`: how much is logged, and who is told the metrics of the service.

use spanmill_manifest::{Diagnostic, Diagnostics, Node, Section, Value};

use crate::telemetry::config::{self as metrics, MetricsSettings};

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
}

/// Reads `telemetry`; what would be told elsewhere or otherwise than it is, is refused.
pub(super) fn read(service: &mut Section<'_>, out: &mut Diagnostics) -> Telemetry {
    let Some(mut telemetry) = service.section("telemetry", out) else {
        return Telemetry::default();
    };
    let log_level = telemetry
        .section("logs", out)
        .and_then(|section| logs(section, out));
    let metrics = metrics::read(&mut telemetry, out);
    if let Some(section) = telemetry.section("traces", out) {
        off(
            section,
            "traces of itself are not made in this version",
            "remove it, or say `level: none`",
            out,
        );
    }
    telemetry.finish(out);
    Telemetry { log_level, metrics }
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

/// A part that must be off, or say nothing.
fn off(mut section: Section<'_>, why: &str, help: &str, out: &mut Diagnostics) {
    let is_off = section
        .value("level")
        .is_some_and(|level| level.raw == "none");
    if !is_off && !section.entries().is_empty() {
        let message = format!("{}: {why}", section.owner());
        out.push(Diagnostic::error(section.place(), message).help(help));
    }
}
