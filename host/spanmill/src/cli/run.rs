//! `spanmill run`.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::log::Log;
use super::manifest::{self, ManifestArgs};
use super::{Failure, admin, say};
use crate::config::{Manifest, Pipeline, Signal};
use crate::export::DebugOutput;
use crate::losses::Loss;
use crate::pipeline::WorkerCount;
use crate::service::{Admin, Controller, Folders, Service, Watch};

pub(super) fn run(
    args: &ManifestArgs,
    workers: Option<u16>,
    endpoint: Option<String>,
    no_watch: bool,
    log: &Log,
) -> Result<(), Failure> {
    let mut loader = Folders::from_environment()?.loader()?;
    let from = args.source()?;
    let (manifest, plugins) = manifest::load(&from, &mut loader)?;
    log.set_level(manifest.log_level);
    let workers = WorkerCount::new(workers.map(usize::from));
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
        let bound = admin::bind(&manifest, endpoint).await?;
        let service =
            Service::start(manifest.clone(), plugins, loader, from, output, workers).await?;
        let mut addresses = service.addresses();
        addresses.extend(bound.iter().map(admin::Bound::line));
        for address in &addresses {
            tracing::info!("{address}");
        }
        if args.is_default() {
            describe(&manifest, &addresses);
        }
        let shutdown = CancellationToken::new();
        tokio::spawn(end_on_signal(shutdown.clone())?);
        let hang_up = signal(SignalKind::hangup())?;
        let pipelines = manifest.pipelines.len();
        let controller = service.serve(shutdown.clone());
        tokio::spawn(reload_on_signal(Arc::clone(&controller), hang_up));
        if !no_watch && let Some(watch) = Watch::start(Arc::clone(&controller)).await {
            tokio::spawn(watch.run(shutdown.clone()));
        }
        let serving = bound.map(|bound| {
            let admin = Arc::new(Admin(Arc::clone(&controller)));
            let serving = bound.server.serve(admin, shutdown.clone());
            tokio::spawn(async move {
                serving.await;
                drop(bound.token);
            })
        });
        tracing::info!(pipelines, workers = workers.workers, "spanmill is ready");
        let ended = controller.ended().await;
        if let Some(serving) = serving {
            // It ends with the same token; a panic in it was logged.
            let _ = serving.await;
        }
        report(&ended.losses)
    })
}

/// The last line. What was lost is an error, what the manifest wants to be dropped is not.
fn report(losses: &[Loss]) -> Result<(), Failure> {
    if losses.iter().any(|loss| !loss.reason.is_asked_for()) {
        return Err(Failure(format!("error: {}", not_delivered(losses))));
    }
    match losses {
        [] => tracing::info!("ended; everything that was accepted was delivered"),
        dropped => tracing::info!("{}", not_delivered(dropped)),
    }
    Ok(())
}

/// What was accepted and not delivered, in a line.
fn not_delivered(losses: &[Loss]) -> String {
    let total = |signal: Signal| -> u64 {
        let items = losses.iter().filter(|loss| loss.signal == signal);
        items.fold(0, |total, loss| total.saturating_add(loss.items))
    };
    let totals: Vec<String> = [Signal::Traces, Signal::Metrics]
        .into_iter()
        .filter(|signal| total(*signal) > 0)
        .map(|signal| format!("{} {}", total(signal), signal.items()))
        .collect();
    let each: Vec<String> = losses.iter().map(Loss::to_string).collect();
    format!(
        "ended; {} were accepted and not delivered: {}",
        totals.join(" and "),
        each.join("; ")
    )
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

/// Reloads at each SIGHUP.
async fn reload_on_signal(controller: Arc<Controller>, mut hang_up: tokio::signal::unix::Signal) {
    while hang_up.recv().await.is_some() {
        tracing::info!("SIGHUP: reading the manifest and the plugins again");
        controller
            .reload_or_say("a reload was asked for by SIGHUP")
            .await;
    }
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
