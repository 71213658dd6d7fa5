//! `spanmill run`.

mod ending;
mod threads;

use std::io::Write as _;
use std::sync::Arc;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::admin;
use super::log::Log;
use super::manifest::{self, ManifestArgs};
use super::output::Failure;
use crate::config::{Manifest, Pipeline};
use crate::console::Console;
use crate::export::DebugOutput;
use crate::inside::MANIFEST;
use crate::panics::Panics;
use crate::pipeline::WorkerCount;
use crate::service::{Admin, Controller, Service, Watch};
use crate::telemetry::Telemetry;

/// How long the admin API may take to end.
const ADMIN_GRACE: Duration = Duration::from_secs(1);
/// How long the last metrics of the service may take to be sent.
const TELEMETRY_GRACE: Duration = Duration::from_secs(2);

/// Has the system end this process, as SIGTERM does, when its parent is gone.
pub(super) fn end_with_parent() -> Result<(), Failure> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    match rustix::process::getppid() == parent {
        true => Ok(()),
        false => Err(Failure(
            "error: the process that started this one is gone".to_owned(),
        )),
    }
}

pub(super) fn run(
    args: &ManifestArgs,
    workers: Option<u16>,
    endpoint: Option<String>,
    no_watch: bool,
    log: &Log,
) -> Result<(), Failure> {
    let workers = WorkerCount::new(workers.map(usize::from));
    threads::check(workers)?;
    let (from, mut loader) = args.open()?;
    let is_first_look = args.is_default() && !loader.inside().has(MANIFEST);
    let (manifest, plugins) = manifest::load_to_run(&from, &mut loader)?;
    // Of what plugins were loaded from.
    crate::memory::give_back();
    log.set_level(manifest.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("io")
        .build()
        .map_err(|error| Failure(format!("error: the network's threads cannot start: {error}; `ulimit -n` limits files, `ulimit -u` threads")))?;
    runtime.block_on(async {
        use std::io::IsTerminal as _;
        let mut stdout = Console::stdout()?;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let output = DebugOutput::new(stdout.clone(), colour);
        let shutdown = CancellationToken::new();
        let panics = Panics::watch(shutdown.clone());
        let bound = admin::bind(&manifest, endpoint).await?;
        let service =
            Service::start(manifest.clone(), plugins, loader, from, output, workers).await?;
        let telemetry = Telemetry::bind(&manifest.metrics, manifest.traces.as_ref()).await?;
        let mut addresses = service.addresses();
        addresses.extend(telemetry.addresses());
        addresses.extend(bound.iter().map(admin::BoundAdmin::line));
        for address in &addresses {
            tracing::info!("{address}");
        }
        if is_first_look {
            let text = description(&manifest, &addresses);
            stdout.write_all(text.as_bytes())?;
        }
        let ending = ending::watch(shutdown.clone(), service.losses(), log.console())?;
        let told = CancellationToken::new();
        let hang_up = signal(SignalKind::hangup())?;
        let pipelines = manifest.pipelines.len();
        let controller = service.serve(shutdown.clone());
        let telling = telemetry.serve(&controller, &told);
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
        crate::memory::give_back();
        crate::memory::let_go_of_code();
        tracing::info!(pipelines, workers = workers.workers, "spanmill is ready");
        let ended = controller.ended().await;
        if let Some(serving) = serving {
            // It ends with the same token; what a client still does there is not waited for.
            let _ = tokio::time::timeout(ADMIN_GRACE, serving).await;
        }
        told.cancel();
        let _ = tokio::time::timeout(TELEMETRY_GRACE, telling.wait()).await;
        stdout.flush_within(ADMIN_GRACE);
        ending.report(&ended.losses)?;
        match panics.were_fatal() {
            false => Ok(()),
            true => Err(Failure(
                "error: ended because of a panic, which the log has; please report it".to_owned(),
            )),
        }
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

/// What a first run shows: where to send telemetry and what happens to it.
fn description(manifest: &Manifest, addresses: &[String]) -> String {
    let mut lines = vec![
        "Spanmill runs its built-in pipeline. Give it your own with --config FILE.\n".to_owned(),
    ];
    lines.extend(addresses.iter().map(|address| format!("  {address}")));
    lines.push(String::new());
    let list = |ids: &[crate::config::ComponentId]| {
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        ids.join(", ")
    };
    let arrow = |pipeline: &Pipeline| {
        let mut parts = vec![list(&pipeline.receivers)];
        parts.extend(pipeline.processors.iter().map(|id| id.as_str().to_owned()));
        parts.push(list(&pipeline.exporters));
        format!("  {}: {}", pipeline.id, parts.join(" -> "))
    };
    lines.extend(manifest.pipelines.iter().map(arrow));
    lines.push("\n".to_owned());
    lines.join("\n")
}
