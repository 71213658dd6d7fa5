//! Arithmetic on whole numbers, worked out from cells as they are: what most statements that calculate come to.

use spanmill_sdk::CellKind;

use crate::ast::Arithmetic::{Add, Divide, Multiply, Subtract};
use crate::datum::Datum;
use crate::expression::{Expression, Scope};
use crate::field::View;

impl Expression {
    /// Whether it is arithmetic.
    pub(crate) fn is_math(&self) -> bool {
        matches!(self, Expression::Math(..))
    }

    /// The whole number that it is for a row; nothing where it is, or is made of, something else, and where it fails.
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
                let (left, right) = (left.whole(scope)?, right.whole(scope)?);
                match operator {
                    Add => Some(left.wrapping_add(right)),
                    Subtract => Some(left.wrapping_sub(right)),
                    Multiply => Some(left.wrapping_mul(right)),
                    Divide if right == 0 => None,
                    Divide => Some(left.wrapping_div(right)),
                }
            }
            _ => None,
        }
    }
}
