//! Arithmetic on numbers, times and durations.

use crate::ast::Arithmetic::{self, Add, Divide, Multiply, Subtract};
use crate::datum::{Datum, Failure};

const BY_ZERO: Failure = "a division by zero";

/// What an operator makes of two whole numbers, which wrap around; `None` if one is divided by zero.
pub(crate) fn whole(left: i64, operator: Arithmetic, right: i64) -> Option<i64> {
    match operator {
        Add => Some(left.wrapping_add(right)),
        Subtract => Some(left.wrapping_sub(right)),
        Multiply => Some(left.wrapping_mul(right)),
        Divide if right == 0 => None,
        Divide => Some(left.wrapping_div(right)),
    }
}

/// What an operator makes of two values.
///
/// # Errors
///
/// One of them is no number, time or duration, or the operator does not fit them, or one is divided by zero.
pub(crate) fn math(
    left: &Datum<'_>,
    operator: Arithmetic,
    right: &Datum<'_>,
) -> Result<Datum<'static>, Failure> {
    match (left, operator, right) {
        (Datum::Int(left), _, Datum::Int(right)) => {
            return whole(*left, operator, *right)
                .map(Datum::Int)
                .ok_or(BY_ZERO);
        }
        (Datum::Time(time), Add, Datum::Duration(duration))
        | (Datum::Duration(duration), Add, Datum::Time(time)) => {
            return Ok(Datum::Time(time.plus(*duration)));
        }
        (Datum::Time(time), Subtract, Datum::Duration(duration)) => {
            return Ok(Datum::Time(time.plus(duration.wrapping_neg())));
        }
        (Datum::Time(left), Subtract, Datum::Time(right)) => {
            return Ok(Datum::Duration(left.since(right)));
        }
        (Datum::Duration(left), Add, Datum::Duration(right)) => {
            return Ok(Datum::Duration(left.wrapping_add(*right)));
        }
        (Datum::Duration(left), Subtract, Datum::Duration(right)) => {
            return Ok(Datum::Duration(left.wrapping_sub(*right)));
        }
        (Datum::Time(_) | Datum::Duration(_), ..) => {
            return Err("times and durations are only added and subtracted");
        }
        _ => {}
    }
    let float = |datum: &Datum<'_>| match datum {
        Datum::Int(number) => Ok(*number as f64),
        Datum::Float(number) => Ok(*number),
        _ => Err("arithmetic takes numbers"),
    };
    let (left, right) = (float(left)?, float(right)?);
    if operator == Divide && right == 0.0 {
        return Err(BY_ZERO);
    }
    Ok(Datum::Float(match operator {
        Add => left + right,
        Subtract => left - right,
        Multiply => left * right,
        Divide => left / right,
    }))
}

pub(crate) fn negative(datum: &Datum<'_>) -> Result<Datum<'static>, Failure> {
    match datum {
        Datum::Int(number) => Ok(Datum::Int(number.wrapping_neg())),
        Datum::Float(number) => Ok(Datum::Float(-number)),
        _ => Err("only numbers have a negative"),
    }
}
