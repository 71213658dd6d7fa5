//! `service.telemetry`: of what the Collector tells about itself, this version has the level of the log.

use spanmill_manifest::{Diagnostic, Diagnostics, Node, Section, Value};

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

/// Reads `telemetry`; what would be told elsewhere or otherwise than it is, is refused.
pub(super) fn read(service: &mut Section<'_>, out: &mut Diagnostics) -> Option<LogLevel> {
    let mut telemetry = service.section("telemetry", out)?;
    let level = telemetry
        .section("logs", out)
        .and_then(|section| logs(section, out));
    if let Some(section) = telemetry.section("metrics", out) {
        off(
            section,
            "metrics about itself are not exported in this version",
            "look at `spanmill plugin status` or the admin API, and remove it, or say `level: none`",
            out,
        );
    }
    if let Some(section) = telemetry.section("traces", out) {
        off(
            section,
            "traces of itself are not made in this version",
            "remove it, or say `level: none`",
            out,
        );
    }
    // It describes who sends those metrics and traces, of which there are none.
    telemetry.ignore(&["resource"], out);
    telemetry.finish(out);
    level
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
