//! `spanmill status`: what a running spanmill has delivered, holds and has lost.

use spanmill_admin::{ExporterStatus, LossReport, ServiceStatus, SignalStatus};

use super::admin;
use super::admin::AdminArgs;
use super::output::{Failure, say};
use super::table::aligned;

const HEADER: [&str; 7] = [
    "EXPORTER",
    "SIGNAL",
    "STATE",
    "SENT",
    "SEND FAILED",
    "ENQUEUE FAILED",
    "QUEUE",
];

pub(super) fn status(admin: &AdminArgs, json: bool) -> Result<(), Failure> {
    let client = admin::client(admin)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let status = runtime.block_on(client.status())?;
    match json {
        true => say(serde_json::to_string_pretty(&status)?),
        false => lines(&status).iter().for_each(say),
    }
    Ok(())
}

fn lines(status: &ServiceStatus) -> Vec<String> {
    let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
    rows.extend(status.exporters.iter().flat_map(rows_of));
    let mut lines = aligned(&rows, 3);
    lines.extend(status.lost.iter().map(lost));
    lines
}

/// A row a signal; one without numbers for an exporter that was given nothing yet.
fn rows_of(exporter: &ExporterStatus) -> Vec<Vec<String>> {
    let row = |signal: &str, counts: &SignalStatus| {
        let state = match exporter.failing {
            true => "failing",
            false => "ok",
        };
        let queue = match &exporter.queue {
            Some(queue) => format!("{}/{} {}", queue.size, queue.capacity, queue.sizer),
            None => "none".to_owned(),
        };
        vec![
            exporter.exporter.clone(),
            signal.to_owned(),
            state.to_owned(),
            counts.sent.to_string(),
            counts.send_failed.to_string(),
            counts.enqueue_failed.to_string(),
            queue,
        ]
    };
    match exporter.signals.is_empty() {
        true => vec![row("-", &SignalStatus::default())],
        false => exporter
            .signals
            .iter()
            .map(|(signal, counts)| row(signal, counts))
            .collect(),
    }
}

fn lost(loss: &LossReport) -> String {
    format!(
        "lost: {}: {} {} ({})",
        loss.component, loss.count, loss.items, loss.reason
    )
}
