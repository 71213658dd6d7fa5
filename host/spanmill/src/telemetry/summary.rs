//! A line a minute in the log, while there is traffic: what came, what went, and what did not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use spanmill_model::{PerSignal, Signal};
use tokio_util::sync::CancellationToken;

use super::gather::{Gatherer, Reports};

const INTERVAL: Duration = Duration::from_secs(60);

/// Sums since the start, as far as the line tells of them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Totals {
    /// Taken, and refused.
    received: PerSignal<(u64, u64)>,
    dropped: BTreeMap<String, u64>,
    /// By exporter: sent, and failed.
    exported: BTreeMap<String, (u64, u64)>,
    /// What waits at exporters now.
    queued: u64,
    /// What plugins hold now.
    held: u64,
}

/// Logs a line a minute until `end`.
pub(super) async fn run(gatherer: Arc<Gatherer>, end: CancellationToken) {
    let mut before = Totals::default();
    let mut due = tokio::time::interval(INTERVAL);
    due.tick().await;
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = end.cancelled() => return,
        }
        let now = totals(&gatherer);
        if let Some(line) = line(&before, &now) {
            tracing::info!("in the last minute: {line}");
        }
        before = now;
    }
}

fn totals(gatherer: &Gatherer) -> Totals {
    let Reports { service, plugins } = gatherer.reports();
    let mut totals = Totals {
        received: gatherer.received(),
        ..Totals::default()
    };
    for plugin in plugins {
        totals.held = totals.held.saturating_add(plugin.version.items_held);
        // A version that was replaced has counted as well.
        let versions = std::iter::once(&plugin.version).chain(&plugin.history);
        let dropped = versions.map(|version| version.items_dropped);
        totals
            .dropped
            .insert(plugin.component, dropped.fold(0, u64::saturating_add));
    }
    for exporter in service.exporters {
        totals.queued = totals.queued.saturating_add(exporter.waiting);
        if exporter.part {
            continue;
        }
        let (sent, failed) = totals.exported.entry(exporter.exporter).or_default();
        for counts in exporter.signals.values() {
            *sent = sent.saturating_add(counts.sent);
            *failed = failed
                .saturating_add(counts.send_failed)
                .saturating_add(counts.enqueue_failed);
        }
    }
    totals
}

/// What has happened in between; `None` if nothing has.
fn line(before: &Totals, now: &Totals) -> Option<String> {
    let mut parts = Vec::new();
    let mut refused = Vec::new();
    for signal in Signal::ALL {
        let (taken, not_taken) = *now.received.get(signal);
        let (taken_before, not_before) = *before.received.get(signal);
        let items = signal.items();
        if taken > taken_before {
            parts.push(format!("received {} {items}", taken - taken_before));
        }
        if not_taken > not_before {
            refused.push(format!("{} {items}", not_taken - not_before));
        }
    }
    if !refused.is_empty() {
        parts.push(format!("refused {}", refused.join(", ")));
    }
    let since = |now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
        let grown = now.iter().map(|(id, count)| {
            let earlier = before.get(id).copied().unwrap_or(0);
            (id.clone(), count.saturating_sub(earlier))
        });
        grown.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
    };
    let of = |totals: &Totals, which: fn(&(u64, u64)) -> u64| -> BTreeMap<String, u64> {
        let exported = totals.exported.iter();
        exported
            .map(|(id, counts)| (id.clone(), which(counts)))
            .collect()
    };
    let mut list = |what: &str, counts: Vec<(String, u64)>| {
        if counts.is_empty() {
            return;
        }
        let total = counts
            .iter()
            .fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
        let mut text = format!("{what} {total} (");
        for (number, (id, count)) in counts.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            let _ = write!(text, "{comma}{id} {count}");
        }
        parts.push(text + ")");
    };
    list("dropped", since(&now.dropped, &before.dropped));
    list(
        "exported",
        since(&of(now, |it| it.0), &of(before, |it| it.0)),
    );
    list(
        "not delivered",
        since(&of(now, |it| it.1), &of(before, |it| it.1)),
    );
    if parts.is_empty() {
        return None;
    }
    parts.push(format!("queued {}", now.queued));
    if now.held > 0 {
        parts.push(format!("held {}", now.held));
    }
    Some(parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_has_changed_and_nothing_says_nothing() {
        let mut now = Totals::default();
        assert_eq!(line(&now, &now), None);
        *now.received.get_mut(Signal::Traces) = (1000, 40);
        now.dropped.insert("filter/health".to_owned(), 100);
        now.dropped.insert("tail_sampling".to_owned(), 0);
        now.exported.insert("otlp/a".to_owned(), (800, 5));
        now.exported.insert("otlp/b".to_owned(), (900, 0));
        now.queued = 7;
        now.held = 3;
        assert_eq!(
            line(&Totals::default(), &now).unwrap(),
            "received 1000 spans; refused 40 spans; dropped 100 (filter/health 100); exported 1700 (otlp/a 800, otlp/b 900); not delivered 5 (otlp/a 5); queued 7; held 3"
        );
        let mut later = now.clone();
        *later.received.get_mut(Signal::Traces) = (1001, 40);
        assert_eq!(
            line(&now, &later).unwrap(),
            "received 1 spans; queued 7; held 3"
        );
        assert_eq!(line(&now, &now), None);
    }
}
