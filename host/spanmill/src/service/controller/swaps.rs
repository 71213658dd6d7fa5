//! Another version of a plugin in the place of the running one: compiled, held to what its predecessor may do, switched,
//! and written to the manifest if that is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spanmill_admin::{ControlError, EventKind, SavedSwap, SwapOptions, SwapReport};
use spanmill_runtime::{LoadError, Plugin};
use tokio::task::block_in_place;

use super::Controller;
use super::common::{components, invalid, lock, not_changed, refused, short};
use super::uploaded::UploadedPlugin;
use crate::config::{ComponentId, Manifest, Role};
use crate::pipeline::{
    Excess, LoadedPlugin, PROBATION, Version, VersionReplacement, beyond_grant, beyond_predecessor,
    used,
};
use crate::service::running::{ChangeReport, PendingTrial};
use crate::service::save::ManifestEdit;

/// What versions declare beyond their predecessors.
type Excesses = BTreeMap<ComponentId, Excess>;

impl Controller {
    /// Fails if a target is unknown, or takes signed plugins only, which an upload is not. Before anything is compiled.
    pub(super) async fn check_unsigned(&self, target: &str) -> Result<(), ControlError> {
        let ids = self.components(target)?;
        let guard = self.running.lock().await;
        let running = guard.as_ref().ok_or(ControlError::ShuttingDown)?;
        let manifest = running.manifest();
        let signed = ids
            .iter()
            .find(|id| used(manifest, id).is_some_and(|(used, _)| !used.spec.keys.is_empty()));
        match signed {
            Some(id) => Err(ControlError::Invalid(format!(
                "the manifest names keys that must have signed {kind}, and what is uploaded has no signature; name the signed \
                 version in the manifest, `plugins: {kind}:`, and reload",
                kind = id.kind()
            ))),
            None => Ok(()),
        }
    }

    /// Compiles an upload. Nothing is locked meanwhile.
    pub(super) fn compile(&self, name: &str, wasm: Bytes) -> Result<UploadedPlugin, ControlError> {
        let began = std::time::Instant::now();
        let runtime = self.runtime.clone();
        let compiled = block_in_place(|| runtime.load(name, &wasm));
        let plugin = compiled.map_err(|error| match error {
            LoadError::Stopped { .. } => ControlError::ShuttingDown,
            error => invalid(error),
        })?;
        Ok(UploadedPlugin {
            plugin,
            wasm,
            compile: began.elapsed(),
        })
    }

    /// Configures a plugin as the running manifest says for some components.
    pub(super) fn configure(
        &self,
        manifest: &Manifest,
        ids: &[ComponentId],
        plugin: &Plugin,
    ) -> Result<BTreeMap<ComponentId, LoadedPlugin>, ControlError> {
        let versions = self.history.versions();
        for version in ids.iter().filter_map(|id| versions.get(id)) {
            let role = version.role;
            if !plugin.kinds().iter().any(|kind| Role::of(*kind) == role) {
                let kinds: Vec<_> = plugin.kinds().iter().map(|kind| kind.name()).collect();
                return Err(ControlError::Invalid(format!(
                    "{} is a {}, and {role} {} takes a {role}",
                    plugin.name(),
                    kinds.join(" and "),
                    version.id,
                    role = role.name(),
                )));
            }
        }
        let loader = lock(&self.loader);
        block_in_place(|| loader.configure_as(manifest, ids, plugin))
            .map_err(|found| refused(&found))
    }

    /// What new versions declare beyond those that run, if the operator allows that.
    pub(super) fn allowed_excess(
        &self,
        plugins: &BTreeMap<ComponentId, LoadedPlugin>,
        allow_more: bool,
    ) -> Result<Excesses, ControlError> {
        let excesses = self.excesses(plugins, beyond_predecessor);
        match excesses.first_key_value() {
            Some((id, excess)) if !allow_more => Err(ControlError::Invalid(format!(
                "the new version of {id} {excess}, and the running one does not; if that is meant, say --allow-more \
                 (allow_more=true), or grant it in the manifest with `plugins: {}: allow:`",
                id.kind()
            ))),
            _ => Ok(excesses),
        }
    }

    /// Fails if a plugin's file holds code now that declares more than what runs, and no operator has granted it that.
    pub(super) fn check_grants(
        &self,
        plugins: &BTreeMap<ComponentId, LoadedPlugin>,
    ) -> Result<(), ControlError> {
        let Some((id, excess)) = self.excesses(plugins, beyond_grant).pop_first() else {
            return Ok(());
        };
        let file = plugins
            .get(&id)
            .map_or("FILE", |loaded| loaded.version.plugin.name());
        Err(ControlError::Invalid(format!(
            "{id}: the file {file} has changed and now {excess}, and the version that runs does not; take it over with \
             `spanmill plugin swap {id} {file} --allow-more`, or grant it in the manifest with `plugins: {}: allow:`",
            id.kind()
        )))
    }

    fn excesses(
        &self,
        plugins: &BTreeMap<ComponentId, LoadedPlugin>,
        beyond: fn(&Version, &Version) -> Option<Excess>,
    ) -> Excesses {
        let versions = self.history.versions();
        let excess = |(id, loaded): (&ComponentId, &LoadedPlugin)| {
            let running = versions.get(id)?;
            let excess = block_in_place(|| beyond(&loaded.version, running))?;
            Some((id.clone(), excess))
        };
        plugins.iter().filter_map(excess).collect()
    }

    /// Puts a compiled plugin in the place of the running ones.
    pub(super) async fn swap_in(
        self: &Arc<Self>,
        target: &str,
        uploaded: UploadedPlugin,
        options: SwapOptions,
    ) -> Result<SwapReport, ControlError> {
        let plugin = &uploaded.plugin;
        let probation = options.probation.unwrap_or(PROBATION);
        let mut guard = self.running.lock().await;
        let running = guard.as_mut().ok_or(ControlError::ShuttingDown)?;
        self.conclude_failed(running);
        let mut ids = self.components(target)?;
        let manifest = running.manifest().clone();
        let mut plugins = self.configure(&manifest, &ids, plugin)?;
        let excesses = self.allowed_excess(&plugins, options.allow_more)?;
        let save = match options.save {
            true => Some(self.save_of(&manifest, &ids, &uploaded)?),
            false => None,
        };
        let already_running = self.take_out_running(&mut ids, &mut plugins);
        let mut report = SwapReport {
            components: Vec::new(),
            compile_us: micros(uploaded.compile),
            prepare_us: 0,
            switch_us: 0,
            held_us: 0,
            probation: u64::from(probation),
            already_running,
            differs_from_manifest: self
                .components(target)?
                .iter()
                .any(|id| self.history.is_swapped(id)),
            saved: None,
        };
        if ids.is_empty() {
            if let Some(save) = save {
                report.saved = Some(self.save_now(&save)?);
            }
            return Ok(report);
        }
        let changed = running
            .change(manifest.clone(), &mut plugins, probation)
            .await
            .map_err(not_changed)?;
        if changed.untapped {
            self.end_shadows("a swap");
        }
        let before = {
            let mut loader = lock(&self.loader);
            let before = loader.swap_in(&manifest, &ids, plugin);
            self.history.now_swapped(loader.swapped());
            before
        };
        let ChangeReport {
            replaced,
            switched,
            prepared,
            ..
        } = changed;
        let trial = switched.as_ref().map(PendingTrial::trial);
        self.history
            .now_running(running.topology().versions(), trial, "swapped");
        let (took, held) = switched.as_ref().map_or_else(Default::default, |on_trial| {
            (on_trial.switched.took, on_trial.switched.held)
        });
        report.components = components(&replaced);
        for one in &mut report.components {
            let excess = excesses.iter().find(|(id, _)| id.as_str() == one.component);
            if let Some((id, excess)) = excess {
                one.allowed_more = excess.phrases();
                self.history.allowed_more(id, excess.phrases());
            }
        }
        self.tell_swapped(&replaced, "swapped", held, &excesses);
        report.prepare_us = micros(prepared);
        report.switch_us = micros(took);
        report.held_us = micros(held);
        report.differs_from_manifest = ids.iter().any(|id| self.history.is_swapped(id));
        report.saved = match (save, &switched) {
            (Some(save), Some(_)) => {
                let saved = saved(&save, true);
                self.watch_swap(switched, ids, before, Some(save));
                Some(saved)
            }
            (save, _) => {
                self.watch_swap(switched, ids, before, None);
                match save {
                    Some(save) => Some(self.save_now(&save)?),
                    None => None,
                }
            }
        };
        Ok(report)
    }

    fn watch_swap(
        self: &Arc<Self>,
        switched: Option<PendingTrial>,
        ids: Vec<ComponentId>,
        before: crate::pipeline::Swapped,
        save: Option<ManifestEdit>,
    ) {
        if let Some(on_trial) = switched {
            self.watch_trial(on_trial, Some((ids, before)), save);
        }
    }

    /// Takes out what runs in this version already; returns it.
    fn take_out_running(
        &self,
        ids: &mut Vec<ComponentId>,
        plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
    ) -> Vec<String> {
        let versions = self.history.versions();
        let runs_already = |id: &ComponentId, loaded: &LoadedPlugin| {
            let now = versions.get(id);
            now.is_some_and(|now| now.is_like(&loaded.version))
        };
        plugins.retain(|id, loaded| !runs_already(id, loaded));
        let already = ids.extract_if(.., |id| !plugins.contains_key(id));
        already.map(|id| id.to_string()).collect()
    }

    fn save_of(
        &self,
        manifest: &Manifest,
        ids: &[ComponentId],
        uploaded: &UploadedPlugin,
    ) -> Result<ManifestEdit, ControlError> {
        let (wasm, hash) = (uploaded.wasm.clone(), uploaded.plugin.hash());
        block_in_place(|| ManifestEdit::new(&self.source, manifest, ids, wasm, hash))
            .map_err(|why| ControlError::Invalid(format!("the swap could not be saved: {why}")))
    }

    /// Writes a swap to the manifest, and tells so.
    pub(super) fn save_now(&self, save: &ManifestEdit) -> Result<SavedSwap, ControlError> {
        if let Err(why) = block_in_place(|| save.write()) {
            let message = format!("the swap runs, and could not be saved: {why}");
            self.history
                .event(EventKind::Refused, Vec::new(), message.clone());
            return Err(ControlError::Conflict(message));
        }
        let saved = saved(save, false);
        let message = format!(
            "the swap was saved: {} names {} and its digest",
            saved.manifest, saved.file
        );
        self.history.event(EventKind::Saved, Vec::new(), message);
        Ok(saved)
    }

    /// Notes and logs what was replaced.
    pub(super) fn tell_swapped(
        &self,
        replaced: &[VersionReplacement],
        how: &str,
        held: Duration,
        excesses: &Excesses,
    ) {
        for one in replaced {
            let id = one.new.id.to_string();
            let (from, to) = (one.old.plugin.hash(), one.new.plugin.hash());
            let mut message = match from == to {
                true => format!(
                    "plugin {id} {how}: version {} with other settings",
                    short(to)
                ),
                false => format!(
                    "plugin {id} {how}: version {} in place of {}",
                    short(to),
                    short(from)
                ),
            };
            if one.state_handed_over {
                message.push_str("; its state was handed over");
            }
            message.push_str(&format!("; workers were held for {held:?} at most"));
            if let Some(excess) = excesses.get(&one.new.id) {
                message.push_str(&format!(
                    "; it {excess}, which the version before did not, as it was allowed to"
                ));
            }
            if self.history.is_swapped(&one.new.id) {
                message.push_str(
                    "; the manifest and its files say otherwise, so a restart forgets it",
                );
            }
            self.history.event(EventKind::Swap, vec![id], message);
        }
    }
}

fn saved(save: &ManifestEdit, after_probation: bool) -> SavedSwap {
    SavedSwap {
        manifest: save.manifest().display().to_string(),
        file: save.file(),
        after_probation,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
