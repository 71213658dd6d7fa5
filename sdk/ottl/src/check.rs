//! Gives the names in a statement or a condition their meaning: paths become declared columns, functions and enums are
//! looked up, patterns compiled, and constants computed.

mod call;
mod path;
mod statement;

use spanmill_sdk::{Batch, Context, Contract, Signal, Texts};

use crate::ast::{Body, Condition, Lambda, Value};
use crate::compare::compare;
use crate::datum::{Datum, Failure};
use crate::enumeration::enumeration;
use crate::error::{OttlError, Position};
use crate::expression::{Expression, Scope, Test};
use crate::frame::Frame;
use crate::function::Signature;
use crate::slots::Slots;

/// What a statement or a condition is checked against.
pub(crate) struct Checker<'c> {
    /// What its rows are.
    pub context: Context,
    /// Whether a path must name its context.
    pub prefixed: bool,
    /// Whether lambdas may be written.
    pub lambdas: bool,
    pub functions: &'c [&'c [Signature]],
    pub slots: &'c mut Slots,
    pub contract: &'c mut Contract,
    /// The parameters of the lambdas around what is checked.
    pub locals: Vec<String>,
}

impl Checker<'_> {
    pub(crate) fn condition(&mut self, condition: &Condition) -> Result<Test, OttlError> {
        Ok(match condition {
            Condition::Literal(value) => Test::Literal(*value),
            Condition::Not(inner) => self.condition(inner)?.not(),
            Condition::And(left, right) => self.condition(left)?.and(self.condition(right)?),
            Condition::Or(left, right) => self.condition(left)?.or(self.condition(right)?),
            Condition::Call(call) => {
                let value = self.call(call)?;
                let may_be = call.keys.is_empty() && !self.may_answer(&call.name);
                match value {
                    Expression::Constant(Datum::Bool(answer)) => return Ok(Test::Literal(answer)),
                    Expression::Test(test) => return Ok(*test),
                    _ if may_be => {
                        let message = format!(
                            "{} returns neither true nor false; compare what it returns",
                            call.name
                        );
                        return Err(OttlError::at(call.position, message));
                    }
                    value => Test::Value(value),
                }
            }
            Condition::Compare {
                left,
                operator,
                right,
            } => match (self.value(left)?, self.value(right)?) {
                (Expression::Constant(left), Expression::Constant(right)) => {
                    Test::Literal(compare(&left, *operator, &right))
                }
                (left, right) => Test::Compare(left, *operator, right),
            },
        })
    }

    pub(crate) fn value(&mut self, value: &Value) -> Result<Expression, OttlError> {
        Ok(match value {
            Value::Nil => Expression::Constant(Datum::Nil),
            Value::Text(text) => Expression::Constant(Datum::text(text.clone())),
            Value::Int(number) => Expression::Constant(Datum::Int(*number)),
            Value::Float(number) => Expression::Constant(Datum::Float(*number)),
            Value::Bool(flag) => Expression::Constant(Datum::Bool(*flag)),
            Value::Bytes(bytes) => Expression::Constant(Datum::Bytes(bytes.clone().into())),
            Value::Name(name, position) => {
                Expression::Constant(Datum::Int(enumeration(name, *position)?))
            }
            Value::Path(path) => self.path(path)?,
            Value::Call(call) => self.call(call)?,
            Value::List(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(item)).collect();
                folded(Expression::List(items?), Position::START)?
            }
            Value::Map(entries) => {
                let mut checked = Vec::new();
                for (key, entry) in entries {
                    checked.push((key.clone(), self.value(entry)?));
                }
                folded(Expression::Map(checked), Position::START)?
            }
            Value::Math(left, operator, right, position) => {
                if let Some(what) = [left, right].into_iter().find_map(|side| no_number(side)) {
                    let message = format!("arithmetic takes numbers, not {what}");
                    return Err(OttlError::at(*position, message));
                }
                let left = Box::new(self.value(left)?);
                let right = Box::new(self.value(right)?);
                folded(Expression::Math(left, *operator, right), *position)?
            }
            Value::Negative(inner, position) => {
                let inner = Box::new(self.value(inner)?);
                folded(Expression::Negative(inner), *position)?
            }
            Value::Lambda(lambda) => {
                let message = "a lambda can stand only where a function takes one";
                return Err(OttlError::at(lambda.position, message));
            }
        })
    }

    /// The body of a lambda of so many parameters.
    pub(crate) fn lambda(
        &mut self,
        lambda: &Lambda,
        parameters: usize,
    ) -> Result<Expression, OttlError> {
        if !self.lambdas {
            let message = "lambdas are experimental, in the Collector as well: they need `feature_gates: [ottl.functions.enableLambda]`";
            return Err(OttlError::at(lambda.position, message));
        }
        if lambda.parameters.len() != parameters {
            let message = format!("the lambda takes {parameters} parameters here");
            return Err(OttlError::at(lambda.position, message));
        }
        for (at, name) in lambda.parameters.iter().enumerate() {
            if name != "_" && lambda.parameters[..at].contains(name) {
                let message = format!("the lambda has two parameters `{name}`");
                return Err(OttlError::at(lambda.position, message));
            }
        }
        let before = self.locals.len();
        self.locals.extend(lambda.parameters.iter().cloned());
        let body = match &lambda.body {
            Body::Value(value) => self.value(value),
            Body::Condition(condition) => self
                .condition(condition)
                .map(|test| Expression::Test(Box::new(test))),
        };
        self.locals.truncate(before);
        body
    }
}

/// What a constant is that arithmetic can make nothing of.
fn no_number(value: &Value) -> Option<&'static str> {
    Some(match value {
        Value::Text(_) => "a text",
        Value::Bool(_) => "a boolean",
        Value::Bytes(_) => "a list of bytes",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Nil => "nil",
        _ => return None,
    })
}

/// Whether an expression is the same for every row of every batch.
fn is_constant(expression: &Expression) -> bool {
    let mut constant = true;
    expression.walk(&mut |part| {
        constant &= !matches!(
            part,
            Expression::Field(..)
                | Expression::Local(_)
                | Expression::Now
                | Expression::Unique(_)
                | Expression::PointAttribute { .. }
        );
    });
    constant
}

/// Computes what no row changes.
pub(crate) fn folded(expression: Expression, position: Position) -> Result<Expression, OttlError> {
    if !is_constant(&expression) {
        return Ok(expression);
    }
    let constant = alone(&expression).map_err(|why| OttlError::at(position, why))?;
    Ok(Expression::Constant(constant))
}

/// What an expression is that reads nothing of a batch.
pub(crate) fn alone(expression: &Expression) -> Result<Datum<'static>, Failure> {
    let batch = Batch {
        signal: Signal::Traces,
        received_unix_nano: 0,
        texts: Texts::default(),
        tables: Vec::new(),
    };
    let slots = Slots::default();
    let frame = Frame::new(&slots, &batch);
    let scope = Scope {
        frame: &frame,
        context: Context::Resource,
        row: 0,
        locals: &[],
    };
    expression.evaluate(&scope).map(Datum::into_owned)
}
