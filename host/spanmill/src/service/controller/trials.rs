//! Changes on probation: what becomes of them when their trials end.

use std::sync::Arc;

use spanmill_admin::EventKind;
use tokio::task::block_in_place;

use super::Controller;
use super::common::lock;
use super::trial_entry::TrialEntry;
use crate::config::ComponentId;
use crate::pipeline::{Swapped, Verdict};
use crate::service::history;
use crate::service::running::{PendingTrial, RunningService};
use crate::service::save::ManifestEdit;

impl Controller {
    /// Waits for the end of a trial, and does what it asks for.
    pub(super) fn watch_trial(
        self: &Arc<Self>,
        on_trial: PendingTrial,
        swapped: Option<(Vec<ComponentId>, Swapped)>,
        save: Option<ManifestEdit>,
    ) {
        let tried = Arc::new(TrialEntry {
            on_trial,
            swapped,
            save,
        });
        lock(&self.trials.0).push(Arc::clone(&tried));
        let controller = Arc::clone(self);
        tokio::spawn(async move {
            tokio::select! {
                _ = tried.on_trial.trial().over() => {}
                () = controller.shutdown.cancelled() => return,
            };
            if let Some(running) = &mut *controller.running.lock().await {
                controller.conclude(running, &tried);
            }
        });
    }

    /// Takes changes back that have failed, before something else is changed: whoever waits for their end may not have
    /// had its turn.
    pub(super) fn conclude_failed(&self, running: &mut RunningService) {
        let trials = lock(&self.trials.0).clone();
        for tried in trials {
            if tried.on_trial.trial().has_failed() {
                self.conclude(running, &tried);
            }
        }
    }

    /// Does what the end of a trial asks for, once.
    fn conclude(&self, running: &mut RunningService, tried: &Arc<TrialEntry>) {
        let open = lock(&self.trials.0)
            .extract_if(.., |other| Arc::ptr_eq(other, tried))
            .next();
        let (Some(_), Some(verdict)) = (open, tried.on_trial.trial().verdict()) else {
            return;
        };
        let change = &tried.on_trial.change;
        match &verdict {
            Verdict::Passed | Verdict::Superseded => {
                block_in_place(|| change.settle(tried.on_trial.trial()));
                if verdict == Verdict::Passed {
                    let ids = change.components();
                    let message = format!("plugin {} passed its probation", ids.join(", "));
                    self.history.event(EventKind::ProbationPassed, ids, message);
                }
                match &tried.save {
                    // Why not, if it cannot be, is an event.
                    Some(save) if verdict == Verdict::Passed => drop(self.save_now(save)),
                    Some(save) => {
                        let message = format!(
                            "{} is not saved in the manifest: another change came before its probation was over",
                            save.file()
                        );
                        let ids = change.components();
                        self.history.event(EventKind::Refused, ids, message);
                    }
                    None => {}
                }
            }
            Verdict::Failed(id, _) => {
                running.take_back(&tried.on_trial);
                if let Some((ids, before)) = &tried.swapped {
                    let mut loader = lock(&self.loader);
                    loader.swap_back(ids, before);
                    self.history.now_swapped(loader.swapped());
                }
                let why = history::ending(&verdict);
                let versions = running.topology().versions();
                let mut ids = self
                    .history
                    .rolled_back(versions, &format!("rolled back: {why}"));
                if ids.is_empty() {
                    ids.push(id.to_string());
                }
                let message = format!(
                    "{why}; {} rolled back, and the batch was run again on the version before",
                    ids.join(", ")
                );
                self.history.event(EventKind::Rollback, ids, message);
            }
        }
    }
}
