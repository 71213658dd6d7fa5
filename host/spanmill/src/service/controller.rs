//! Changes a running service, one change at a time. A change that fails leaves everything as it was.

mod admin;
mod common;
mod manifest;
mod shadow_entry;
mod shadows;
mod swaps;
mod tap;
mod trial_entry;
mod trials;
mod uploaded;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spanmill_admin::{ControlError, EventKind, ReloadReport};
use spanmill_runtime::Runtime;
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use super::faults::ServiceFaults;
use super::history::History;
use super::running::{ChangeReport, PendingTrial, RunningService, ShutdownReport};
use super::shown::Shown;
use crate::components;
use crate::config::{self, ComponentId, Manifest, ManifestSource, TapRights};
use crate::export::Registry;
use crate::health::Health;
use crate::inside::Inside;
use crate::ledger::Ledger;
use crate::losses::Losses;
use crate::pipeline::{LoadedPlugin, PROBATION, PluginFile, PluginLoader};
use crate::received::ReceivedItems;
use crate::remote::{Access, BESIDE, RemotePlugins, beside, lock_file};
use crate::tracer::Tracer;
pub use admin::Admin;
use common::{components, invalid, lock, not_changed, refused};
use shadow_entry::Shadows;
use trial_entry::Trials;

/// Holds what runs.
pub struct Controller {
    /// Nothing once it has ended. Held while something is changed.
    running: tokio::sync::Mutex<Option<RunningService>>,
    loader: Mutex<PluginLoader>,
    runtime: Runtime,
    remote: RemotePlugins,
    source: ManifestSource,
    history: Arc<History>,
    exporters: Registry,
    losses: Losses,
    received: Arc<ReceivedItems>,
    shown: Arc<Shown>,
    health: Arc<Health>,
    tracer: Tracer,
    /// Which telemetry operators may look at.
    tap: TapRights,
    ledger: Option<Arc<Ledger>>,
    shadows: Shadows,
    trials: Trials,
    shutdown: CancellationToken,
    /// Why the last reload was refused; not said again for the same reason.
    refused: Mutex<Option<String>>,
}

impl Controller {
    pub(super) fn new(
        running: RunningService,
        loader: PluginLoader,
        source: ManifestSource,
        shutdown: CancellationToken,
    ) -> Arc<Self> {
        let history = Arc::new(History::default());
        history.now_running(running.topology().versions(), None, "");
        let (exporters, losses) = (running.exporters(), running.losses());
        let received = running.topology().pipelines().received();
        let shown = Arc::clone(running.shown());
        let health = Arc::clone(running.health());
        let tracer = running.topology().pipelines().tracer();
        let admin = running.manifest().admin.as_ref();
        let tap = admin.map(|admin| admin.tap).unwrap_or_default();
        running.health().watch(Arc::new(ServiceFaults {
            exporters: exporters.clone(),
            history: Arc::clone(&history),
        }));
        let ledger = running.topology().pipelines().ledger();
        let runtime = loader.runtime().clone();
        let remote = loader.remote().clone();
        tokio::spawn(stop_loading(
            shutdown.clone(),
            runtime.clone(),
            remote.clone(),
        ));
        Arc::new(Controller {
            running: tokio::sync::Mutex::new(Some(running)),
            loader: Mutex::new(loader),
            runtime,
            remote,
            source,
            history,
            exporters,
            losses,
            received,
            shown,
            health,
            tracer,
            tap,
            ledger,
            shadows: Shadows::default(),
            trials: Trials::default(),
            shutdown,
            refused: Mutex::default(),
        })
    }

    /// Makes spans of the service's own work.
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// What receivers have taken and refused.
    pub fn received(&self) -> Arc<ReceivedItems> {
        Arc::clone(&self.received)
    }

    /// Waits for the shutdown signal, then ends the service without losing a span.
    pub async fn ended(&self) -> ShutdownReport {
        self.shutdown.cancelled().await;
        let running = self.running.lock().await.take();
        match running {
            Some(running) => running.end().await,
            None => ShutdownReport::default(),
        }
    }

    /// The files whose change is a reason to reload: the manifest's and the plugins'.
    pub async fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        files.extend(self.source.files().cloned());
        if let Some(running) = &*self.running.lock().await {
            let manifest = running.manifest();
            let loader = lock(&self.loader);
            let plugins = crate::pipeline::plugins_of(manifest);
            let mut is_locked = false;
            for spec in plugins {
                let file = loader.file(spec);
                if !spec.keys.is_empty() && spec.location.is_none() {
                    files.extend(BESIDE.map(|suffix| beside(&file, suffix)));
                }
                files.extend(spec.keys.iter().cloned());
                files.push(file);
                is_locked |= spec.location.is_some();
            }
            if is_locked {
                files.extend(self.source.files().next().map(|file| lock_file(file)));
            }
        }
        // What is inside the executable stays as it is.
        files.retain(|file| !Inside::is_inside(file));
        files.sort_unstable();
        files.dedup();
        files
    }

    /// The components that a target means: the one of that id, or with a bare type every one of the type.
    fn components(&self, target: &str) -> Result<Vec<ComponentId>, ControlError> {
        let versions = self.history.versions();
        let wanted = components::canonical_component(target);
        let is_meant = |id: &&ComponentId| {
            components::canonical_component(id.as_str()) == wanted
                || components::canonical_type(id.kind()) == wanted
        };
        let meant: Vec<ComponentId> = versions.keys().filter(is_meant).cloned().collect();
        if meant.is_empty() {
            let known: Vec<&str> = versions.keys().map(ComponentId::as_str).collect();
            return Err(ControlError::NotFound(format!(
                "no plugin `{target}` is running; these are: {}",
                known.join(", ")
            )));
        }
        Ok(meant)
    }

    /// Reads the manifest and the plugins again, and becomes what they say.
    async fn reload_now(self: &Arc<Self>) -> Result<ReloadReport, ControlError> {
        block_in_place(|| self.fetch_and_compile());
        let mut guard = self.running.lock().await;
        let running = guard.as_mut().ok_or(ControlError::ShuttingDown)?;
        self.conclude_failed(running);
        if self.shutdown.is_cancelled() {
            return Err(ControlError::ShuttingDown);
        }
        let (manifest, warnings, mut plugins) = block_in_place(|| self.load(running.manifest()))?;
        self.check_grants(&plugins)?;
        let ledger_changed = manifest.ledger != running.manifest().ledger;
        let admin_changed = manifest.admin != running.manifest().admin;
        let limits_changed = manifest.limits != running.manifest().limits;
        let metrics_changed = manifest.metrics != running.manifest().metrics
            || manifest.traces != running.manifest().traces;
        let log_changed = manifest.log_level != running.manifest().log_level;
        let changed = running
            .change(manifest, &mut plugins, PROBATION)
            .await
            .map_err(not_changed)?;
        if changed.untapped {
            self.end_shadows("a reload");
        }
        {
            let mut loader = lock(&self.loader);
            loader.forget_replaced(running.manifest());
            self.history.now_swapped(loader.swapped());
        }
        let ChangeReport {
            mut changes,
            replaced,
            switched,
            ..
        } = changed;
        let mut warnings = warnings;
        if admin_changed {
            warnings.push("admin: changes take effect at the next start".to_owned());
        }
        if ledger_changed {
            warnings.push("ledger: changes take effect at the next start".to_owned());
        }
        if limits_changed {
            warnings.push("limits: changes take effect at the next start".to_owned());
        }
        if metrics_changed {
            warnings.push(
                "service.telemetry: changes of metrics and traces take effect at the next start"
                    .to_owned(),
            );
        }
        if log_changed {
            warnings.push(
                "service.telemetry.logs.level: a change takes effect at the next start".to_owned(),
            );
        }
        let trial = switched.as_ref().map(PendingTrial::trial);
        self.history
            .now_running(running.topology().versions(), trial, "replaced by a reload");
        let held = switched
            .as_ref()
            .map_or(Duration::ZERO, |s| s.switched.held);
        self.tell_swapped(&replaced, "reloaded", held, &BTreeMap::new());
        for one in &replaced {
            changes.push(format!("plugin {} has another version", one.new.id));
        }
        if !changes.is_empty() {
            let message = format!("reloaded: {}", changes.join("; "));
            self.history.event(EventKind::Reload, Vec::new(), message);
        }
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        let components = components(&replaced);
        if let Some(on_trial) = switched {
            self.watch_trial(on_trial, None, None);
        }
        Ok(ReloadReport {
            changes,
            warnings,
            components,
        })
    }

    /// Fetches what the manifest's plugins are now, and compiles what their files hold, before anything is locked: it may take a while, and swaps, the status
    /// and the end need not wait for it. Mistakes are reported when the files are applied.
    fn fetch_and_compile(&self) {
        let env = |name: &str| std::env::var(name).ok();
        let Ok(source) = self.source.read() else {
            return;
        };
        let (mut manifest, mut found) = config::examine(source, Path::new("."), &env);
        if let Some(manifest) = &mut manifest {
            let online = Access::Online;
            self.remote
                .resolve(manifest, &self.source, online, &mut found);
        }
        for spec in manifest.iter().flat_map(crate::pipeline::plugins_of) {
            if spec.is_missing() {
                continue;
            }
            let (path, inside) = {
                let loader = lock(&self.loader);
                (loader.file(spec), loader.inside().clone())
            };
            let Ok(file) = PluginFile::read(path, spec, &inside) else {
                continue;
            };
            if lock(&self.loader).known(&file).is_none() {
                let loaded = file.compile(&self.runtime);
                lock(&self.loader).keep(file.into_id(), &loaded);
            }
        }
    }

    /// The manifest and its plugins as the files say now; every mistake at once.
    #[allow(clippy::type_complexity)]
    fn load(
        &self,
        before: &Manifest,
    ) -> Result<(Manifest, Vec<String>, BTreeMap<ComponentId, LoadedPlugin>), ControlError> {
        let env = |name: &str| std::env::var(name).ok();
        let source = self.source.read().map_err(invalid)?;
        let (manifest, mut found) = config::examine(source, Path::new("."), &env);
        if let Some(mut manifest) = manifest {
            config::check_files(&manifest, Some(before), &mut found);
            let offline = Access::Offline;
            self.remote
                .resolve(&mut manifest, &self.source, offline, &mut found);
            match lock(&self.loader).load_all(&manifest) {
                Ok(plugins) if !found.has_errors() => {
                    let warnings = match found.is_empty() {
                        true => Vec::new(),
                        false => vec![found.render(false)],
                    };
                    return Ok((manifest, warnings, plugins));
                }
                Ok(_) => {}
                Err(problems) => problems
                    .iter()
                    .for_each(|problem| found.push(problem.clone())),
            }
        }
        Err(refused(&found))
    }

    /// Reloads, and says why not if it cannot; for signals and files that change, which get no answer.
    pub async fn reload_or_say(self: &Arc<Self>, because: &str) {
        let result = self.reload_now().await;
        let mut refused = lock(&self.refused);
        match result {
            Ok(report) => {
                *refused = None;
                if report.changes.is_empty() {
                    tracing::debug!("{because}: nothing has changed");
                }
            }
            Err(ControlError::ShuttingDown) => {}
            Err(error) => {
                let why = error.to_string();
                if refused.as_ref() != Some(&why) {
                    let message = format!(
                        "{because}, and is not taken over; what ran goes on running: {why}"
                    );
                    self.history.event(EventKind::Refused, Vec::new(), message);
                    *refused = Some(why);
                }
            }
        }
    }
}

/// Ends what is being fetched and compiled as soon as the service ends: nobody waits for it any more.
async fn stop_loading(shutdown: CancellationToken, runtime: Runtime, remote: RemotePlugins) {
    shutdown.cancelled().await;
    remote.stop();
    runtime.stop_compiling();
}
