//! `spanmill plugin status` for people.

use spanmill_admin::{PluginState, PluginStatus, VersionStatus};

use crate::cli::table::aligned;

const HEADER: [&str; 12] = [
    "PLUGIN", "VERSION", "STATE", "SINCE", "CALLS", "IN", "OUT", "DROPPED", "HELD", "P50", "P99",
    "MEMORY",
];

/// A line for each plugin, and below it what is worth knowing beyond that.
pub(super) fn status(plugins: &[PluginStatus]) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = vec![HEADER.iter().map(|name| (*name).to_owned()).collect()];
    let mut notes: Vec<Vec<String>> = vec![Vec::new()];
    for plugin in plugins {
        rows.push(row(plugin));
        notes.push(remarks(plugin));
    }
    let mut lines = Vec::new();
    for (line, notes) in aligned(&rows, 4).into_iter().zip(notes) {
        lines.push(line);
        lines.extend(notes.into_iter().map(|note| format!("  {note}")));
    }
    lines
}

fn row(plugin: &PluginStatus) -> Vec<String> {
    let version = &plugin.version;
    let state = match (plugin.state, &plugin.probation) {
        (PluginState::Running, _) => "running".to_owned(),
        (PluginState::Probation, Some(left)) => format!("probation ({} left)", left.batches_left),
        (PluginState::Probation, None) => "probation".to_owned(),
        (PluginState::Quarantined, _) => "quarantined".to_owned(),
    };
    vec![
        plugin.component.clone(),
        short(version),
        state,
        // To the second: 2026-11-21T10:00:00.
        version.since.get(..19).unwrap_or(&version.since).to_owned(),
        version.calls.to_string(),
        version.items_in.to_string(),
        version.items_out.to_string(),
        version.items_dropped.to_string(),
        version.items_held.to_string(),
        micros(version.latency.p50_us),
        micros(version.latency.p99_us),
        format!("{:.1} MiB", plugin.memory_bytes as f64 / (1024.0 * 1024.0)),
    ]
}

fn remarks(plugin: &PluginStatus) -> Vec<String> {
    let mut notes = vec![format!(
        "{} of {}, {} instances",
        plugin.role,
        plugin.pipelines.join(", "),
        plugin.instances
    )];
    notes.extend(waiting(plugin));
    notes.extend(faults(&plugin.version));
    if plugin.differs_from_manifest {
        let note = "differs from the manifest and its files: a restart forgets this version; `plugin swap --save` writes it there";
        notes.push(note.to_owned());
    }
    if !plugin.version.allowed_more.is_empty() {
        let more = plugin.version.allowed_more.join(", ");
        notes.push(format!("was allowed more than the version before: {more}"));
    }
    if !plugin.version.counters.is_empty() {
        let counters = plugin.version.counters.iter();
        let counters = counters.map(|(name, count)| format!("{name} {count}"));
        notes.push(format!(
            "counted {}",
            counters.collect::<Vec<_>>().join(", ")
        ));
    }
    if plugin.swaps + plugin.rollbacks > 0 {
        notes.push(format!(
            "{} swaps, {} rollbacks",
            plugin.swaps, plugin.rollbacks
        ));
    }
    for before in &plugin.history {
        let until = before.until.as_deref().unwrap_or("");
        let until = until.get(..19).unwrap_or(until);
        let ended = before.ended.as_deref().unwrap_or("");
        notes.push(format!(
            "before: {} until {until}, {} calls, {ended}",
            short(before),
            before.calls
        ));
    }
    notes
}

/// Which pipelines a probation waits for, if there are several.
fn waiting(plugin: &PluginStatus) -> Option<String> {
    let probation = plugin.probation.as_ref()?;
    let left = probation.pipelines.iter().filter(|(_, left)| **left > 0);
    let left: Vec<String> = left
        .map(|(pipeline, left)| format!("{pipeline} {left}"))
        .collect();
    Some(format!(
        "batches that must still go well: {}",
        left.join(", ")
    ))
}

fn faults(version: &VersionStatus) -> Option<String> {
    let mut parts: Vec<String> = version
        .faults
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if version.quarantined > 0 {
        parts.push(format!(
            "{} calls not made in quarantine",
            version.quarantined
        ));
    }
    if version.items_passed > 0 {
        parts.push(format!(
            "{} items passed on without it",
            version.items_passed
        ));
    }
    if version.log_lines_dropped > 0 {
        parts.push(format!("{} log lines dropped", version.log_lines_dropped));
    }
    if version.recycled > 0 {
        parts.push(format!("{} instances recycled", version.recycled));
    }
    (!parts.is_empty()).then(|| format!("faults: {}", parts.join(", ")))
}

fn short(version: &VersionStatus) -> String {
    version.hash.get(..12).unwrap_or(&version.hash).to_owned()
}

fn micros(us: u64) -> String {
    match us {
        0..10_000 => format!("{us} us"),
        _ => format!("{} ms", us / 1000),
    }
}
