//! What connectors make of a batch: routes and records. The batch itself stays as it is.

use std::cell::Cell;

use bytes::Bytes;
use spanmill_model::Context;

use super::Workspace;
use crate::alive::Alive;
use crate::answer_texts::AnswerTexts;
use crate::joined::Joined;
use crate::outcome::OutcomeError;
use crate::records::write::Recording;
use crate::records::{RecordPlan, Records};
use crate::routes::{Routed, Routes};

impl Workspace {
    /// The part of a batch that is loaded, as it came.
    pub fn bytes(&self) -> Bytes {
        let request = self.request.as_ref();
        request.map_or_else(Bytes::new, |request| request.bytes.clone())
    }

    /// Checks a router's answer and appends to each of its pipelines what it gets of this part of the batch, as edited by
    /// the stages before. `onto` has one for each pipeline, in the order that the router knows, and is left alone on an
    /// error. The batch stays as it is.
    ///
    /// # Errors
    ///
    /// The rule of the contract that the routes break.
    pub fn route(&self, routes: &Routes, onto: &mut [Joined]) -> Result<Routed, OutcomeError> {
        let Some(request) = &self.request else {
            return Err(OutcomeError::Order("stage"));
        };
        let (signal, context) = (request.signal(), routes.context);
        let rows = self.alive.get(context).count(self.tables.get(context));
        routes.check(signal, rows, onto.len())?;
        let sets = self.sets(routes);
        let items = self.item_sets(context, &sets);
        let (some, all) = items
            .iter()
            .fold((0, u64::MAX), |(some, all), set| (some | set, all & set));
        let mut routed = Routed {
            dropped_items: items.iter().filter(|set| **set == 0).count(),
            items: Vec::with_capacity(onto.len()),
        };
        let is_whole = self.patches.list.is_empty() && self.alive.iter().all(|(_, rows)| rows.all);
        for (pipeline, joined) in onto.iter_mut().enumerate() {
            let bit = 1u64 << pipeline;
            let count = items.iter().filter(|set| **set & bit != 0).count();
            routed.items.push(count);
            if some & bit == 0 {
                joined.leave_out(request);
            } else if all & bit != 0 && is_whole {
                joined.keep(request);
            } else if all & bit != 0 {
                self.write(request, &self.dropped, count, joined);
            } else {
                let mut dropped = self.dropped.clone();
                for (context, empty) in request.empty_groups().iter() {
                    let flags = dropped.get_mut(context);
                    flags
                        .iter_mut()
                        .zip(empty)
                        .for_each(|(flag, empty)| *flag |= empty);
                }
                let flags = dropped.get_mut(context).iter_mut();
                flags
                    .zip(&sets)
                    .for_each(|(flag, set)| *flag |= set & bit == 0);
                self.write(request, &dropped, count, joined);
            }
        }
        Ok(routed)
    }

    /// The pipelines of each row of the batch, those that were not shown included.
    fn sets(&self, routes: &Routes) -> Vec<u64> {
        let table = self.tables.get(routes.context);
        let alive = self.alive.get(routes.context);
        match (routes.pipelines.as_slice(), alive) {
            ([one], _) => vec![*one; table.rows()],
            (sets, Alive { all: true, .. }) => sets.to_vec(),
            (sets, Alive { rows, .. }) => {
                let mut by_row = vec![0; table.rows()];
                for (row, set) in rows.iter().zip(sets) {
                    if let Some(slot) = by_row.get_mut(*row as usize) {
                        *slot = *set;
                    }
                }
                by_row
            }
        }
    }

    /// The pipelines of each item that is left, given those of the rows of a context.
    fn item_sets(&self, context: Context, sets: &[u64]) -> Vec<u64> {
        let item = self.signal().item();
        let alive = self.alive.get(item);
        let set_of = |row: u32| {
            let (mut at, mut row) = (item, row);
            while at != context {
                row = *self.tables.get(at).parents.get(row as usize)?;
                at = at.parent()?;
            }
            sets.get(row as usize).copied()
        };
        (0..alive.count(self.tables.get(item)) as u32)
            .map(|row| set_of(alive.base(row)).unwrap_or(0))
            .collect()
    }

    /// Checks the records that a stage made of this part of the batch, and appends them to a request: requests that stand
    /// one behind the other are one. Returns how many there are. The batch stays as it is.
    ///
    /// # Errors
    ///
    /// The rule of the contract that the records break; `onto` is then as it was.
    pub fn records(
        &self,
        stage: usize,
        plan: &RecordPlan,
        records: &Records,
        onto: &mut Vec<u8>,
    ) -> Result<usize, OutcomeError> {
        let (Some(stage), Some(scratch), Some(request)) = (
            self.projection.stages.get(stage),
            self.scratch.get(stage),
            &self.request,
        ) else {
            return Err(OutcomeError::Order("stage"));
        };
        let answer = AnswerTexts {
            texts: &self.texts,
            bit: stage.bit,
            pool_len: scratch.pool_len,
            added: &records.texts,
            written: Cell::new(0),
        };
        plan.check(records, request.index.resources.len(), &answer)?;
        if records.rows == 0 {
            return Ok(0);
        }
        let recording = Recording {
            plan,
            records,
            answer: &answer,
            request,
            patches: &self.patches,
        };
        onto.extend_from_slice(&recording.write().bytes);
        Ok(records.rows as usize)
    }
}
