//! A worker's memory for one chain of stages: a batch is loaded, shown to stage after stage, and spliced.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;

use crate::apply::Apply;
use crate::batch::Joined;
use crate::check::Check;
use crate::index::{Malformed, Request};
use crate::outcome::{Outcome, OutcomeError};
use crate::patch::{MAX_ARENA, Patches};
use crate::path::{Context, Path, Target};
use crate::projection::Projection;
use crate::splice::Splice;
use crate::stage::{Alive, Scratch};
use crate::table::{Data, Table};
use crate::texts::Texts;
use crate::view::BatchView;
use crate::wire::Flaw;

/// What a stage's outcome did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Spans dropped.
    pub dropped_spans: usize,
    /// Span events dropped, not counting those of dropped spans.
    pub dropped_events: usize,
}

/// What is left of a batch.
#[derive(Clone, Debug)]
pub struct Spliced {
    /// An `ExportTraceServiceRequest`; the very bytes that came in if nothing was changed.
    pub bytes: Bytes,
    /// How many spans it holds.
    pub spans: usize,
}

/// Memory for one chain, reused from batch to batch. Calls come in the order load, then for each stage
/// view and apply, then splice. A clone is the same batch at the same stage.
#[derive(Clone)]
pub struct Workspace {
    projection: Arc<Projection>,
    request: Option<Request>,
    received_unix_nano: u64,
    /// How many bytes edits have added to the parts before.
    grown: u64,
    tables: [Table; 5],
    texts: Texts,
    alive: [Alive; 5],
    dropped: [Vec<bool>; 5],
    patches: Patches,
    scratch: Vec<Scratch>,
}

impl Workspace {
    /// Memory for a chain.
    pub fn new(projection: Arc<Projection>) -> Self {
        let tables = Context::ALL.map(|context| Table::new(context, projection.context(context)));
        let scratch = (0..projection.stage_count())
            .map(|_| Scratch::default())
            .collect();
        Workspace {
            projection,
            request: None,
            received_unix_nano: 0,
            grown: 0,
            tables,
            texts: Texts::default(),
            alive: Default::default(),
            dropped: Default::default(),
            patches: Patches::default(),
            scratch,
        }
    }

    /// Memory for the same chain, with nothing in it.
    pub fn fresh(&self) -> Self {
        Self::new(Arc::clone(&self.projection))
    }

    /// Takes a request and extracts the chain's columns.
    pub fn load(&mut self, request: Request, received_unix_nano: u64) -> Result<(), Malformed> {
        crate::extract::extract(
            &request,
            &self.projection,
            &mut self.tables,
            &mut self.texts,
        )
        .map_err(flaw)?;
        self.received_unix_nano = received_unix_nano;
        self.grown = 0;
        self.patches.clear();
        for ((alive, dropped), table) in self
            .alive
            .iter_mut()
            .zip(&mut self.dropped)
            .zip(&self.tables)
        {
            alive.all = true;
            alive.rows.clear();
            dropped.clear();
            dropped.resize(table.rows(), false);
        }
        self.request = Some(request);
        Ok(())
    }

    /// Takes the next part of a batch: what those before have grown by counts against what edits may come to.
    pub fn load_next(
        &mut self,
        part: &Request,
        joined: &Joined,
        received_unix_nano: u64,
    ) -> Result<(), Malformed> {
        self.load(part.clone(), received_unix_nano)?;
        self.grown = joined.grown();
        Ok(())
    }

    /// How many spans are left.
    pub fn span_count(&self) -> usize {
        let [_, _, alive, ..] = &self.alive;
        let [_, _, table, ..] = &self.tables;
        alive.count(table)
    }

    /// The rows of the spans that are left, in order; numbered as they came.
    pub fn span_rows(&self) -> Vec<u32> {
        let [_, _, alive, ..] = &self.alive;
        (0..self.span_count() as u32)
            .map(|row| alive.base(row))
            .collect()
    }

    /// The batch as a stage sees it. Nothing if there is no such stage.
    pub fn view(&mut self, stage: usize) -> Option<BatchView<'_>> {
        let plan = self.projection.stages.get(stage)?;
        let scratch = self.scratch.get_mut(stage)?;
        scratch.prepare(plan, &self.tables, &self.alive, &self.texts);
        Some(scratch.view(
            plan,
            &self.tables,
            &self.alive,
            &self.texts,
            self.received_unix_nano,
        ))
    }

    /// Checks a stage's outcome and applies it, all or nothing.
    pub fn apply(&mut self, stage: usize, outcome: &Outcome) -> Result<Applied, OutcomeError> {
        let (Some(plan), Some(scratch), Some(request)) = (
            self.projection.stages.get(stage),
            self.scratch.get(stage),
            &self.request,
        ) else {
            return Err(OutcomeError::Order("stage"));
        };
        let check = Check {
            plan,
            scratch,
            tables: &self.tables,
            alive: &self.alive,
            texts: &self.texts,
            outcome,
            edits: Cell::new(self.grown + self.patches.arena.len() as u64),
        };
        check.run()?;
        let mut apply = Apply {
            bytes: &request.bytes,
            projection: &self.projection,
            plan,
            scratch,
            tables: &mut self.tables,
            alive: &self.alive,
            texts: &mut self.texts,
            patches: &mut self.patches,
        };
        apply.edits(outcome).map_err(|flaw| match flaw {
            Flaw::TooLarge => OutcomeError::Edits {
                limit_mib: (MAX_ARENA >> 20) as u64,
            },
            // The request was checked when it came, so its fields can be found.
            _ => OutcomeError::Pool,
        })?;
        Ok(self.verdicts(outcome))
    }

    fn verdicts(&mut self, outcome: &Outcome) -> Applied {
        let mut applied = Applied::default();
        for verdicts in &outcome.verdicts {
            let count = match verdicts.context {
                Context::Span => &mut applied.dropped_spans,
                _ => &mut applied.dropped_events,
            };
            let at = verdicts.context as usize;
            let (Some(alive), Some(dropped)) = (self.alive.get(at), self.dropped.get_mut(at))
            else {
                continue;
            };
            for (row, _) in (0u32..)
                .zip(&verdicts.rows)
                .filter(|(_, verdict)| **verdict == 1)
            {
                if let Some(flag) = dropped.get_mut(alive.base(row) as usize) {
                    *flag = true;
                    *count += 1;
                }
            }
        }
        if applied.dropped_spans + applied.dropped_events > 0 {
            self.select();
        }
        applied
    }

    /// Lists the rows that are left: spans not dropped, events and links of such spans.
    fn select(&mut self) {
        let [_, _, spans, events, links] = &self.tables;
        let [_, _, spans_alive, events_alive, links_alive] = &mut self.alive;
        let [_, _, spans_dropped, events_dropped, links_dropped] = &self.dropped;
        let is_set = |flags: &[bool], row: usize| flags.get(row).copied().unwrap_or(false);
        keep(spans_alive, spans.rows(), |row| !is_set(spans_dropped, row));
        for (table, alive, dropped) in [
            (events, events_alive, events_dropped),
            (links, links_alive, links_dropped),
        ] {
            keep(alive, table.rows(), |row| {
                let span = table.parents.get(row).map_or(0, |parent| *parent as usize);
                !is_set(dropped, row) && !is_set(spans_dropped, span)
            });
        }
    }

    /// A text of the batch, by its index in the pool. For the host: no reader is checked.
    pub fn text(&self, index: u32) -> &[u8] {
        self.texts.get(index)
    }

    /// How long the text pool is that a stage was last shown.
    pub fn pool_len(&self, stage: usize) -> u32 {
        self.scratch
            .get(stage)
            .map_or(0, |scratch| scratch.pool_len)
    }

    /// Whether a stage may read a text of the batch.
    pub fn may_read(&self, stage: usize, text: u32) -> bool {
        let plan = self.projection.stages.get(stage);
        plan.is_some_and(|plan| self.texts.may_read(text, plan.bit))
    }

    /// Trace id and span id of a span that is left, where the projection has them among `host_reads`.
    pub fn span_ids(&self, row: u32) -> Option<(u128, u64)> {
        let [_, _, alive, ..] = &self.alive;
        let [_, _, table, ..] = &self.tables;
        let row = alive.base(row) as usize;
        let (mut trace, mut span) = (None, None);
        for column in &table.columns {
            match &column.data {
                Data::TraceId(words) => {
                    let (high, low) = (words.get(row * 2)?, words.get(row * 2 + 1)?);
                    trace = Some(u128::from(*high) << 64 | u128::from(*low));
                }
                Data::Wide(ids) if column.fixed.name == "span_id" => span = ids.get(row).copied(),
                _ => {}
            }
        }
        trace.zip(span)
    }

    /// The fields that [`Workspace::span_ids`] needs among the projection's `host_reads`.
    pub fn span_id_paths() -> Vec<Path> {
        crate::path::FIXED
            .iter()
            .filter(|fixed| {
                fixed.context == Context::Span && matches!(fixed.name, "trace_id" | "span_id")
            })
            .map(|fixed| Path {
                context: Context::Span,
                target: Target::Fixed(fixed),
            })
            .collect()
    }

    /// Writes what is left of the request.
    pub fn splice(&mut self) -> Spliced {
        let bytes = self.request.as_ref().map(|request| request.bytes.clone());
        let mut joined = Joined::new(bytes.unwrap_or_default());
        self.splice_onto(&mut joined);
        joined.finish()
    }

    /// Writes what is left of the request, which is the next part of a batch, behind what is left of those before.
    pub fn splice_onto(&mut self, joined: &mut Joined) {
        let spans = self.span_count();
        let Some(request) = self.request.take() else {
            return;
        };
        if self.patches.list.is_empty() && self.alive.iter().all(|alive| alive.all) {
            return joined.keep(&request);
        }
        Splice {
            request: &request,
            tables: &self.tables,
            dropped: &self.dropped,
            patches: &mut self.patches,
        }
        .run(spans, joined);
    }
}

fn keep(alive: &mut Alive, rows: usize, is_kept: impl Fn(usize) -> bool) {
    alive.rows.clear();
    alive
        .rows
        .extend((0..rows as u32).filter(|&row| is_kept(row as usize)));
    alive.all = alive.rows.len() == rows;
}

fn flaw(flaw: Flaw) -> Malformed {
    Malformed {
        offset: 0,
        what: flaw.what(),
    }
}
