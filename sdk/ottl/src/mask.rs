//! Evaluates a checked condition over all rows of a context, a test at a time.
//!
//! A test that reads one column of texts is answered once a distinct text, by pool index; one that compares a
//! number with a constant runs over the column; everything else is computed row by row. A test on a context
//! further up is answered for that context's rows, and spread over the rows below.

use spanmill_sdk::{ABSENT, Batch, Cells, Context, Values};

use crate::ast::Comparison;
use crate::compare::{compare, holds};
use crate::datum::Datum;
use crate::expression::{Expression, Field, Source};

/// What a test says of a row.
pub(crate) const NO: u8 = 0;
pub(crate) const YES: u8 = 1;
/// It could not be answered; a failure is not spread by `and` and `or` that are decided without it.
pub(crate) const FAILED: u8 = 2;
/// Not asked yet.
const OPEN: u8 = 3;

/// A checked condition.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Literal(bool),
    Leaf(Leaf),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

/// What a leaf asks.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Call(Expression),
    Compare(Expression, Comparison, Expression),
}

/// One test, and how it is best answered.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    test: Test,
    /// The context whose rows it is answered for.
    context: Context,
    plan: Plan,
}

#[derive(Debug, Clone)]
enum Plan {
    /// One column, of texts or single attributes: once a distinct text.
    Texts(Field),
    /// A number of the column against a constant.
    Numbers(Field, Comparison, i64),
    Rows,
}

/// Buffers kept between batches.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Answers by pool index.
    answers: Vec<u8>,
    spare: Vec<Vec<u8>>,
    /// Why the last failed test failed.
    pub why: Option<&'static str>,
}

impl Leaf {
    pub(crate) fn new(test: Test, context: Context) -> Self {
        let mut fields = Vec::new();
        match &test {
            Test::Call(call) => call.fields(&mut fields),
            Test::Compare(left, _, right) => {
                left.fields(&mut fields);
                right.fields(&mut fields);
            }
        }
        let deepest = fields
            .iter()
            .map(|field| field.context)
            .max()
            .unwrap_or(context);
        let plan = match fields.as_slice() {
            [field]
                if matches!(
                    field.source,
                    Source::Text(_)
                        | Source::TraceStateKey(..)
                        | Source::Attribute(..)
                        | Source::Cells(..)
                ) =>
            {
                Plan::Texts((*field).clone())
            }
            _ => Self::numbers(&test).unwrap_or(Plan::Rows),
        };
        Leaf {
            test,
            context: deepest,
            plan,
        }
    }

    fn numbers(test: &Test) -> Option<Plan> {
        let Test::Compare(
            Expression::Field(field),
            operator,
            Expression::Constant(Datum::Int(constant)),
        ) = test
        else {
            return None;
        };
        let numeric = matches!(field.source, Source::Narrow(_) | Source::Wide(_));
        numeric.then(|| Plan::Numbers(field.clone(), *operator, *constant))
    }

    /// The answer, where `field` gives the columns' values.
    fn answer<'a>(
        &'a self,
        field: &impl Fn(&Field) -> Result<Datum<'a>, &'static str>,
        why: &mut Option<&'static str>,
    ) -> u8 {
        let answer = match &self.test {
            Test::Call(call) => call.evaluate(field).map(|value| value == Datum::Bool(true)),
            Test::Compare(left, operator, right) => left
                .evaluate(field)
                .and_then(|left| Ok(compare(&left, *operator, &right.evaluate(field)?))),
        };
        match answer {
            Ok(answer) => u8::from(answer),
            Err(reason) => {
                *why = Some(reason);
                FAILED
            }
        }
    }

    /// The answer for one row of the leaf's context, without any shortcut.
    fn row(&self, batch: &Batch<'_>, row: usize, why: &mut Option<&'static str>) -> u8 {
        let field =
            |field: &Field| field.get(batch, ancestor(batch, self.context, field.context, row));
        self.answer(&field, why)
    }

    fn mask(&self, batch: &Batch<'_>, out: &mut Vec<u8>, scratch: &mut Scratch) {
        let rows = batch.rows(self.context);
        out.clear();
        match &self.plan {
            Plan::Numbers(field, operator, constant) => match field.source {
                Source::Narrow(narrow) => out.extend(
                    batch
                        .narrow(narrow)
                        .iter()
                        .map(|&value| u8::from(holds(i64::from(value).cmp(constant), *operator))),
                ),
                Source::Wide(wide) => out.extend(
                    batch
                        .wide(wide)
                        .iter()
                        .map(|&value| u8::from(holds((value as i64).cmp(constant), *operator))),
                ),
                _ => self.rows(batch, rows, out, scratch),
            },
            Plan::Texts(field) => self.texts(field, batch, rows, out, scratch),
            Plan::Rows => self.rows(batch, rows, out, scratch),
        }
    }

    fn rows(&self, batch: &Batch<'_>, rows: usize, out: &mut Vec<u8>, scratch: &mut Scratch) {
        out.extend((0..rows).map(|row| self.row(batch, row, &mut scratch.why)));
    }

    /// Answers each distinct text once.
    fn texts(
        &self,
        field: &Field,
        batch: &Batch<'_>,
        rows: usize,
        out: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) {
        let Scratch { answers, why, .. } = scratch;
        answers.clear();
        answers.resize(batch.texts.len(), OPEN);
        match &field.source {
            Source::Text(text) | Source::TraceStateKey(text, _) => {
                self.indices(batch.text(*text), batch, out, answers, why);
            }
            Source::Attribute(attribute, _) => match batch.attribute(*attribute) {
                Values::Text(indices) => self.indices(indices, batch, out, answers, why),
                Values::Cells(cells) => self.cells(cells, batch, out, answers, why),
            },
            Source::Cells(field, _) => self.cells(batch.cells(*field), batch, out, answers, why),
            _ => out.extend((0..rows).map(|row| self.row(batch, row, why))),
        }
    }

    fn cells(
        &self,
        cells: Cells<'_>,
        batch: &Batch<'_>,
        out: &mut Vec<u8>,
        answers: &mut [u8],
        why: &mut Option<&'static str>,
    ) {
        let cells = cells.kinds.iter().zip(cells.bits).enumerate();
        out.extend(cells.map(|(row, (&kind, &bits))| {
            match answers.get_mut(bits as usize).filter(|_| kind == 1) {
                Some(answer) => {
                    if *answer == OPEN {
                        *answer = self.row(batch, row, why);
                    }
                    *answer
                }
                None => self.row(batch, row, why),
            }
        }));
    }

    fn indices(
        &self,
        indices: &[u32],
        batch: &Batch<'_>,
        out: &mut Vec<u8>,
        answers: &mut [u8],
        why: &mut Option<&'static str>,
    ) {
        let mut absent = OPEN;
        out.extend(indices.iter().enumerate().map(|(row, &index)| {
            let answer = if index == ABSENT {
                Some(&mut absent)
            } else {
                answers.get_mut(index as usize)
            };
            match answer {
                Some(answer) => {
                    if *answer == OPEN {
                        *answer = self.row(batch, row, why);
                    }
                    *answer
                }
                None => self.row(batch, row, why),
            }
        }));
    }
}

/// The row of a context further up that a row belongs to.
fn ancestor(batch: &Batch<'_>, mut from: Context, to: Context, mut row: usize) -> usize {
    while from != to {
        let Some(parent) = from.parent() else { break };
        row = batch
            .parents(from)
            .get(row)
            .map_or(usize::MAX, |&row| row as usize);
        from = parent;
    }
    row
}

impl Tree {
    /// The answers for every row of a context.
    pub(crate) fn mask(
        &self,
        batch: &Batch<'_>,
        context: Context,
        out: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) {
        match self {
            Tree::Literal(answer) => {
                out.clear();
                out.resize(batch.rows(context), u8::from(*answer));
            }
            Tree::Leaf(leaf) => {
                leaf.mask(batch, out, scratch);
                if leaf.context != context {
                    let mut above = scratch.spare.pop().unwrap_or_default();
                    std::mem::swap(&mut above, out);
                    out.clear();
                    out.extend((0..batch.rows(context)).map(|row| {
                        above
                            .get(ancestor(batch, context, leaf.context, row))
                            .copied()
                            .unwrap_or(NO)
                    }));
                    scratch.spare.push(above);
                }
            }
            Tree::Not(inner) => {
                inner.mask(batch, context, out, scratch);
                for answer in out {
                    *answer = if *answer == FAILED {
                        FAILED
                    } else {
                        1 - *answer
                    };
                }
            }
            Tree::And(left, right) => Self::both(left, right, YES, batch, context, out, scratch),
            Tree::Or(left, right) => Self::both(left, right, NO, batch, context, out, scratch),
        }
    }

    /// The right side decides where the left one says `open`.
    fn both(
        left: &Tree,
        right: &Tree,
        open: u8,
        batch: &Batch<'_>,
        context: Context,
        out: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) {
        left.mask(batch, context, out, scratch);
        if !out.contains(&open) {
            return;
        }
        let mut decided = scratch.spare.pop().unwrap_or_default();
        right.mask(batch, context, &mut decided, scratch);
        for (answer, &right) in out.iter_mut().zip(&decided) {
            if *answer == open {
                *answer = right;
            }
        }
        scratch.spare.push(decided);
    }

    /// The answer for one row, without any shortcut; what [`Tree::mask`] must agree with.
    #[cfg(test)]
    pub(crate) fn row(&self, batch: &Batch<'_>, context: Context, row: usize) -> u8 {
        match self {
            Tree::Literal(answer) => u8::from(*answer),
            Tree::Leaf(leaf) => leaf.row(
                batch,
                ancestor(batch, context, leaf.context, row),
                &mut None,
            ),
            Tree::Not(inner) => match inner.row(batch, context, row) {
                FAILED => FAILED,
                answer => 1 - answer,
            },
            Tree::And(left, right) => match left.row(batch, context, row) {
                YES => right.row(batch, context, row),
                answer => answer,
            },
            Tree::Or(left, right) => match left.row(batch, context, row) {
                NO => right.row(batch, context, row),
                answer => answer,
            },
        }
    }
}
