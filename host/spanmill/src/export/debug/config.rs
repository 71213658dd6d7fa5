//! The settings of the `debug` exporter.

use spanmill_manifest::{Diagnostics, Section};

/// How much the debug exporter shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// A line a batch.
    Basic,
    /// A line a span.
    Normal,
    /// Everything.
    Detailed,
}

/// The `debug` exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugConfig {
    /// How much it shows.
    pub verbosity: Verbosity,
    /// Batches shown per second before sampling starts.
    pub sampling_initial: u64,
    /// Beyond that, one batch in this many is shown; 0: none.
    pub sampling_thereafter: u64,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> DebugConfig {
    let verbosities = [
        ("basic", Verbosity::Basic),
        ("normal", Verbosity::Normal),
        ("detailed", Verbosity::Detailed),
    ];
    // The `logging` exporter's older key.
    let levels = [
        ("debug", Verbosity::Detailed),
        ("info", Verbosity::Normal),
        ("warn", Verbosity::Basic),
        ("error", Verbosity::Basic),
    ];
    let verbosity = section.choice("verbosity", &verbosities, out);
    let level = section.choice("loglevel", &levels, out);
    if verbosity.is_some()
        && let Some(node) = section.value("loglevel")
    {
        out.push(section.wrong(
            "loglevel",
            node,
            "stands beside verbosity, which took its place",
        ));
    }
    let exporter = DebugConfig {
        verbosity: verbosity.or(level).unwrap_or(Verbosity::Basic),
        sampling_initial: section.number("sampling_initial", out).unwrap_or(2),
        sampling_thereafter: section.number("sampling_thereafter", out).unwrap_or(1),
    };
    for item in section.list("output_paths", out).unwrap_or_default() {
        if item.raw != "stdout" {
            out.push(
                section
                    .wrong("output_paths", &item, "telemetry is shown on stdout")
                    .help("remove it, and redirect stdout; or use the `file` exporter"),
            );
        }
    }
    // It shows what it gets at once, and not in the log.
    section.ignore(&["use_internal_logger", "sending_queue"], out);
    section.finish(out);
    exporter
}
