//! Arithmetic on numbers, times and durations.

use crate::ast::Arithmetic;
use crate::datum::{Datum, Failure};

pub(crate) fn math(
    left: &Datum<'_>,
    operator: Arithmetic,
    right: &Datum<'_>,
) -> Result<Datum<'static>, Failure> {
    use Arithmetic::{Add, Divide, Multiply, Subtract};
    match (left, operator, right) {
        (Datum::Int(left), _, Datum::Int(right)) => {
            return Ok(Datum::Int(match operator {
                Add => left.wrapping_add(*right),
                Subtract => left.wrapping_sub(*right),
                Multiply => left.wrapping_mul(*right),
                Divide if *right == 0 => return Err("a division by zero"),
                Divide => left.wrapping_div(*right),
            }));
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
        return Err("a division by zero");
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
