//! Arithmetic on whole numbers, worked out from cells as they are: what most statements that calculate come to.

use std::ops::Range;

use spanmill_sdk::{CellKind, Context};

use crate::ast::Arithmetic::{self, Add, Divide, Multiply, Subtract};
use crate::datum::Datum;
use crate::expression::{Expression, Scope};
use crate::field::View;
use crate::frame::{Column, Frame};
use crate::math;

impl Expression {
    /// Whether it is arithmetic.
    pub(crate) fn is_math(&self) -> bool {
        matches!(self, Expression::Math(..))
    }

    /// Returns its whole number for a row, or `None` if it is not one, is made of something else, or fails.
    pub(crate) fn whole(&self, scope: &Scope<'_>) -> Option<i64> {
        match self {
            Expression::Constant(Datum::Int(number)) => Some(*number),
            Expression::Field(field, keys) if keys.is_empty() && field.of_types.is_none() => {
                let frame = scope.frame;
                let row = frame.ancestor(scope.context, field.context, scope.row);
                let cell = frame.cell(field.place, row);
                let is_whole = match field.view {
                    View::Int => true,
                    View::Value => cell.kind == CellKind::Int.number(),
                    _ => false,
                };
                is_whole.then_some(cell.bits as i64)
            }
            Expression::Math(left, operator, right) => {
                math::whole(left.whole(scope)?, *operator, right.whole(scope)?)
            }
            _ => None,
        }
    }

    /// Returns its whole numbers for some rows of a context, or `None` unless it is made of constants and columns of whole
    /// numbers alone, none of which is divided by zero.
    pub(crate) fn wholes(
        &self,
        frame: &Frame<'_>,
        context: Context,
        rows: Range<usize>,
    ) -> Option<Vec<i64>> {
        match self {
            Expression::Constant(Datum::Int(number)) => Some(vec![*number; rows.len()]),
            Expression::Field(field, keys) => {
                let is_plain = keys.is_empty() && field.of_types.is_none();
                let is_own = field.view == View::Int && field.context == context;
                match frame.columns.get(field.place.slot)? {
                    _ if !is_plain || !is_own => None,
                    Column::Wide(values) => {
                        let values = values.get(rows)?.iter();
                        Some(values.map(|&value| value as i64).collect())
                    }
                    Column::Narrow(values) => {
                        let values = values.get(rows)?.iter();
                        Some(values.map(|&value| value.into()).collect())
                    }
                    _ => None,
                }
            }
            Expression::Math(left, operator, right) => {
                let mut numbers = left.wholes(frame, context, rows.clone())?;
                let right = right.wholes(frame, context, rows)?;
                all_applied(&mut numbers, *operator, &right).then_some(numbers)
            }
            _ => None,
        }
    }
}

/// Replaces each number on the left by what the operator makes of the pair; returns `false` if one is divided by zero.
// A function of its own for its small loops, one for each operator.
#[inline(never)]
fn all_applied(left: &mut [i64], operator: Arithmetic, right: &[i64]) -> bool {
    let pairs = left.iter_mut().zip(right);
    match operator {
        Add => pairs.for_each(|(left, right)| *left = left.wrapping_add(*right)),
        Subtract => pairs.for_each(|(left, right)| *left = left.wrapping_sub(*right)),
        Multiply => pairs.for_each(|(left, right)| *left = left.wrapping_mul(*right)),
        Divide if right.contains(&0) => return false,
        Divide => pairs.for_each(|(left, right)| *left = left.wrapping_div(*right)),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_columns_are_worked_out_as_rows_are() {
        for operator in [Add, Subtract, Multiply, Divide] {
            let left = [7, i64::MIN, i64::MAX, 0, -3];
            let right = [2, -1, 5, 9, 4];
            let mut all = left;
            assert!(all_applied(&mut all, operator, &right));
            for ((left, right), all) in left.into_iter().zip(right).zip(all) {
                assert_eq!(
                    math::whole(left, operator, right),
                    Some(all),
                    "{operator:?}"
                );
            }
        }
        assert!(!all_applied(&mut [1, 2], Divide, &[1, 0]));
        assert_eq!(math::whole(2, Divide, 0), None);
    }
}
