//! What a chain notes in the ledger, if the service keeps one.

use std::sync::Arc;

use spanmill_otlp::{Touched, Workspace};
use spanmill_runtime::{Decisions, Role, Slot};

use crate::clock::now_unix_nano;
use crate::ledger::{
    AppliedRules, Decided, Decision, Handover, Ledger, PartRun, Record, StageName, Step,
    StepResult, Wrote,
};
use crate::pipeline::version::Version;
use spanmill_admin::StepKind;

/// The ledger, as a chain of a pipeline sees it.
#[derive(Clone)]
pub(in crate::pipeline) struct Noting {
    pub(in crate::pipeline) ledger: Arc<Ledger>,
    pub(in crate::pipeline) pipeline: Arc<str>,
    /// Whether the pipeline ends behind the chain.
    pub(in crate::pipeline) is_last: bool,
    /// A name for each stage.
    pub(in crate::pipeline) stages: Arc<[Arc<StageName>]>,
}

/// A version's name in the ledger.
pub(in crate::pipeline) fn stage_name(version: &Version) -> Arc<StageName> {
    let writes = version.contract.writes.iter();
    Arc::new(StageName {
        component: version.id.to_string(),
        hash: version.plugin.hash().into(),
        kind: match version.plugin_role {
            Role::Processor => StepKind::Kept,
            Role::Connector => StepKind::Measured,
            Role::RecordConnector => StepKind::Recorded,
            Role::Router { .. } => StepKind::Routed,
        },
        writes: writes.map(ToString::to_string).collect(),
    })
}

impl Noting {
    /// What a batch's parts are noted in; `None` where there is nothing to note.
    pub(super) fn begin(&self) -> Option<Vec<PartRun>> {
        (self.is_last || !self.stages.is_empty()).then(Vec::new)
    }

    /// A stage's answer, to be filled in.
    pub(super) fn step(&self, stage: usize) -> Option<Step> {
        let name = self.stages.get(stage)?;
        Some(Step::new(name, StepResult::Answered))
    }

    /// A batch has come to its end here. What is left of it goes where the handover will say.
    pub(super) fn end(&self, parts: Vec<PartRun>) -> Handover {
        let handover = Handover::default();
        let now = now_unix_nano();
        for part in parts {
            let handover = (!part.is_continued()).then_some(&handover);
            let record = Record::run(now, &self.pipeline, part, handover);
            self.ledger.note(record);
        }
        handover
    }

    /// The plugin decided on traces that it holds.
    pub(super) fn decided(&self, decisions: &Decisions, rules: Option<AppliedRules>) {
        let traces = decisions.traces.iter();
        let decision = |decision| match decision {
            spanmill_runtime::Decision::Release => Decision::Release,
            spanmill_runtime::Decision::Drop => Decision::Drop,
        };
        let traces = traces.map(|(id, decided)| (*id, decision(*decided)));
        self.note_decided(traces.collect(), rules, None);
    }

    /// Traces are released without a decision of the plugin's.
    pub(super) fn released_by_host(&self, traces: impl Iterator<Item = u128>, why: &'static str) {
        let traces = traces.map(|id| (id, Decision::Release));
        self.note_decided(traces.collect(), None, Some(why));
    }

    fn note_decided(
        &self,
        traces: Vec<(u128, Decision)>,
        rules: Option<AppliedRules>,
        by_host: Option<&'static str>,
    ) {
        let Some(stage) = self.stages.last().filter(|_| !traces.is_empty()) else {
            return;
        };
        let decided = Decided {
            stage: Arc::clone(stage),
            traces,
            rules,
            by_host,
        };
        let record = Record::decided(now_unix_nano(), &self.pipeline, decided);
        self.ledger.note(record);
    }

    /// The plugin that held rows has edited them on their way on.
    pub(super) fn edited(&self, workspace: &Workspace, touched: Touched) {
        let step = self.step(self.stages.len().saturating_sub(1));
        if let Some((mut step, mut part)) = step.zip(part(workspace))
            && !touched.writes.is_empty()
        {
            step.wrote = wrote(touched);
            part.push(step);
            let record = Record::run(now_unix_nano(), &self.pipeline, part, None);
            self.ledger.note(record);
        }
    }
}

/// What a workspace has loaded, with nothing done yet.
pub(super) fn part(workspace: &Workspace) -> Option<PartRun> {
    workspace.item_ids().map(PartRun::of)
}

/// Notes what an outcome has done.
pub(super) fn answered(step: &mut Step, workspace: &Workspace, touched: Touched) {
    step.left = workspace.left_items();
    step.held = workspace.held_items();
    step.wrote = wrote(touched);
}

fn wrote(touched: Touched) -> Vec<(Wrote, spanmill_otlp::RowSet)> {
    let fields = touched.writes.into_iter();
    let fields = fields.map(|(field, rows)| (Wrote::Field(field), rows));
    let dropped = touched.dropped_below.into_iter();
    let dropped = dropped.map(|(context, rows)| (Wrote::Dropped(context.prefix()), rows));
    fields.chain(dropped).collect()
}

/// By which rules the instance answered its last call, which was about so many rows or traces. A fault here is counted, and
/// met again by the next call.
pub(super) fn rules(
    slot: &mut Slot,
    count: usize,
    stats: &crate::pipeline::stats::Stats,
) -> Option<AppliedRules> {
    match slot.why(count) {
        Ok(rules) => rules.and_then(AppliedRules::of),
        Err(fault) => {
            stats.fault(&fault);
            None
        }
    }
}

/// Notes that a stage failed.
pub(super) fn failed(
    part: Option<&mut PartRun>,
    noting: Option<&Noting>,
    stage: usize,
    result: StepResult,
) {
    if let Some((part, noting)) = part.zip(noting)
        && let Some(name) = noting.stages.get(stage)
    {
        part.push(Step::new(name, result));
    }
}
