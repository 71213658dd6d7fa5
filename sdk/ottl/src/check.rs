//! Gives the names in a condition their meaning: paths become declared columns, functions and enums are
//! looked up, patterns compiled, and constants computed.

use spanmill_sdk::{Context, Contract, closest};

use crate::OttlError;
use crate::ast::{Call, Condition, Path, Value};
use crate::datum::Datum;
use crate::enumeration::enumeration;
use crate::expression::{Expression, Field, Source};
use crate::function::{Function, SIGNATURES};
use crate::mask::{Leaf, Test, Tree};
use crate::paths::{self, spelled};

/// The contexts that a path may name before its first dot.
const PREFIXES: [(&str, Context); 9] = [
    ("resource", Context::Resource),
    ("scope", Context::Scope),
    ("instrumentation_scope", Context::Scope),
    ("span", Context::Span),
    ("spanevent", Context::SpanEvent),
    ("spanlink", Context::SpanLink),
    ("log", Context::Log),
    ("metric", Context::Metric),
    ("datapoint", Context::DataPoint),
];

/// The context that a path names.
pub(crate) fn named_context(path: &Path) -> Option<Context> {
    let first = path.segments.first().filter(|_| path.segments.len() > 1)?;
    let found = PREFIXES.iter().find(|(name, _)| *name == first.name)?;
    first.keys.is_empty().then_some(found.1)
}

/// What a condition is checked against.
pub(crate) struct Checker<'c> {
    /// What the condition's rows are.
    pub context: Context,
    /// Whether a path must name its context.
    pub prefixed: bool,
    pub contract: &'c mut Contract,
}

impl Checker<'_> {
    pub(crate) fn condition(&mut self, condition: &Condition) -> Result<Tree, OttlError> {
        Ok(match condition {
            Condition::Literal(value) => Tree::Literal(*value),
            Condition::Not(inner) => Tree::Not(Box::new(self.condition(inner)?)),
            Condition::And(left, right) => Tree::And(
                Box::new(self.condition(left)?),
                Box::new(self.condition(right)?),
            ),
            Condition::Or(left, right) => Tree::Or(
                Box::new(self.condition(left)?),
                Box::new(self.condition(right)?),
            ),
            Condition::Call(call) => {
                let value = self.call(call)?;
                match &value {
                    Expression::Call(function, _) if function.is_condition() => {}
                    Expression::Field(field) if field.source.is_condition() => {}
                    Expression::Constant(Datum::Bool(answer)) => return Ok(Tree::Literal(*answer)),
                    _ => {
                        let message = format!(
                            "{} returns neither true nor false; compare what it returns",
                            call.name
                        );
                        return Err(OttlError::at(call.column, message));
                    }
                }
                Tree::Leaf(Leaf::new(Test::Call(value), self.context))
            }
            Condition::Compare {
                left,
                operator,
                right,
            } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Tree::Leaf(Leaf::new(
                    Test::Compare(left, *operator, right),
                    self.context,
                ))
            }
        })
    }

    fn value(&mut self, value: &Value) -> Result<Expression, OttlError> {
        Ok(Expression::Constant(match value {
            Value::Nil => Datum::Nil,
            Value::Text(text) => Datum::Text(text.clone().into()),
            Value::Int(number) => Datum::Int(*number),
            Value::Float(number) => Datum::Float(*number),
            Value::Bool(flag) => Datum::Bool(*flag),
            Value::Bytes(bytes) => Datum::Bytes(bytes.clone().into()),
            Value::Enum(name, column) => Datum::Int(enumeration(name, *column)?),
            Value::Path(path) => {
                let (context, segments) = self.resolve(path)?;
                let field = paths::field(self.contract, context, segments, path.column)?;
                return Ok(Expression::Field(field));
            }
            Value::Call(call) => return self.call(call),
            Value::List(_) => {
                return Err(OttlError::at(1, "a list can stand only in Concat"));
            }
            Value::Math(left, operator, right, column) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                let constant = matches!(
                    (&left, &right),
                    (Expression::Constant(_), Expression::Constant(_))
                );
                let math = Expression::Math(Box::new(left), *operator, Box::new(right));
                return if constant {
                    fold(math, *column)
                } else {
                    Ok(math)
                };
            }
        }))
    }

    fn call(&mut self, call: &Call) -> Result<Expression, OttlError> {
        let fail = |message: String| Err(OttlError::at(call.column, message));
        let Some((_, function, names)) = SIGNATURES.iter().find(|(name, ..)| *name == call.name)
        else {
            return fail(
                match closest(&call.name, SIGNATURES.iter().map(|(name, ..)| *name)) {
                    Some(meant) => {
                        format!("there is no function {}; did you mean {meant}?", call.name)
                    }
                    None => format!("the function {} is not supported", call.name),
                },
            );
        };
        let mut arguments: Vec<Option<&Value>> = vec![None; names.len()];
        for (place, (name, value)) in call.arguments.iter().enumerate() {
            let place = match name {
                Some(name) => names.iter().position(|known| known == name),
                None => Some(place).filter(|&place| place < names.len()),
            };
            match place {
                Some(place) => arguments[place] = Some(value),
                None => return fail(format!("{} takes ({})", call.name, names.join(", "))),
            }
        }
        let Some(arguments) = arguments.into_iter().collect::<Option<Vec<_>>>() else {
            return fail(format!("{} takes ({})", call.name, names.join(", ")));
        };
        if let Function::HasPointAttribute = function {
            return self.point_attribute(call, &arguments);
        }
        let mut function = function.clone();
        let values = match (&mut function, arguments.as_slice()) {
            (Function::IsRootSpan, _) => {
                if self.context != Context::Span {
                    return fail("IsRootSpan is for spans only".to_owned());
                }
                let source = Source::SpanId(self.contract.read_wide("span.parent_span_id"));
                vec![Expression::Field(Field {
                    context: Context::Span,
                    source,
                })]
            }
            (Function::Concat, [Value::List(items), delimiter]) => {
                let mut values = Vec::new();
                for item in items {
                    values.push(self.value(item)?);
                }
                values.push(self.value(delimiter)?);
                values
            }
            (Function::Concat, _) => {
                return fail("Concat takes a list in brackets and a delimiter".to_owned());
            }
            (Function::Len, [Value::Path(path)]) if self.is_whole_list(path) => {
                let (context, _) = self.resolve(path)?;
                let source = Source::Count(self.contract.read_attributes(context));
                return Ok(Expression::Field(Field { context, source }));
            }
            (Function::IsMatch(compiled), [target, Value::Text(pattern)]) => {
                let regex = spanmill_pattern::compile(pattern).map_err(|error| {
                    OttlError::at(call.column, format!("{}: {error}", call.name))
                })?;
                *compiled = Some(regex);
                vec![self.value(target)?]
            }
            _ => {
                let mut values = Vec::new();
                for argument in &arguments {
                    values.push(self.value(argument)?);
                }
                values
            }
        };
        self.types(call, &function, &values)?;
        let constant = values
            .iter()
            .all(|value| matches!(value, Expression::Constant(_)));
        let checked = Expression::Call(function, values);
        if constant {
            fold(checked, call.column)
        } else {
            Ok(checked)
        }
    }

    /// Whether a metric has a data point with an attribute: of the first that has, whether it is a text.
    fn point_attribute(
        &mut self,
        call: &Call,
        arguments: &[&Value],
    ) -> Result<Expression, OttlError> {
        if self.context != Context::Metric {
            let message = format!("{} is for metrics only", call.name);
            return Err(OttlError::at(call.column, message));
        }
        let (key, value) = match arguments {
            [Value::Text(key)] => (key, None),
            [Value::Text(key), Value::Text(value)] => (key, Some(value.clone())),
            _ => {
                let message = format!("{} takes strings", call.name);
                return Err(OttlError::at(call.column, message));
            }
        };
        let source = Source::PointAttribute {
            metric_type: self.contract.read_narrow("metric.type"),
            attribute: self.contract.read_attribute(Context::DataPoint, key),
            value,
        };
        Ok(Expression::Field(Field {
            context: Context::Metric,
            source,
        }))
    }

    /// Constants of a type that a function never takes.
    fn types(
        &self,
        call: &Call,
        function: &Function,
        values: &[Expression],
    ) -> Result<(), OttlError> {
        use Function::{HasPrefix, HasSuffix, IsMatch, Substring, ToLowerCase, ToUpperCase};
        for (place, value) in values.iter().enumerate() {
            let Expression::Constant(constant) = value else {
                continue;
            };
            let text = match function {
                HasPrefix | HasSuffix | ToLowerCase | ToUpperCase => true,
                IsMatch(None) => place == 1,
                Substring => place == 0,
                Function::Concat => place + 1 == values.len(),
                _ => false,
            };
            let wrong = match constant {
                Datum::Text(_) => matches!(function, Substring) && place > 0,
                Datum::Int(_) => text,
                _ => text || matches!(function, Substring),
            };
            if wrong {
                let what = if text { "a string" } else { "a whole number" };
                let message = format!("argument {} of {} must be {what}", place + 1, call.name);
                return Err(OttlError::at(call.column, message));
            }
        }
        Ok(())
    }

    /// Whether a path means all attributes of a context.
    fn is_whole_list(&self, path: &Path) -> bool {
        match self.resolve(path) {
            Ok((context, [name])) => name.name == context.attributes() && name.keys.is_empty(),
            _ => false,
        }
    }

    /// The context of a path, and its names without the context's.
    fn resolve<'p>(
        &self,
        path: &'p Path,
    ) -> Result<(Context, &'p [crate::ast::Segment]), OttlError> {
        let named = named_context(path);
        let context = match named {
            Some(context) => context,
            None if self.prefixed => {
                let message = format!(
                    "a path must name its context here; write `{}.{}`",
                    self.context.prefix(),
                    spelled(&path.segments)
                );
                return Err(OttlError::at(path.column, message));
            }
            None => self.context,
        };
        let visible = std::iter::successors(Some(self.context), |context| context.parent())
            .any(|above| above == context);
        if !visible {
            let message = format!(
                "a {} condition does not see {} fields",
                self.context.prefix(),
                context.prefix()
            );
            return Err(OttlError::at(path.column, message));
        }
        Ok((context, &path.segments[usize::from(named.is_some())..]))
    }
}

/// Computes what no row changes.
fn fold(expression: Expression, column: usize) -> Result<Expression, OttlError> {
    let none = |_: &Field| Err("a constant reads no field");
    let constant = expression
        .evaluate(&none)
        .map_err(|why| OttlError::at(column, why))?;
    let owned = match constant {
        Datum::Text(text) => Datum::Text(text.into_owned().into()),
        Datum::Bytes(bytes) => Datum::Bytes(bytes.into_owned().into()),
        Datum::List(list) => Datum::List(list.into_owned().into()),
        Datum::Map(map) => Datum::Map(map.into_owned().into()),
        Datum::Nil => Datum::Nil,
        Datum::Bool(flag) => Datum::Bool(flag),
        Datum::Int(number) => Datum::Int(number),
        Datum::Float(number) => Datum::Float(number),
        Datum::TraceId(id) => Datum::TraceId(id),
        Datum::SpanId(id) => Datum::SpanId(id),
    };
    Ok(Expression::Constant(owned))
}
