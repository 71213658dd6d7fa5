//! Shadows of running plugins: begun, ended by time, by hand or by a change, and promoted.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use spanmill_admin::{ControlError, EventKind, ShadowReport, ShadowState, SwapOptions, SwapReport};
use tokio::task::block_in_place;

use super::Controller;
use super::common::{invalid, lock, short};
use super::shadow_entry::ShadowEntry;
use super::uploaded::UploadedPlugin;
use crate::components::canonical_component;
use crate::config::ComponentId;
use crate::pipeline::{LoadedPlugin, Shadow};
use crate::service::running::RunningService;

impl Controller {
    pub(super) async fn start_shadow(
        self: &Arc<Self>,
        target: &str,
        uploaded: UploadedPlugin,
        duration: Duration,
        allow_more: bool,
    ) -> Result<ShadowReport, ControlError> {
        let guard = self.running.lock().await;
        let running = guard.as_ref().ok_or(ControlError::ShuttingDown)?;
        if let Some((other, _)) = self.shadows.running().first() {
            return Err(ControlError::Conflict(format!(
                "a shadow of {other} is running; wait for its end, or end it with `spanmill plugin shadow {other} --stop`"
            )));
        }
        let ids = self.components(target)?;
        let plugins = self.configure(running.manifest(), &ids, &uploaded.plugin)?;
        // It changes nothing, but it sees as much as a version that does, and may log.
        let excesses = self.allowed_excess(&plugins, allow_more)?;
        let versions = plugins.values().flat_map(LoadedPlugin::versions);
        let versions = versions.map(Arc::clone).collect();
        let state = |id: &ComponentId| running.topology().state_of(id);
        let shadow = block_in_place(|| Shadow::start(versions, state)).map_err(invalid)?;
        block_in_place(|| running.topology().tap(&shadow))
            .map_err(|error| ControlError::Conflict(error.to_string()))?;
        let since = SystemTime::now();
        let until = since.checked_add(duration).unwrap_or(since);
        let kept = Arc::new(ShadowEntry {
            shadow,
            uploaded,
            since,
            until: Mutex::new((ShadowState::Running, until)),
        });
        lock(&self.shadows.0).insert(canonical_component(target), Arc::clone(&kept));
        let mut message = format!(
            "plugin {target} is shadowed by version {} for {duration:?}",
            short(kept.uploaded.plugin.hash())
        );
        for (id, excess) in &excesses {
            message.push_str(&format!(
                "; as {id} it {excess}, which the running one does not, as it was allowed to"
            ));
        }
        self.history
            .event(EventKind::ShadowStarted, vec![target.to_owned()], message);
        let report = kept.report();
        self.end_in(duration, target.to_owned(), kept);
        Ok(report)
    }

    /// Ends a shadow when its time is over.
    fn end_in(self: &Arc<Self>, duration: Duration, target: String, kept: Arc<ShadowEntry>) {
        let controller = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(duration) => {}
                () = controller.shutdown.cancelled() => return,
            }
            if let Some(running) = &*controller.running.lock().await {
                controller.end_kept(running, &target, &kept, "its time is over");
            }
        });
    }

    fn end_kept(&self, running: &RunningService, target: &str, kept: &ShadowEntry, why: &str) {
        if kept.is_running() {
            block_in_place(|| running.topology().untap());
            self.finish(target, kept, why);
        }
    }

    /// Ends every shadow, none of which is shown anything any more.
    pub(super) fn end_shadows(&self, why: &str) {
        for (target, kept) in self.shadows.running() {
            self.finish(&target, &kept, why);
        }
    }

    fn finish(&self, target: &str, kept: &ShadowEntry, why: &str) {
        kept.end();
        let seen = kept.shadow.seen();
        let message = format!(
            "the shadow of {target} has ended ({why}): {} batches, {} verdicts, {} edits and {} measurements differ",
            seen.batches, seen.verdicts_differ, seen.edits_differ, seen.measurements_differ
        );
        self.history
            .event(EventKind::ShadowEnded, vec![target.to_owned()], message);
    }

    pub(super) fn shadow_report(&self, target: &str) -> Result<ShadowReport, ControlError> {
        Ok(self.shadows.get(target)?.report())
    }

    pub(super) async fn end_shadow(&self, target: &str) -> Result<ShadowReport, ControlError> {
        let kept = self.shadows.get(target)?;
        let guard = self.running.lock().await;
        let running = guard.as_ref().ok_or(ControlError::ShuttingDown)?;
        self.end_kept(running, target, &kept, "it was told to");
        Ok(kept.report())
    }

    pub(super) async fn promote(
        self: &Arc<Self>,
        target: &str,
        options: SwapOptions,
    ) -> Result<SwapReport, ControlError> {
        let kept = self.shadows.get(target)?;
        let uploaded = UploadedPlugin {
            compile: Duration::ZERO,
            ..kept.uploaded.clone()
        };
        let swapped = self.swap_in(target, uploaded, options).await?;
        lock(&self.shadows.0).remove(&canonical_component(target));
        Ok(swapped)
    }
}
