//! `spanmill run`.

use std::sync::Arc;

use spanmill_admin::{AdminConfig, AdminServer, DEFAULT_ENDPOINT, Token};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::log::Log;
use super::manifest::{self, ManifestArgs};
use super::{Failure, say};
use crate::config::{Manifest, Pipeline};
use crate::export::DebugOutput;
use crate::service::{Admin, Controller, Folders, Service, Watch};

/// Where the admin API is, if the command line does not say.
pub(super) const ADMIN: &str = "SPANMILL_ADMIN";
/// What its clients show it, if the manifest asks for a token.
pub(super) const ADMIN_TOKEN: &str = "SPANMILL_ADMIN_TOKEN";

pub(super) fn run(
    args: &ManifestArgs,
    workers: Option<u16>,
    admin: Option<String>,
    no_watch: bool,
    log: &Log,
) -> Result<(), Failure> {
    let mut loader = Folders::from_environment().loader()?;
    let from = args.source()?;
    let (manifest, plugins) = manifest::load(&from, &mut loader)?;
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
        let server = bind_admin(&manifest, admin).await?;
        let service =
            Service::start(manifest.clone(), plugins, loader, from, output, workers).await?;
        let mut addresses = service.addresses();
        addresses.extend(server.iter().map(|s| format!("admin http {}", s.address())));
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
        let serving = server.map(|server| {
            let admin = Arc::new(Admin(Arc::clone(&controller)));
            tokio::spawn(server.serve(admin, shutdown.clone()))
        });
        tracing::info!(pipelines, workers, "spanmill is ready");
        let ended = controller.ended().await;
        if let Some(serving) = serving {
            // It ends with the same token; a panic in it was logged.
            let _ = serving.await;
        }
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

/// Opens the admin API's socket. Only where nobody asked for an endpoint, one that is taken is no error.
async fn bind_admin(
    manifest: &Manifest,
    argument: Option<String>,
) -> Result<Option<AdminServer>, Failure> {
    let section = manifest.admin.as_ref();
    let environment = std::env::var(ADMIN).ok().filter(|value| !value.is_empty());
    let asked = argument
        .or(environment)
        .or_else(|| section.and_then(|admin| admin.endpoint.clone()));
    if asked.as_deref() == Some("off") || section.is_some_and(|admin| !admin.enabled) {
        return Ok(None);
    }
    let token = match section.and_then(|admin| admin.token.as_ref()) {
        Some(secret) => Some(
            Token::new(secret.reveal())
                .map_err(|error| Failure(format!("error: admin: token: {error}")))?,
        ),
        None => None,
    };
    let config = AdminConfig {
        endpoint: asked.clone().unwrap_or(DEFAULT_ENDPOINT.to_owned()),
        token,
    };
    match AdminServer::bind(&config).await {
        Ok(server) => Ok(Some(server)),
        Err(error) if asked.is_none() => {
            tracing::warn!(%error, "no admin API: `spanmill plugin` cannot reach this process");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
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
