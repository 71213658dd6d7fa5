//! Checked values and conditions, and what they are for a row.

use crate::ast::{Arithmetic, Comparison};
use crate::coerce::{Kind, coerced};
use crate::compare::{compare, holds};
use crate::datum::{Datum, Failure, ListBuilder, MapBuilder};
use crate::duplicates::last_of_each;
use crate::field::{Field, Reading};
use crate::frame::Frame;
use crate::function::{Function, Input};
use crate::index;
use crate::math::{math, negative};
use crate::slots::Place;
use crate::unique;
use spanmill_sdk::Context;

/// A row, and what is known there beyond its fields.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'f> {
    pub frame: &'f Frame<'f>,
    /// What the row is one of.
    pub context: Context,
    pub row: usize,
    /// The values of the parameters of lambdas, from the outermost on.
    pub locals: &'f [Datum<'f>],
}

/// A checked value.
#[derive(Clone)]
pub(crate) enum Expression {
    Constant(Datum<'static>),
    Field(Field, Vec<Expression>),
    /// A parameter of a lambda.
    Local(usize),
    Index(Box<Expression>, Vec<Expression>),
    Call(Call),
    Math(Box<Expression>, Arithmetic, Box<Expression>),
    Negative(Box<Expression>),
    List(Vec<Expression>),
    Map(Vec<(String, Expression)>),
    /// The first that is not nil.
    Coalesce(Vec<Expression>),
    /// The second if the first is true, else the third.
    When(Box<[Expression; 3]>),
    Each(Box<Each>),
    Now,
    /// A unique id: UUID version 4 or 7.
    Unique(u8),
    /// Whether a metric has a data point with an attribute; with a value, whether the first that has it has that text.
    PointAttribute {
        metric_type: Place,
        attribute: Place,
        value: Option<String>,
    },
    Test(Box<Test>),
}

/// What a function or an editor is called with.
#[derive(Clone)]
pub(crate) struct Arguments {
    /// One a parameter; nothing for those that were left out, and for the one whose values are in brackets.
    pub values: Vec<(Kind, Option<Expression>)>,
    /// The values in brackets.
    pub list: (Kind, Vec<Expression>),
}

/// A call of a function.
#[derive(Clone)]
pub(crate) struct Call {
    pub function: Function,
    pub arguments: Arguments,
}

/// What is done with each item of a list or a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    All,
    Any,
    Filter,
    Find,
    MapEach,
    MapKeys,
    Reduce,
}

/// A function over the items of a list or a map.
#[derive(Clone)]
pub(crate) struct Each {
    pub deed: Deed,
    pub source: Expression,
    /// What [`Deed::Reduce`] begins with.
    pub seed: Option<Expression>,
    pub lambda: Expression,
    /// What [`Deed::Find`] makes of what it finds.
    pub mapper: Option<Expression>,
}

/// A checked condition.
#[derive(Clone)]
pub(crate) enum Test {
    Literal(bool),
    /// A value that is true or false.
    Value(Expression),
    Compare(Expression, Comparison, Expression),
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

/// What is known beforehand is not asked, and does not fail with what stands beside it.
impl Test {
    pub(crate) fn not(self) -> Test {
        match self {
            Test::Literal(answer) => Test::Literal(!answer),
            test => Test::Not(Box::new(test)),
        }
    }

    pub(crate) fn and(self, other: Test) -> Test {
        match (self, other) {
            (Test::Literal(false), _) | (_, Test::Literal(false)) => Test::Literal(false),
            (Test::Literal(true), test) | (test, Test::Literal(true)) => test,
            (left, right) => Test::And(Box::new(left), Box::new(right)),
        }
    }

    pub(crate) fn or(self, other: Test) -> Test {
        match (self, other) {
            (Test::Literal(true), _) | (_, Test::Literal(true)) => Test::Literal(true),
            (Test::Literal(false), test) | (test, Test::Literal(false)) => test,
            (left, right) => Test::Or(Box::new(left), Box::new(right)),
        }
    }
}

impl Expression {
    /// Calls `visit` for every part of the expression, itself included.
    pub(crate) fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expression)) {
        visit(self);
        match self {
            Expression::Field(_, keys) => keys.iter().for_each(|key| key.walk(visit)),
            Expression::Index(inner, keys) => {
                inner.walk(visit);
                keys.iter().for_each(|key| key.walk(visit));
            }
            Expression::Call(call) => call.arguments.walk(visit),
            Expression::Math(left, _, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Expression::Negative(inner) => inner.walk(visit),
            Expression::List(items) | Expression::Coalesce(items) => {
                items.iter().for_each(|item| item.walk(visit));
            }
            Expression::Map(entries) => entries.iter().for_each(|(_, entry)| entry.walk(visit)),
            Expression::When(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Expression::Each(each) => {
                each.source.walk(visit);
                each.lambda.walk(visit);
                let others = each.seed.iter().chain(&each.mapper);
                others.for_each(|other| other.walk(visit));
            }
            Expression::Test(test) => test.walk(visit),
            Expression::Constant(_)
            | Expression::Local(_)
            | Expression::Now
            | Expression::Unique(_)
            | Expression::PointAttribute { .. } => {}
        }
    }

    /// What it is for a row.
    pub(crate) fn evaluate<'f>(&'f self, scope: &Scope<'f>) -> Result<Datum<'f>, Failure> {
        Ok(match self {
            Expression::Constant(constant) => constant.borrowed(),
            Expression::Field(field, keys) => {
                let row = scope
                    .frame
                    .ancestor(scope.context, field.context, scope.row);
                let reading = Reading {
                    frame: scope.frame,
                    row,
                };
                match keys.as_slice() {
                    [] => field.get(&reading)?,
                    keys => {
                        let keys = evaluated(keys, scope)?;
                        field.get_within(&reading, &keys)?
                    }
                }
            }
            Expression::Local(at) => scope.locals.get(*at).cloned().unwrap_or(Datum::Nil),
            Expression::Index(inner, keys) => {
                let inner = inner.evaluate(scope)?;
                index::within_result(&inner, &evaluated(keys, scope)?)?
            }
            Expression::Call(call) => call.arguments.with(scope, |input| (call.function)(input))?,
            Expression::Math(left, operator, right) => {
                math(&left.evaluate(scope)?, *operator, &right.evaluate(scope)?)?
            }
            Expression::Negative(inner) => negative(&inner.evaluate(scope)?)?,
            Expression::List(items) => {
                let mut list = ListBuilder::default();
                for item in items {
                    list.push(&item.evaluate(scope)?)?;
                }
                list.finish()
            }
            Expression::Map(entries) => {
                let mut map = MapBuilder::default();
                for (key, entry) in entries {
                    map.push(key, &entry.evaluate(scope)?)?;
                }
                map.finish()
            }
            Expression::Coalesce(values) => {
                for value in values {
                    let value = value.evaluate(scope)?;
                    if value != Datum::Nil {
                        return Ok(value);
                    }
                }
                Datum::Nil
            }
            Expression::When(parts) => {
                let [condition, yes, no] = parts.as_ref();
                match condition.evaluate(scope)? {
                    Datum::Bool(true) => yes.evaluate(scope)?,
                    Datum::Bool(false) => no.evaluate(scope)?,
                    _ => return Err("a lambda must answer true or false here"),
                }
            }
            Expression::Each(each) => each.evaluate(scope)?,
            Expression::Now => Datum::Time(unique::now(scope.frame)),
            Expression::Unique(version) => unique::uuid(scope.frame, *version),
            Expression::PointAttribute {
                metric_type,
                attribute,
                value,
            } => {
                let frame = scope.frame;
                if frame.cell(*metric_type, scope.row).bits == 0 {
                    return Err("the metric has no data");
                }
                let points = frame.batch.parents(Context::DataPoint);
                // Points stand in the order of their metrics.
                let first = points.partition_point(|&parent| (parent as usize) < scope.row);
                let points = points.iter().enumerate().skip(first);
                let mut own = points.take_while(|(_, parent)| **parent as usize == scope.row);
                let found = own.find_map(|(point, _)| {
                    use spanmill_sdk::Value;
                    let wanted = value.as_deref();
                    match frame.value(frame.cell(*attribute, point)) {
                        Value::Absent => None,
                        Value::Text(found) => Some(wanted.is_none_or(|wanted| wanted == found)),
                        // A value that is no text reads as an empty one, as in the Collector.
                        _ => Some(wanted.is_none_or(str::is_empty)),
                    }
                });
                Datum::Bool(found.unwrap_or(false))
            }
            Expression::Test(test) => Datum::Bool(test.answer(scope)?),
        })
    }
}

/// The values of some expressions.
pub(crate) fn evaluated<'f>(
    expressions: &'f [Expression],
    scope: &Scope<'f>,
) -> Result<Vec<Datum<'f>>, Failure> {
    let values = expressions.iter();
    values
        .map(|expression| expression.evaluate(scope))
        .collect()
}

impl Arguments {
    /// Calls `visit` for every part of them.
    pub(crate) fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expression)) {
        let given = self.values.iter().filter_map(|(_, given)| given.as_ref());
        given
            .chain(&self.list.1)
            .for_each(|argument| argument.walk(visit));
    }

    /// Their values, and what `call` makes of them.
    pub(crate) fn with<'f, T>(
        &'f self,
        scope: &Scope<'f>,
        call: impl FnOnce(&Input<'_, 'f>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut values = Vec::with_capacity(self.values.len());
        for (kind, argument) in &self.values {
            values.push(match argument {
                Some(argument) => coerced(*kind, argument.evaluate(scope)?)?,
                None => Datum::Nil,
            });
        }
        let (kind, list) = &self.list;
        let list: Result<Vec<_>, Failure> = list
            .iter()
            .map(|item| coerced(*kind, item.evaluate(scope)?))
            .collect();
        call(&Input {
            values: &values,
            list: &list?,
            now: unique::now(scope.frame),
        })
    }
}

impl Test {
    pub(crate) fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Expression)) {
        match self {
            Test::Literal(_) => {}
            Test::Value(value) => value.walk(visit),
            Test::Compare(left, _, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Test::Not(inner) => inner.walk(visit),
            Test::And(left, right) | Test::Or(left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
        }
    }

    /// Whether it holds for a row.
    pub(crate) fn answer(&self, scope: &Scope<'_>) -> Result<bool, Failure> {
        Ok(match self {
            Test::Literal(answer) => *answer,
            Test::Value(value) => match value.evaluate(scope)? {
                Datum::Bool(answer) => answer,
                _ => return Err("a condition got a value that is neither true nor false"),
            },
            Test::Compare(left, operator, right) => {
                if (left.is_math() || right.is_math())
                    && let (Some(left), Some(right)) = (left.whole(scope), right.whole(scope))
                {
                    return Ok(holds(left.cmp(&right), *operator));
                }
                compare(&left.evaluate(scope)?, *operator, &right.evaluate(scope)?)
            }
            Test::Not(inner) => !inner.answer(scope)?,
            Test::And(left, right) => left.answer(scope)? && right.answer(scope)?,
            Test::Or(left, right) => left.answer(scope)? || right.answer(scope)?,
        })
    }
}

impl Each {
    fn evaluate(&self, scope: &Scope<'_>) -> Result<Datum<'static>, Failure> {
        use spanmill_sdk::nested;
        let source = self.source.evaluate(scope)?;
        let items: Vec<(Datum<'_>, Datum<'_>)> = match &source {
            Datum::List(list) => nested::items(list)
                .enumerate()
                .map(|(at, item)| (Datum::Int(at as i64), Datum::from_value(item)))
                .collect(),
            Datum::Map(map) => nested::entries(map)
                .map(|(key, entry)| (Datum::Text(key.into()), Datum::from_value(entry)))
                .collect(),
            Datum::Nil => return Err("a function expected a list or a map but got nil"),
            _ => return Err("a function expected a list or a map but got another type"),
        };
        let is_map = matches!(source, Datum::Map(_));
        let call = |lambda: &Expression, arguments: &[&Datum<'_>]| {
            let mut locals: Vec<Datum<'_>> = scope.locals.iter().map(Datum::borrowed).collect();
            locals.extend(arguments.iter().map(|argument| argument.borrowed()));
            let inner = Scope {
                locals: &locals,
                ..*scope
            };
            lambda.evaluate(&inner).map(Datum::into_owned)
        };
        let holds = |key: &Datum<'_>, item: &Datum<'_>| match call(&self.lambda, &[key, item])? {
            Datum::Bool(holds) => Ok(holds),
            _ => Err("a lambda must answer true or false here"),
        };
        let (mut list, mut map) = (ListBuilder::default(), MapBuilder::default());
        match self.deed {
            Deed::All | Deed::Any => {
                let stops_at = self.deed == Deed::Any;
                for (key, item) in &items {
                    if holds(key, item)? == stops_at {
                        return Ok(Datum::Bool(stops_at));
                    }
                }
                return Ok(Datum::Bool(!stops_at));
            }
            Deed::Find => {
                for (key, item) in &items {
                    if holds(key, item)? {
                        return match &self.mapper {
                            Some(mapper) => call(mapper, &[key, item]),
                            None => Ok(item.clone().into_owned()),
                        };
                    }
                }
                return Ok(Datum::Nil);
            }
            Deed::Reduce => {
                let mut total = match &self.seed {
                    Some(seed) => seed.evaluate(scope)?.into_owned(),
                    None => Datum::Nil,
                };
                for (key, item) in &items {
                    total = call(&self.lambda, &[&total, key, item])?;
                }
                return Ok(total);
            }
            Deed::Filter => {
                for (key, item) in &items {
                    if holds(key, item)? {
                        match key {
                            Datum::Text(key) => map.push(key, item)?,
                            _ => list.push(item)?,
                        }
                    }
                }
            }
            Deed::MapEach => {
                for (key, item) in &items {
                    let item = call(&self.lambda, &[key, item])?;
                    match key {
                        Datum::Text(key) => map.push(key, &item)?,
                        _ => list.push(&item)?,
                    }
                }
            }
            Deed::MapKeys => {
                let mut entries: Vec<(String, &Datum<'_>)> = Vec::new();
                for (key, item) in &items {
                    let Datum::Text(new) = call(&self.lambda, &[key, item])? else {
                        return Err("a lambda must give a string here");
                    };
                    entries.push((new.into_owned(), item));
                }
                for (key, item) in last_of_each(entries) {
                    map.push(&key, item)?;
                }
            }
        }
        Ok(if is_map { map.finish() } else { list.finish() })
    }
}
