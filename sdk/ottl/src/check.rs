//! Gives the names in a condition their meaning: paths become declared columns, functions and enums are
//! looked up, patterns compiled, and constants computed.

use spanmill_sdk::{Context, Contract, closest};

use crate::OttlError;
use crate::ast::{Call, Condition, Key, Path, Value};
use crate::datum::Datum;
use crate::expression::{Expression, Field, Source};
use crate::function::{Function, SIGNATURES};
use crate::mask::{Leaf, Test, Tree};

const ENUMS: [(&str, i64); 9] = [
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

/// The contexts that a path may name before its first dot.
const PREFIXES: [(&str, Context); 6] = [
    ("resource", Context::Resource),
    ("scope", Context::Scope),
    ("instrumentation_scope", Context::Scope),
    ("span", Context::Span),
    ("spanevent", Context::SpanEvent),
    ("spanlink", Context::SpanLink),
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
                    Expression::Constant(Datum::Bool(answer)) => return Ok(Tree::Literal(*answer)),
                    _ => {
                        let message = format!(
                            "{} gives no true or false; compare what it gives",
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
            Value::Path(path) => return self.path(path).map(Expression::Field),
            Value::Call(call) => return self.call(call),
            Value::List(_) => {
                return Err(OttlError::at(1, "a list stands only in Concat yet"));
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
                    None => format!("the function {} is not there (yet)", call.name),
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
        let mut function = function.clone();
        let values = match (&mut function, arguments.as_slice()) {
            (Function::IsRootSpan, _) => {
                if self.context != Context::Span {
                    return fail("IsRootSpan is there for spans only".to_owned());
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
            (Function::Len, [Value::Path(path)]) if is_whole_list(path) => {
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

    fn path(&mut self, path: &Path) -> Result<Field, OttlError> {
        let (context, segments) = self.resolve(path)?;
        let full = format!("{}.{}", context.prefix(), spelled(segments));
        let mut keys = segments.iter().flat_map(|segment| &segment.keys);
        let contract = &mut *self.contract;
        let source = match (context, spelled(segments).as_str()) {
            (_, "attributes") => match (keys.next(), segments) {
                (Some(Key::Text(key)), [_]) => {
                    let field = contract.read_attribute(context, key);
                    Source::Attribute(field, keys.by_ref().cloned().collect())
                }
                _ => {
                    let message = format!("name an attribute: `{full}[\"key\"]`");
                    return Err(OttlError::at(path.column, message));
                }
            },
            (Context::Span, "trace_state") => {
                let field = contract.read_text("span.trace_state");
                match keys.next() {
                    None => Source::Text(field),
                    Some(Key::Text(key)) => Source::TraceStateKey(field, key.clone()),
                    Some(Key::Int(_)) => {
                        return Err(OttlError::at(
                            path.column,
                            "trace_state takes a string in brackets",
                        ));
                    }
                }
            }
            (Context::Span, "name" | "status.message")
            | (Context::SpanEvent, "name")
            | (Context::Scope, "name" | "version" | "schema_url")
            | (Context::Resource, "schema_url") => Source::Text(contract.read_text(&full)),
            (
                Context::Span,
                "kind" | "status.code" | "flags" | "dropped_events_count" | "dropped_links_count",
            )
            | (_, "dropped_attributes_count") => Source::Narrow(contract.read_narrow(&full)),
            // OTTL compares a status with its code's enums.
            (Context::Span, "status") => Source::Narrow(contract.read_narrow("span.status.code")),
            (Context::Span, "kind.string") => Source::KindText(contract.read_narrow("span.kind")),
            (Context::Span, "kind.deprecated_string") => {
                Source::DeprecatedKindText(contract.read_narrow("span.kind"))
            }
            (Context::Span, "start_time_unix_nano" | "end_time_unix_nano")
            | (Context::SpanEvent, "time_unix_nano") => Source::Wide(contract.read_wide(&full)),
            (Context::Span, "span_id" | "parent_span_id") => {
                Source::SpanId(contract.read_wide(&full))
            }
            (Context::Span, "span_id.string") => {
                Source::SpanIdText(contract.read_wide("span.span_id"))
            }
            (Context::Span, "parent_span_id.string") => {
                Source::SpanIdText(contract.read_wide("span.parent_span_id"))
            }
            (Context::Span, "trace_id") => Source::TraceId(contract.read_trace_id(&full)),
            (Context::Span, "trace_id.string") => {
                Source::TraceIdText(contract.read_trace_id("span.trace_id"))
            }
            (_, spelled) => return Err(unknown_path(path.column, context, spelled)),
        };
        if keys.next().is_some() {
            return Err(OttlError::at(
                path.column,
                format!("`{full}` takes no brackets"),
            ));
        }
        Ok(Field { context, source })
    }
}

fn is_whole_list(path: &Path) -> bool {
    path.segments
        .last()
        .is_some_and(|last| last.name == "attributes" && last.keys.is_empty())
}

fn spelled(segments: &[crate::ast::Segment]) -> String {
    let names: Vec<&str> = segments
        .iter()
        .map(|segment| segment.name.as_str())
        .collect();
    names.join(".")
}

/// What a known field is called, for suggestions.
fn names(context: Context) -> &'static [&'static str] {
    match context {
        Context::Resource => &["attributes", "schema_url", "dropped_attributes_count"],
        Context::Scope => &[
            "name",
            "version",
            "attributes",
            "schema_url",
            "dropped_attributes_count",
        ],
        Context::Span => &[
            "trace_id",
            "trace_id.string",
            "span_id",
            "span_id.string",
            "parent_span_id",
            "parent_span_id.string",
            "trace_state",
            "name",
            "kind",
            "kind.string",
            "kind.deprecated_string",
            "status",
            "status.code",
            "status.message",
            "start_time_unix_nano",
            "end_time_unix_nano",
            "attributes",
            "flags",
            "dropped_attributes_count",
            "dropped_events_count",
            "dropped_links_count",
        ],
        Context::SpanEvent => &[
            "name",
            "time_unix_nano",
            "attributes",
            "dropped_attributes_count",
        ],
        Context::SpanLink | Context::Log | Context::Metric | Context::DataPoint => &["attributes"],
    }
}

fn unknown_path(column: usize, context: Context, spelled: &str) -> OttlError {
    let message = match closest(spelled, names(context).iter().copied()) {
        Some(meant) => {
            format!(
                "a {} has no field `{spelled}`; did you mean `{meant}`?",
                context.prefix()
            )
        }
        None => format!(
            "a {} has no field `{spelled}` that a condition can read yet",
            context.prefix()
        ),
    };
    OttlError::at(column, message)
}

fn enumeration(name: &str, column: usize) -> Result<i64, OttlError> {
    if let Some((_, value)) = ENUMS.iter().find(|(known, _)| *known == name) {
        return Ok(*value);
    }
    Err(OttlError::at(
        column,
        match closest(name, ENUMS.iter().map(|(known, _)| *known)) {
            Some(meant) => format!("there is no {name}; did you mean {meant}?"),
            None => format!("there is no {name}; the enums are SPAN_KIND_* and STATUS_CODE_*"),
        },
    ))
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
