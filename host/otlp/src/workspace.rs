//! A worker's memory for one chain of stages: a batch is loaded, shown to stage after stage, and spliced.

mod account;
mod connect;
mod leave;
mod regroup;
mod sender;

use std::cell::Cell;
use std::sync::Arc;

use spanmill_model::{Context, FIELDS, Field, PerContext, Signal};

use crate::alive::Alive;
use crate::answer_texts::AnswerTexts;
use crate::apply::Apply;
use crate::check::{Check, HOLD};
use crate::edit::Encoder;
use crate::groups::{CheckGroups, Moves};
use crate::index::Group;
use crate::joined::Joined;
use crate::malformed::Malformed;
use crate::outcome::{Outcome, OutcomeError};
use crate::patch::{MAX_ARENA, Patches};
use crate::path::{Path, Target};
use crate::projection::Projection;
use crate::request::Request;
use crate::stage::Scratch;
use crate::table::Table;
use crate::texts::Texts;
use crate::touched::{Touched, Touches};
use crate::view::BatchView;
use crate::wire::Flaw;
pub use account::ItemIds;
pub use sender::Sender;

/// What a stage's outcome did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Spans, log records or data points dropped, those of dropped metrics included.
    pub dropped_items: usize,
    /// Spans or log records held: [`Workspace::held`] returns them.
    pub held_items: usize,
}

/// Memory for one chain, reused from batch to batch. Calls come in the order load, then for each stage
/// view and apply, then splice. A clone is the same batch at the same stage.
#[derive(Clone)]
pub struct Workspace {
    projection: Arc<Projection>,
    request: Option<Request>,
    received_unix_nano: u64,
    /// By how many bytes the parts before have grown.
    grown: u64,
    tables: PerContext<Table>,
    texts: Texts,
    alive: PerContext<Alive>,
    dropped: PerContext<Vec<bool>>,
    /// The items that the last outcome held, a flag each; empty: none. They are dropped as well.
    held: Vec<bool>,
    patches: Patches,
    scratch: Vec<Scratch>,
    /// Where the last outcome has rows go, until they are put there.
    moves: Option<Moves>,
    /// What the last outcome held, if rows have been put elsewhere since.
    held_before: Option<Request>,
    /// How many bytes of the batch the request stands for, once rows were put elsewhere.
    came: Option<usize>,
}

impl Workspace {
    /// Memory for a chain.
    pub fn new(projection: Arc<Projection>) -> Self {
        let tables = PerContext::new(|context| Table::new(context, projection.context(context)));
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
            alive: PerContext::default(),
            dropped: PerContext::default(),
            held: Vec::new(),
            patches: Patches::default(),
            scratch,
            moves: None,
            held_before: None,
            came: None,
        }
    }

    /// New memory for the same chain.
    pub fn fresh(&self) -> Self {
        Self::new(Arc::clone(&self.projection))
    }

    /// Takes a request and extracts the chain's columns.
    ///
    /// # Errors
    ///
    /// None that a checked request should cause.
    pub fn load(&mut self, request: Request, received_unix_nano: u64) -> Result<(), Malformed> {
        self.received_unix_nano = received_unix_nano;
        self.grown = 0;
        self.came = None;
        self.moves = None;
        self.held_before = None;
        self.extract(request)
    }

    /// Takes a request in place of what is loaded, and extracts the columns.
    fn extract(&mut self, request: Request) -> Result<(), Malformed> {
        crate::extract::extract(
            &request,
            &self.projection,
            &mut self.tables,
            &mut self.texts,
        )
        .map_err(Malformed::from)?;
        self.patches.clear();
        self.held.clear();
        for (context, table) in self.tables.iter() {
            let alive = self.alive.get_mut(context);
            alive.all = true;
            alive.rows.clear();
            let dropped = self.dropped.get_mut(context);
            dropped.clear();
            dropped.resize(table.rows(), false);
        }
        self.request = Some(request);
        Ok(())
    }

    /// Takes the next part of a batch. What the parts before have grown by counts against the limit on edits.
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

    /// What the batch carries.
    fn signal(&self) -> Signal {
        self.request
            .as_ref()
            .map_or(Signal::default(), Request::signal)
    }

    /// How many spans, log records or data points are left.
    pub fn item_count(&self) -> usize {
        let item = self.signal().item();
        self.alive.get(item).count(self.tables.get(item))
    }

    /// The rows of the spans, log records or data points that are left, numbered as they came, in order.
    pub fn item_rows(&self) -> Vec<u32> {
        let alive = self.alive.get(self.signal().item());
        (0..self.item_count() as u32)
            .map(|row| alive.base(row))
            .collect()
    }

    /// The batch as a stage sees it; `None` if there is no such stage.
    pub fn view(&mut self, stage: usize) -> Option<BatchView<'_>> {
        let signal = self.signal();
        let plan = self.projection.stages.get(stage)?;
        let scratch = self.scratch.get_mut(stage)?;
        scratch.prepare(plan, signal, &self.tables, &self.alive, &self.texts);
        Some(scratch.view(
            plan,
            signal,
            &self.tables,
            &self.alive,
            &self.texts,
            self.received_unix_nano,
        ))
    }

    /// Checks a stage's outcome and applies it, all or nothing; then puts rows where its groups have them go.
    ///
    /// # Errors
    ///
    /// The rule of the contract that it breaks.
    pub fn apply(&mut self, stage: usize, outcome: &Outcome) -> Result<Applied, OutcomeError> {
        let applied = self.apply_noting(stage, outcome, None)?;
        self.regroup()?;
        Ok(applied)
    }

    /// As [`Workspace::apply`], but that rows stay where they are until [`Workspace::regroup`]; notes in `touched` which items
    /// the outcome edits.
    ///
    /// # Errors
    ///
    /// As for [`Workspace::apply`].
    pub fn apply_noting(
        &mut self,
        stage: usize,
        outcome: &Outcome,
        touched: Option<&mut Touched>,
    ) -> Result<Applied, OutcomeError> {
        let (Some(plan), Some(scratch), Some(request)) = (
            self.projection.stages.get(stage),
            self.scratch.get(stage),
            &self.request,
        ) else {
            return Err(OutcomeError::Order("stage"));
        };
        let check = Check {
            plan,
            signal: request.signal(),
            scratch,
            tables: &self.tables,
            alive: &self.alive,
            outcome,
            answer: AnswerTexts {
                texts: &self.texts,
                bit: plan.bit,
                pool_len: scratch.pool_len,
                added: &outcome.texts,
                written: Cell::new(self.grown + self.patches.arena.len() as u64),
            },
            steps: Cell::new(0),
        };
        check.run()?;
        let moves = match &outcome.groups {
            None => None,
            Some(groups) => {
                let check = CheckGroups {
                    plan,
                    request,
                    tables: &self.tables,
                    alive: &self.alive,
                    patches: &self.patches,
                    answer: AnswerTexts {
                        added: &groups.texts,
                        ..check.answer
                    },
                };
                Some(check.run(groups)?)
            }
        };
        if let Some(touched) = touched {
            let touches = Touches {
                signal: request.signal(),
                plan,
                scratch,
                tables: &self.tables,
                alive: &self.alive,
                texts: &self.texts,
            };
            *touched = touches.of(outcome, moves.as_ref());
        }
        let mut apply = Apply {
            request,
            projection: &self.projection,
            plan,
            scratch,
            tables: &mut self.tables,
            alive: &self.alive,
            texts: &mut self.texts,
            patches: &mut self.patches,
            lists: PerContext::default(),
            encoder: Encoder::default(),
        };
        apply.edits(outcome).map_err(|flaw| match flaw {
            Flaw::TooLarge => OutcomeError::Edits {
                limit_mib: (MAX_ARENA >> 20) as u64,
            },
            // The request was checked when it came, so its fields can be found.
            _ => OutcomeError::Pool,
        })?;
        self.moves = moves;
        self.held_before = None;
        Ok(self.verdicts(outcome))
    }

    fn verdicts(&mut self, outcome: &Outcome) -> Applied {
        let before = self.item_count();
        let item = self.signal().item();
        let mut any = false;
        let mut held_items = 0;
        self.held.clear();
        for verdicts in &outcome.verdicts {
            let alive = self.alive.get(verdicts.context);
            let dropped = self.dropped.get_mut(verdicts.context);
            for (row, &verdict) in (0u32..)
                .zip(&verdicts.rows)
                .filter(|(_, verdict)| **verdict != 0)
            {
                let row = alive.base(row) as usize;
                if let Some(flag) = dropped.get_mut(row) {
                    *flag = true;
                    any = true;
                }
                if verdict == HOLD && verdicts.context == item {
                    self.held.resize(dropped.len(), false);
                    if let Some(flag) = self.held.get_mut(row) {
                        *flag = true;
                        held_items += 1;
                    }
                }
            }
        }
        if any {
            self.select();
        }
        Applied {
            dropped_items: before - held_items - self.item_count(),
            held_items,
        }
    }

    /// Lists the rows that are left: those not dropped, below rows not dropped.
    fn select(&mut self) {
        let Some(request) = &self.request else {
            return;
        };
        // A metric goes with its last point.
        let is_set = |flags: &[bool], row: u32| flags.get(row as usize).copied().unwrap_or(false);
        let points = self.dropped.get(Context::DataPoint).as_slice();
        let emptied = |group: &Group| {
            group.first < group.last && (group.first..group.last).all(|row| is_set(points, row))
        };
        let emptied: Vec<bool> = request.index.metrics.iter().map(emptied).collect();
        for (flag, emptied) in self
            .dropped
            .get_mut(Context::Metric)
            .iter_mut()
            .zip(emptied)
        {
            *flag |= emptied;
        }
        for &context in request.signal().contexts() {
            if !context.takes_verdicts() {
                continue;
            }
            let (table, dropped) = (self.tables.get(context), self.dropped.get(context));
            let above = context.parent().map(|parent| self.dropped.get(parent));
            let above = above.filter(|above| !above.is_empty());
            keep(self.alive.get_mut(context), table.rows(), |row| {
                let parent = table.parents.get(row as usize).copied().unwrap_or(0);
                !is_set(dropped, row) && !above.is_some_and(|above| is_set(above, parent))
            });
        }
    }

    /// A text of the batch, by its index in the pool. For the host: no reader is checked.
    pub fn text(&self, index: u32) -> &[u8] {
        self.texts.get(index)
    }

    /// How many texts the pool had that a stage was last shown.
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

    /// The fields that [`Workspace::span_ids`] needs among the projection's `host_reads`.
    pub fn span_id_paths() -> Vec<Path> {
        let is_item = |field: &&Field| matches!(field.context, Context::Span | Context::Log);
        FIELDS
            .iter()
            .filter(is_item)
            .filter(|field| matches!(field.name, "trace_id" | "span_id"))
            .map(|field| Path {
                context: field.context,
                target: Target::Fixed(field),
            })
            .collect()
    }
}

fn keep(alive: &mut Alive, rows: usize, is_kept: impl Fn(u32) -> bool) {
    alive.rows.clear();
    alive
        .rows
        .extend((0..rows as u32).filter(|&row| is_kept(row)));
    alive.all = alive.rows.len() == rows;
}
