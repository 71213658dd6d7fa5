//! `spanmill top`: what passes a running spanmill, a line a component, refreshed as it runs.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use spanmill_admin::{AdminClient, PluginStatus, ServiceStatus};

use super::admin::{self, AdminArgs};
use super::output::Failure;
use super::table::aligned;

/// Another screen, without a cursor, and back to the one before.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the first line, and everything below away.
const CLEAR: &str = "\x1b[H\x1b[J";

/// No screen is refreshed more often.
const SHORTEST: Duration = Duration::from_millis(100);

/// What a service reports at one moment.
struct Sample {
    at: Instant,
    status: ServiceStatus,
    plugins: Vec<PluginStatus>,
}

/// Shows what passes until Ctrl-C; with `once` a single time, after one interval.
pub(super) fn top(admin: &AdminArgs, interval: Duration, once: bool) -> Result<(), Failure> {
    let client = admin::client(admin)?;
    let interval = interval.max(SHORTEST);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut out = std::io::stdout();
    let is_screen = !once && out.is_terminal();
    runtime.block_on(async {
        let mut ended_by = signal(SignalKind::terminate())?;
        let mut before = sample(&client).await?;
        if is_screen {
            out.write_all(ENTER.as_bytes())?;
        }
        let shown = async {
            loop {
                tokio::time::sleep(interval).await;
                let now = sample(&client).await?;
                let mut frame = if is_screen { CLEAR } else { "" }.to_owned();
                for line in frame_of(&before, &now) {
                    frame.push_str(&line);
                    frame.push('\n');
                }
                out.write_all(frame.as_bytes())?;
                out.flush()?;
                if once {
                    return Ok(());
                }
                before = now;
            }
        };
        let ended: Result<(), Failure> = tokio::select! {
            ended = shown => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
            _ = ended_by.recv() => Ok(()),
        };
        if is_screen {
            std::io::stdout().write_all(LEAVE.as_bytes())?;
        }
        ended
    })
}

async fn sample(client: &AdminClient) -> Result<Sample, Failure> {
    Ok(Sample {
        status: client.status().await?,
        plugins: client.plugins().await?,
        at: Instant::now(),
    })
}

/// The lines of one refresh.
fn frame_of(before: &Sample, now: &Sample) -> Vec<String> {
    let seconds = now.at.duration_since(before.at).as_secs_f64();
    let rate = |now: u64, before: Option<u64>| {
        // Without a value before, it has just begun; a version that is new counts from 0.
        let grown = now.saturating_sub(before.unwrap_or(0).min(now));
        number(grown as f64 / seconds.max(0.001))
    };
    let mut lines = Vec::new();
    let mut table = |header: &[&str], rows: Vec<Vec<String>>, words: usize| {
        if rows.is_empty() {
            return;
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let mut all = vec![header.iter().map(|&cell| cell.to_owned()).collect()];
        all.extend(rows);
        lines.extend(aligned(&all, words));
    };
    table(
        &[
            "RECEIVER",
            "TRANSPORT",
            "SIGNAL",
            "ACCEPTED/S",
            "REFUSED/S",
            "FAILED/S",
        ],
        receivers(before, now, &rate),
        3,
    );
    table(
        &[
            "PLUGIN",
            "STATE",
            "IN/S",
            "OUT/S",
            "DROPPED/S",
            "HELD",
            "P50",
            "P99",
            "FAULTS",
            "MIB",
        ],
        plugins(before, now, &rate),
        2,
    );
    table(
        &[
            "EXPORTER",
            "SIGNAL",
            "STATE",
            "SENT/S",
            "FAILED/S",
            "REFUSED/S",
            "WAITING",
            "QUEUE",
        ],
        exporters(before, now, &rate),
        3,
    );
    for loss in &now.status.lost {
        lines.push(format!(
            "lost: {}: {} {} ({})",
            loss.component, loss.count, loss.items, loss.reason
        ));
    }
    if lines.is_empty() {
        lines.push("nothing has come yet".to_owned());
    }
    lines
}

/// How much a count has grown a second.
type Rate<'a> = &'a dyn Fn(u64, Option<u64>) -> String;

fn receivers(before: &Sample, now: &Sample, rate: Rate<'_>) -> Vec<Vec<String>> {
    let known: BTreeMap<_, _> = before
        .status
        .receivers
        .iter()
        .map(|it| ((&it.receiver, &it.transport, &it.signal), it))
        .collect();
    let row = |it: &spanmill_admin::ReceiverStatus| {
        let earlier = known.get(&(&it.receiver, &it.transport, &it.signal));
        vec![
            it.receiver.clone(),
            it.transport.clone(),
            it.signal.clone(),
            rate(it.accepted, earlier.map(|it| it.accepted)),
            rate(it.refused, earlier.map(|it| it.refused)),
            rate(it.failed, earlier.map(|it| it.failed)),
        ]
    };
    now.status.receivers.iter().map(row).collect()
}

fn plugins(before: &Sample, now: &Sample, rate: Rate<'_>) -> Vec<Vec<String>> {
    let row = |plugin: &PluginStatus| {
        let earlier = before
            .plugins
            .iter()
            .find(|it| it.component == plugin.component);
        // Another version has counts of its own.
        let earlier =
            earlier.filter(|it| it.swaps == plugin.swaps && it.rollbacks == plugin.rollbacks);
        let (version, earlier) = (&plugin.version, earlier.map(|it| &it.version));
        let state = serde_json::to_value(plugin.state).ok();
        let state = state.and_then(|state| state.as_str().map(str::to_owned));
        vec![
            plugin.component.clone(),
            state.unwrap_or_default(),
            rate(version.items_in, earlier.map(|it| it.items_in)),
            rate(version.items_out, earlier.map(|it| it.items_out)),
            rate(version.items_dropped, earlier.map(|it| it.items_dropped)),
            number(version.items_held as f64),
            micros(version.latency.p50_us),
            micros(version.latency.p99_us),
            version
                .faults
                .values()
                .fold(0, |sum: u64, it| sum.saturating_add(*it))
                .to_string(),
            (plugin.memory_bytes >> 20).to_string(),
        ]
    };
    now.plugins.iter().map(row).collect()
}

fn exporters(before: &Sample, now: &Sample, rate: Rate<'_>) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for exporter in &now.status.exporters {
        let earlier = before
            .status
            .exporters
            .iter()
            .find(|it| it.exporter == exporter.exporter);
        let queue = match &exporter.queue {
            Some(queue) => format!("{}/{} {}", queue.size, queue.capacity, queue.sizer),
            None => "none".to_owned(),
        };
        let state = if exporter.failing { "failing" } else { "ok" };
        for (signal, counts) in &exporter.signals {
            let earlier = earlier.and_then(|it| it.signals.get(signal));
            rows.push(vec![
                exporter.exporter.clone(),
                signal.clone(),
                state.to_owned(),
                rate(counts.sent, earlier.map(|it| it.sent)),
                rate(counts.send_failed, earlier.map(|it| it.send_failed)),
                rate(counts.enqueue_failed, earlier.map(|it| it.enqueue_failed)),
                number(exporter.waiting as f64),
                queue.clone(),
            ]);
        }
    }
    rows
}

/// A number in four characters or so: `12`, `1.5k`, `230k`, `1.2M`.
fn number(value: f64) -> String {
    match value {
        _ if value < 9.95 && value.fract() > 0.0 => format!("{value:.1}"),
        _ if value < 1e3 => format!("{value:.0}"),
        _ if value < 1e4 => format!("{:.1}k", value / 1e3),
        _ if value < 1e6 => format!("{:.0}k", value / 1e3),
        _ if value < 1e7 => format!("{:.1}M", value / 1e6),
        _ => format!("{:.0}M", value / 1e6),
    }
}

/// Microseconds in the unit that suits them.
fn micros(value: u64) -> String {
    match value {
        0..1_000 => format!("{value}us"),
        1_000..10_000 => format!("{:.1}ms", value as f64 / 1e3),
        10_000..1_000_000 => format!("{}ms", value / 1_000),
        _ => format!("{:.1}s", value as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (12.4, "12"),
            (999.0, "999"),
            (1_540.0, "1.5k"),
            (230_000.0, "230k"),
            (1_240_000.0, "1.2M"),
            (56_000_000.0, "56M"),
        ] {
            assert_eq!(number(value), text);
        }
        for (value, text) in [
            (7, "7us"),
            (1_500, "1.5ms"),
            (25_000, "25ms"),
            (2_500_000, "2.5s"),
        ] {
            assert_eq!(micros(value), text);
        }
    }
}
