//! Evaluates a checked condition over rows of a context, a test at a time.
//!
//! A test that reads few columns is answered once for each distinct combination of what stands there, by pool index; one that
//! compares a number with a constant runs over the column. A test on a context further up is answered for that context's
//! rows, and spread over the rows below.

use std::ops::Range;

use spanmill_sdk::Context;

use crate::ast::Comparison;
use crate::cell::TEXT;
use crate::compare::{compare, holds};
use crate::datum::{Datum, Failure};
use crate::expression::{Expression, Scope, Test};
use crate::field::View;
use crate::frame::{Column, Frame};
use crate::memo::{Inputs, Memo};
use crate::slots::Place;

/// What a test says of a row.
pub(crate) const NO: u8 = 0;
pub(crate) const YES: u8 = 1;
/// It could not be answered; a failure is not spread by `and` and `or` that are decided without it.
pub(crate) const FAILED: u8 = 2;

/// A checked condition, and how each of its tests is best answered.
#[derive(Clone)]
pub(crate) enum Tree {
    Literal(bool),
    Leaf(Box<Leaf>),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

/// One test.
#[derive(Clone)]
pub(crate) struct Leaf {
    test: Test,
    /// The context whose rows it is answered for.
    context: Context,
    /// A number of a column against a constant.
    number: Option<(Place, Comparison, i64)>,
    /// A value of a column against a constant, which takes no time where the value is no text.
    value: Option<(Place, Comparison, Datum<'static>)>,
    memo: Memo<u8>,
    /// Where a single column is asked about: that, the answer for each text of the pool, and for a value that is absent.
    only: Option<Place>,
    texts: Vec<u8>,
    absent: u8,
}

/// A text that was not asked about.
const OPEN: u8 = 3;

/// Buffers kept between batches.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    spare: Vec<Vec<u8>>,
    /// Why the last failed test failed.
    pub why: Option<Failure>,
}

impl Scratch {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer
    }

    /// Keeps a buffer for later.
    pub(crate) fn give(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }
}

impl Leaf {
    fn new(test: Test, context: Context) -> Self {
        let mut inputs = Inputs::default();
        inputs.ask(&test);
        let context = inputs.deepest().unwrap_or(context);
        let memo = Memo::new(inputs);
        Leaf {
            context,
            number: number(&test),
            value: value(&test),
            only: memo.only_place(context),
            texts: Vec::new(),
            absent: OPEN,
            memo,
            test,
        }
    }

    /// Forgets what was learnt of a batch.
    fn clear(&mut self) {
        self.memo.clear();
        self.texts.clear();
        self.absent = OPEN;
    }

    #[inline]
    fn answer(&mut self, frame: &Frame<'_>, row: usize, why: &mut Option<Failure>) -> u8 {
        let (test, context) = (&self.test, self.context);
        if let Some((place, operator, constant)) = &self.value {
            let cell = frame.cell(*place, row);
            if cell.pooled().is_none() {
                let datum = Datum::from_value(frame.value(cell));
                return u8::from(compare(&datum, *operator, constant));
            }
        }
        self.memo.answer(frame, context, row, || {
            work_out(test, frame, context, row, why)
        })
    }

    /// Appends the answers for rows of its own context.
    fn answers(
        &mut self,
        frame: &Frame<'_>,
        rows: Range<usize>,
        out: &mut Vec<u8>,
        why: &mut Option<Failure>,
    ) {
        if let Some((place, operator, constant)) = self.number {
            match frame.columns.get(place.slot) {
                Some(Column::Narrow(values)) => {
                    let values = values.get(rows).unwrap_or(&[]).iter();
                    let holds = |&value: &u32| holds(i64::from(value).cmp(&constant), operator);
                    return out.extend(values.map(|value| u8::from(holds(value))));
                }
                Some(Column::Wide(values)) => {
                    let values = values.get(rows).unwrap_or(&[]).iter();
                    let holds = |&value: &u64| holds((value as i64).cmp(&constant), operator);
                    return out.extend(values.map(|value| u8::from(holds(value))));
                }
                _ => {}
            }
        }
        if let Test::Compare(left, operator, Expression::Constant(Datum::Int(constant))) =
            &self.test
            && left.is_math()
            && let Some(numbers) = left.wholes(frame, self.context, rows.clone())
        {
            let holds = |number: &i64| u8::from(holds(number.cmp(constant), *operator));
            return out.extend(numbers.iter().map(holds));
        }
        match self.only.and_then(|place| frame.columns.get(place.slot)) {
            Some(Column::Text(indices)) => self.of_texts(frame, rows, indices, out, why),
            Some(Column::Cells(kinds, bits)) => self.of_cells(frame, rows, kinds, bits, out, why),
            _ => out.extend(rows.map(|row| self.answer(frame, row, why))),
        }
    }

    /// Appends the answers for a column of texts, each of which is asked about once.
    fn of_texts(
        &mut self,
        frame: &Frame<'_>,
        rows: Range<usize>,
        indices: &[u32],
        out: &mut Vec<u8>,
        why: &mut Option<Failure>,
    ) {
        self.texts
            .resize(self.texts.len().max(frame.pool.len()), OPEN);
        let indices = indices.get(rows.clone()).unwrap_or(&[]);
        out.extend(rows.zip(indices).map(|(row, &index)| {
            let known = self.texts.get(index as usize);
            let known = *known.unwrap_or(&self.absent);
            match known {
                OPEN => self.learn(frame, row, index as usize, why),
                answer => answer,
            }
        }));
    }

    /// Appends the answers for a column of values: each text is asked about once.
    fn of_cells(
        &mut self,
        frame: &Frame<'_>,
        rows: Range<usize>,
        kinds: &[u8],
        bits: &[u64],
        out: &mut Vec<u8>,
        why: &mut Option<Failure>,
    ) {
        self.texts
            .resize(self.texts.len().max(frame.pool.len()), OPEN);
        let kinds = kinds.get(rows.clone()).unwrap_or(&[]);
        let bits = bits.get(rows.clone()).unwrap_or(&[]);
        out.extend(rows.zip(kinds).zip(bits).map(|((row, &kind), &bits)| {
            let index = match kind {
                TEXT => bits as usize,
                0 => usize::MAX,
                _ => return self.answer(frame, row, why),
            };
            match *self.texts.get(index).unwrap_or(&self.absent) {
                OPEN => self.learn(frame, row, index, why),
                answer => answer,
            }
        }));
    }

    /// Answers for a row, and keeps it for the text there; beyond the pool, for what is absent.
    fn learn(
        &mut self,
        frame: &Frame<'_>,
        row: usize,
        index: usize,
        why: &mut Option<Failure>,
    ) -> u8 {
        let answer = work_out(&self.test, frame, self.context, row, why);
        *self.texts.get_mut(index).unwrap_or(&mut self.absent) = answer;
        answer
    }
}

/// What a test says of a row.
fn work_out(
    test: &Test,
    frame: &Frame<'_>,
    context: Context,
    row: usize,
    why: &mut Option<Failure>,
) -> u8 {
    let scope = Scope {
        frame,
        context,
        row,
        locals: &[],
    };
    match test.answer(&scope) {
        Ok(answer) => u8::from(answer),
        Err(reason) => {
            why.get_or_insert(reason);
            FAILED
        }
    }
}

fn number(test: &Test) -> Option<(Place, Comparison, i64)> {
    let Test::Compare(
        Expression::Field(field, keys),
        operator,
        Expression::Constant(Datum::Int(constant)),
    ) = test
    else {
        return None;
    };
    let is_plain = field.view == View::Int && field.of_types.is_none() && keys.is_empty();
    is_plain.then_some((field.place, *operator, *constant))
}

fn value(test: &Test) -> Option<(Place, Comparison, Datum<'static>)> {
    let Test::Compare(Expression::Field(field, keys), operator, Expression::Constant(constant)) =
        test
    else {
        return None;
    };
    let is_plain = field.view == View::Value && field.of_types.is_none() && keys.is_empty();
    is_plain.then(|| (field.place, *operator, constant.clone()))
}

impl Tree {
    /// Plans how a condition on a context is answered.
    pub(crate) fn new(test: Test, context: Context) -> Self {
        match test {
            Test::Literal(answer) => Tree::Literal(answer),
            Test::Not(inner) => Tree::Not(Box::new(Tree::new(*inner, context))),
            Test::And(left, right) => Tree::And(
                Box::new(Tree::new(*left, context)),
                Box::new(Tree::new(*right, context)),
            ),
            Test::Or(left, right) => Tree::Or(
                Box::new(Tree::new(*left, context)),
                Box::new(Tree::new(*right, context)),
            ),
            test => Tree::Leaf(Box::new(Leaf::new(test, context))),
        }
    }

    /// Forgets what was learnt of a batch.
    pub(crate) fn clear(&mut self) {
        match self {
            Tree::Literal(_) => {}
            Tree::Leaf(leaf) => leaf.clear(),
            Tree::Not(inner) => inner.clear(),
            Tree::And(left, right) | Tree::Or(left, right) => {
                left.clear();
                right.clear();
            }
        }
    }

    /// The answers for some rows of a context.
    pub(crate) fn mask(
        &mut self,
        frame: &Frame<'_>,
        context: Context,
        rows: Range<usize>,
        out: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) {
        match self {
            Tree::Literal(answer) => {
                out.clear();
                out.resize(rows.len(), u8::from(*answer));
            }
            Tree::Leaf(leaf) => leaf_mask(leaf, frame, context, rows, out, scratch),
            Tree::Not(inner) => {
                inner.mask(frame, context, rows, out, scratch);
                for answer in out {
                    *answer = match *answer {
                        FAILED => FAILED,
                        answer => 1 - answer,
                    };
                }
            }
            Tree::And(left, right) => {
                both([left, right], YES, frame, context, rows, out, scratch);
            }
            Tree::Or(left, right) => {
                both([left, right], NO, frame, context, rows, out, scratch);
            }
        }
    }

    /// The answer for one row, without any shortcut; what [`Tree::mask`] must agree with.
    #[cfg(test)]
    pub(crate) fn row(&self, frame: &Frame<'_>, context: Context, row: usize) -> u8 {
        match self {
            Tree::Literal(answer) => u8::from(*answer),
            Tree::Leaf(leaf) => {
                let scope = Scope {
                    frame,
                    context,
                    row,
                    locals: &[],
                };
                leaf.test.answer(&scope).map_or(FAILED, u8::from)
            }
            Tree::Not(inner) => match inner.row(frame, context, row) {
                FAILED => FAILED,
                answer => 1 - answer,
            },
            Tree::And(left, right) => match left.row(frame, context, row) {
                YES => right.row(frame, context, row),
                answer => answer,
            },
            Tree::Or(left, right) => match left.row(frame, context, row) {
                NO => right.row(frame, context, row),
                answer => answer,
            },
        }
    }
}

fn leaf_mask(
    leaf: &mut Leaf,
    frame: &Frame<'_>,
    context: Context,
    rows: Range<usize>,
    out: &mut Vec<u8>,
    scratch: &mut Scratch,
) {
    out.clear();
    if leaf.context == context {
        return leaf.answers(frame, rows, out, &mut scratch.why);
    }
    if rows.len() < frame.rows(context) {
        for row in rows {
            let above = frame.ancestor(context, leaf.context, row);
            out.push(leaf.answer(frame, above, &mut scratch.why));
        }
        return;
    }
    let mut above = scratch.spare.pop().unwrap_or_default();
    above.clear();
    let all = 0..frame.rows(leaf.context);
    leaf.answers(frame, all, &mut above, &mut scratch.why);
    out.extend(rows.map(|row| {
        let row = frame.ancestor(context, leaf.context, row);
        above.get(row).copied().unwrap_or(NO)
    }));
    scratch.spare.push(above);
}

/// The right side decides where the left one says `open`.
fn both(
    [left, right]: [&mut Tree; 2],
    open: u8,
    frame: &Frame<'_>,
    context: Context,
    rows: Range<usize>,
    out: &mut Vec<u8>,
    scratch: &mut Scratch,
) {
    left.mask(frame, context, rows.clone(), out, scratch);
    if !out.contains(&open) {
        return;
    }
    let mut decided = scratch.spare.pop().unwrap_or_default();
    right.mask(frame, context, rows, &mut decided, scratch);
    for (answer, &right) in out.iter_mut().zip(&decided) {
        if *answer == open {
            *answer = right;
        }
    }
    scratch.spare.push(decided);
}
