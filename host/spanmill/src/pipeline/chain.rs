//! One worker's chain of plugins: a batch in, what is left of it out.

mod connect;
mod hold;
mod instance;
mod noting;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use spanmill_otlp::{Batch, Joined, Projection, Request, Sender, Signal, Spliced, Workspace};
use spanmill_runtime::{Fault, Tries};

use super::shadow::Tap;
use super::watch::WatchedPipeline;
use crate::clock::now_unix_nano;
use crate::config::{ComponentId, OnError};
use crate::ledger::{Handover, PartRun, StepResult};
use crate::metrics::Measured;
use crate::refusal::Refusal;
use crate::tracer::{OwnSpanKind, TraceContext};
pub use connect::StageOutput;
use connect::connected;
pub(super) use connect::{ConnectorOutput, ConnectorPiece};
pub use instance::StageInstance;
pub(super) use noting::{Noting, stage_name};
pub use stage::{Origin, Stage};
use stage::{StageFault, report, run_stage};

/// A chain of plugins with its memory. One thread uses it at a time.
pub struct Chain {
    workspace: Workspace,
    stages: Vec<Stage>,
    /// Other versions that are shown the batches too; none mostly.
    taps: Vec<Tap>,
    /// Who may look at what passes; `None`: nobody can.
    watched: Option<WatchedPipeline>,
    /// The trace of the request under way.
    trace: TraceContext,
    /// Where it notes what becomes of spans, if anybody keeps account of that.
    noting: Option<Noting>,
}

/// What a chain made of a batch.
pub struct ChainOutput {
    /// What is left of it.
    pub spliced: Spliced,
    /// What connectors measured. To be committed once the batch is delivered.
    pub measured: Vec<Measured>,
    /// Whether every stage has seen some of it, so that those on trial have proven something.
    pub proved: bool,
    /// Spans that were taken out of the batch because a plugin failed on them.
    pub failed: FailedSpans,
    /// What the last stage holds.
    pub(super) held: Vec<Request>,
    /// What connectors give to other pipelines.
    pub(super) connected: Vec<ConnectorOutput>,
    /// To be told where what is left goes, if that is noted.
    pub(super) handover: Option<Handover>,
}

/// Spans that plugins failed on, and that go no further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailedSpans {
    /// As `on_error: drop` asks for.
    pub dropped: usize,
    /// Because nobody can be told to send them again.
    pub lost: usize,
}

/// Tries that end in a fault which a batch may cost while the spans at fault are looked for.
const TRIES_TO_ISOLATE: u32 = 64;

/// A part's way through the stages.
#[derive(Default)]
struct PartResult {
    /// A plugin's failure took it.
    is_dropped: bool,
    /// Every stage has seen some of it.
    was_seen: bool,
    /// A stage on trial failed, in a way that its instance survives.
    failed_on_trial: bool,
    failed: FailedSpans,
}

/// Why a chain made nothing of a batch.
#[derive(Debug)]
pub enum ChainError {
    /// The sender is told so.
    Refused(Refusal),
    /// Some of its spans are at fault: it is to be run by halves. Stays within the chain.
    Divide,
    /// A plugin failed on what several senders sent: each request is to be run by itself. Nothing has been told or counted.
    Apart,
    /// A version on trial failed; nothing has been told or counted.
    OnTrial {
        /// The component.
        id: ComponentId,
        /// Its fault.
        fault: Fault,
    },
}

/// How long a sender should wait after a plugin failed.
const AFTER_FAULT: Duration = Duration::from_secs(1);

impl Chain {
    /// A chain over a projection with as many stages, and one more for each tap.
    pub fn new(projection: Arc<Projection>, stages: Vec<Stage>) -> Self {
        Chain {
            workspace: Workspace::new(projection),
            stages,
            taps: Vec::new(),
            watched: None,
            trace: TraceContext::default(),
            noting: None,
        }
    }

    /// The spans of the stages belong to this trace from now on.
    pub(super) fn trace(&mut self, trace: &TraceContext) {
        if self.trace.is_on() || trace.is_on() {
            self.trace = trace.clone();
        }
    }

    /// Shows what passes to whoever looks.
    pub(super) fn watched(mut self, watched: WatchedPipeline) -> Self {
        self.watched = Some(watched);
        self
    }

    /// Shows batches to other versions as well.
    pub(super) fn tapped(mut self, taps: Vec<Tap>) -> Self {
        self.taps = taps;
        self
    }

    /// Notes what becomes of spans. The projection has what that needs.
    pub(super) fn noting(mut self, noting: Option<Noting>) -> Self {
        self.noting = noting;
        self
    }

    /// Runs a batch through every stage, part by part. With `Tries::Once`, a fault of a stage on trial ends it.
    ///
    /// Of a part that makes a plugin fail which is well otherwise, the spans at fault are looked for by halving it, so that
    /// the others go their way, unless the sender can be told that the whole request is refused.
    pub fn run(
        &mut self,
        batch: &Batch,
        received_unix_nano: u64,
        tries: Tries,
        origin: Origin,
        sender: &dyn Sender,
    ) -> Result<ChainOutput, ChainError> {
        let noted = self.noting.as_ref().and_then(Noting::begin);
        if self.stages.is_empty() && noted.is_none() {
            let spliced = Spliced {
                bytes: batch.bytes().clone(),
                items: batch.item_count(),
            };
            return Ok(ChainOutput {
                spliced,
                measured: Vec::new(),
                proved: true,
                failed: FailedSpans::default(),
                held: Vec::new(),
                connected: Vec::new(),
                handover: None,
            });
        }
        let mut run = Run {
            received_unix_nano,
            sender,
            tries,
            origin,
            measured: Vec::new(),
            held: Vec::new(),
            pieces: Vec::new(),
            was_seen: false,
            failed_on_trial: false,
            failed: FailedSpans::default(),
            tries_left: TRIES_TO_ISOLATE,
            is_isolating: false,
            noted,
        };
        let mut joined = Joined::new(batch.bytes().clone());
        let mut parts = batch.parts().iter();
        let ran = parts.try_for_each(|part| self.run_part(part, &mut joined, &mut run));
        let noted = run.noted.take().filter(|_| !is_to_be_run_again(&ran));
        let noting = self.noting.as_ref().zip(noted);
        let handover = noting.map(|(noting, parts)| noting.end(parts));
        ran?;
        if batch.memory_bytes() > LARGE_WORKSPACE {
            // Its memory is not kept for batches that are mostly smaller.
            self.workspace = self.workspace.fresh();
            self.stages.iter().for_each(Stage::shrink);
        }
        Ok(ChainOutput {
            spliced: joined.finish(),
            measured: run.measured,
            // A version on trial that refuses what it is given has proven nothing.
            proved: run.was_seen && !run.failed_on_trial,
            failed: run.failed,
            held: run.held,
            connected: connected(run.pieces, |stage| {
                let stage = self.stages.get(stage)?;
                Some((stage.id.clone(), stage.output.signal()))
            }),
            handover,
        })
    }

    /// Gives an empty batch to the stages that measure what has not come in time.
    pub(super) fn pass_time(&mut self, signal: Signal, now_unix_nano: u64) {
        for (number, stage) in self.stages.iter().enumerate() {
            if !stage.measures_time {
                continue;
            }
            let Ok(nothing) = Request::parse(signal, Bytes::new()) else {
                return;
            };
            if self.workspace.load(nothing, now_unix_nano).is_err() {
                return;
            }
            let (workspace, tries) = (&mut self.workspace, Tries::Again);
            let ran = run_stage(
                workspace,
                number,
                stage,
                tries,
                now_unix_nano,
                &mut Vec::new(),
                None,
            );
            match ran {
                Ok(result) => result.measured.into_iter().for_each(Measured::commit),
                Err(failed) => {
                    let then = "it is asked again in a second";
                    stage.lock().log_fault(&stage.id, &failed.fault, None, then);
                }
            }
        }
    }

    fn run_part(
        &mut self,
        part: &Request,
        joined: &mut Joined,
        run: &mut Run<'_>,
    ) -> Result<(), ChainError> {
        self.workspace
            .load_next(part, joined, run.received_unix_nano)
            .map_err(|malformed| ChainError::Refused(malformed.into()))?;
        self.workspace.set_sender(run.sender);
        let (measured, held, pieces) = (run.measured.len(), run.held.len(), run.pieces.len());
        let noted_before = run.noted.as_ref().map_or(0, Vec::len);
        let mut part_run = run
            .noted
            .as_ref()
            .and_then(|_| noting::part(&self.workspace));
        let walked = self.walk(part, run, &mut part_run);
        if let Some((noted, part_run)) = run.noted.as_mut().zip(part_run)
            && !matches!(walked, Err(ChainError::Divide))
        {
            noted.push(part_run);
        }
        match walked {
            Ok(way) => {
                match way.is_dropped {
                    true => joined.leave_out(part),
                    false => self.workspace.splice_onto(joined),
                }
                run.was_seen |= way.was_seen;
                run.failed_on_trial |= way.failed_on_trial;
                run.failed.dropped += way.failed.dropped;
                run.failed.lost += way.failed.lost;
                Ok(())
            }
            Err(ChainError::Divide) => {
                // What connectors made of it is made again, and what was held is held again.
                run.measured.truncate(measured);
                run.held.truncate(held);
                run.pieces.truncate(pieces);
                if let Some(noted) = &mut run.noted {
                    noted.truncate(noted_before);
                }
                self.run_halves(part, joined, run)
            }
            Err(failed) => Err(failed),
        }
    }

    /// Runs a part of several spans by halves.
    fn run_halves(
        &mut self,
        part: &Request,
        joined: &mut Joined,
        run: &mut Run<'_>,
    ) -> Result<(), ChainError> {
        let is_isolating = std::mem::replace(&mut run.is_isolating, true);
        let mut left = BytesMut::new();
        let mut spans = 0;
        for half in part.split(part.item_count().div_ceil(2)) {
            let half = Request::parse(part.signal(), half.bytes)
                .map_err(|malformed| ChainError::Refused(malformed.into()))?;
            let mut of_half = Joined::new(half.bytes().clone());
            self.run_part(&half, &mut of_half, run)?;
            let of_half = of_half.finish();
            left.extend_from_slice(&of_half.bytes);
            spans += of_half.items;
        }
        joined.put(part, &left, spans);
        run.is_isolating = is_isolating;
        Ok(())
    }

    /// Shows what is loaded to stage after stage, and adds to `noted` what each does.
    fn walk(
        &mut self,
        part: &Request,
        run: &mut Run<'_>,
        noted: &mut Option<PartRun>,
    ) -> Result<PartResult, ChainError> {
        let mut way = PartResult::default();
        let watched = self.watched.as_ref();
        let watched = watched.filter(|watched| watched.is_watched());
        for (number, stage) in self.stages.iter().enumerate() {
            let spans = self.workspace.item_count();
            if spans == 0 {
                return Ok(way);
            }
            let tries = match stage.on_trial {
                true => run.tries,
                false => Tries::Again,
            };
            // A shadow is shown whole batches.
            let taps = self.taps.iter().filter(|_| !run.is_isolating);
            let mut taps: Vec<_> = taps
                .filter(|tap| tap.at == number)
                .filter_map(|tap| tap.before(&self.workspace))
                .collect();
            if let Some(watched) = watched {
                watched.before(&stage.id, || copied(&self.workspace));
            }
            let began = self.trace.is_on().then(now_unix_nano);
            let noting = self.noting.as_ref().filter(|_| noted.is_some());
            let mut step = noting.and_then(|noting| noting.step(number));
            let ran = run_stage(
                &mut self.workspace,
                number,
                stage,
                tries,
                run.received_unix_nano,
                &mut taps,
                step.as_mut(),
            );
            if let Some(began) = began {
                let left = self.workspace.item_count();
                let counts = vec![("items", spans as u64), ("items.left", left as u64)];
                let error = ran.as_ref().err().map(|failed| failed.fault.to_string());
                let name = format_args!("plugin/{}", stage.id);
                self.trace
                    .span(&name, OwnSpanKind::Internal, began, counts, error);
            }
            let StageFault { fault, is_of_batch } = match ran {
                Ok(result) => {
                    if let Some(watched) = watched {
                        watched.after(&stage.id, || copied(&self.workspace));
                    }
                    run.measured.extend(result.measured);
                    run.held.extend(result.held);
                    run.pieces.extend(result.pieces);
                    if let Some((noted, step)) = noted.as_mut().zip(step) {
                        noted.push(step);
                    }
                    if result.is_regrouped
                        && let Some((parts, part)) = run.noted.as_mut().zip(noted.take())
                    {
                        // Rows have other numbers from here on.
                        parts.push(part.continued());
                        *noted = noting::part(&self.workspace);
                    }
                    continue;
                }
                Err(failed) => failed,
            };
            if tries == Tries::Once && fault.ends_instance() {
                let id = stage.id.clone();
                return Err(ChainError::OnTrial { id, fault });
            }
            if run.origin == Origin::Senders && !matches!(fault, Fault::Quarantined(_)) {
                return Err(ChainError::Apart);
            }
            way.failed_on_trial |= stage.on_trial;
            let can_refuse = stage.on_error == OnError::Reject && run.origin != Origin::Batcher;
            if is_of_batch && !can_refuse && part.item_count() > 1 && run.tries_left > 0 {
                run.tries_left -= 1;
                return Err(ChainError::Divide);
            }
            report(stage, &fault, spans, is_of_batch, run.origin);
            let mut note = |result: fn(&'static str) -> StepResult| {
                noting::failed(noted.as_mut(), noting, number, result(fault.kind()));
            };
            match (stage.on_error, is_of_batch, run.origin) {
                (OnError::Reject, false, _) => {
                    note(StepResult::Refused);
                    let retry_after = AFTER_FAULT;
                    return Err(ChainError::Refused(Refusal::Unavailable { retry_after }));
                }
                (OnError::Reject, true, Origin::Sender | Origin::Senders) => {
                    note(StepResult::Refused);
                    return Err(ChainError::Refused(Refusal::Unprocessable(format!(
                        "plugin {} {fault}",
                        stage.id
                    ))));
                }
                (OnError::Pass, _, _) => {
                    note(StepResult::Passed);
                    stage.passed(spans);
                }
                (OnError::Drop, _, _) => {
                    note(StepResult::Dropped);
                    way.is_dropped = true;
                    way.failed.dropped = spans;
                    return Ok(way);
                }
                (OnError::Reject, true, Origin::Batcher) => {
                    note(StepResult::Lost);
                    way.is_dropped = true;
                    way.failed.lost = spans;
                    return Ok(way);
                }
            }
        }
        way.was_seen = true;
        Ok(way)
    }
}

/// What is loaded, as it is now; `None` if nothing of it is left.
fn copied(workspace: &Workspace) -> Option<Bytes> {
    let copy = workspace.copy().filter(|copy| copy.items > 0)?;
    Some(copy.bytes)
}

/// A batch that takes more memory than this while it is run is an exception.
const LARGE_WORKSPACE: usize = 16 * 1024 * 1024;

/// One batch's run through a chain.
struct Run<'a> {
    received_unix_nano: u64,
    /// Who sent it.
    sender: &'a dyn Sender,
    tries: Tries,
    origin: Origin,
    measured: Vec<Measured>,
    held: Vec<Request>,
    pieces: Vec<ConnectorPiece>,
    was_seen: bool,
    failed_on_trial: bool,
    failed: FailedSpans,
    tries_left: u32,
    /// Whether spans at fault are being looked for.
    is_isolating: bool,
    /// What became of the parts so far, if that is noted.
    noted: Option<Vec<PartRun>>,
}

/// Whether the batch is run again, by another chain or request by request, so that this run counts as none.
fn is_to_be_run_again(ran: &Result<(), ChainError>) -> bool {
    matches!(ran, Err(ChainError::OnTrial { .. } | ChainError::Apart))
}
