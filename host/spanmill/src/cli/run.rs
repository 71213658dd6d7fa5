//! `spanmill run`.

use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::log::Log;
use super::{Failure, manifest, say};
use crate::config::{Manifest, Pipeline};
use crate::export::DebugOutput;
use crate::service::{Folders, Service};

pub(super) fn run(path: Option<&Path>, workers: Option<u16>, log: &Log) -> Result<(), Failure> {
    let mut loader = Folders::from_environment().loader()?;
    let (manifest, plugins) = manifest::load(path, &mut loader)?;
    log.set_level(manifest.log_level);
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let workers = workers.map_or(cores, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("io")
        .build()?;
    runtime.block_on(async {
        use std::io::IsTerminal as _;
        let stdout = std::io::stdout();
        let output = DebugOutput::new(
            std::io::stdout(),
            stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        );
        let service = Service::start(&manifest, plugins, output, workers).await?;
        for address in service.addresses() {
            tracing::info!("{address}");
        }
        if path.is_none() {
            describe(&manifest, service.addresses());
        }
        let shutdown = CancellationToken::new();
        tokio::spawn(end_on_signal(shutdown.clone())?);
        tracing::info!(
            pipelines = manifest.pipelines.len(),
            workers,
            "spanmill is ready"
        );
        let ended = service.serve(shutdown).await;
        if ended.lost > 0 {
            return Err(Failure(format!(
                "error: {} items could not be delivered before the end",
                ended.lost
            )));
        }
        tracing::info!("ended; everything that was taken was delivered");
        Ok(())
    })
}

/// Cancels at the first SIGTERM or SIGINT.
fn end_on_signal(shutdown: CancellationToken) -> Result<impl Future<Output = ()> + Send, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down: no more requests are taken, those under way are finished");
        shutdown.cancel();
    })
}

/// For a first look: where to send to, and what happens then.
fn describe(manifest: &Manifest, addresses: &[String]) {
    say("Spanmill runs its built-in pipeline. Give it your own with --config FILE.\n");
    for address in addresses {
        say(format_args!("  {address}"));
    }
    let arrow = |pipeline: &Pipeline| {
        let list = |ids: &[crate::config::ComponentId]| {
            ids.iter()
                .map(|id| id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut parts = vec![list(&pipeline.receivers)];
        parts.extend(pipeline.processors.iter().map(|id| id.as_str().to_owned()));
        parts.push(list(&pipeline.exporters));
        format!("  {}: {}", pipeline.id, parts.join(" -> "))
    };
    say("");
    for pipeline in &manifest.pipelines {
        say(arrow(pipeline));
    }
    say("");
}
