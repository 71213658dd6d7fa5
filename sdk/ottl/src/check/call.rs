//! Calls: which function, which of its parameters each argument is for, and what is known before it runs.

use spanmill_sdk::{Context, closest};

use crate::ast::{self, Comparison, Value};
use crate::check::{Checker, folded};
use crate::coerce::{Kind, coerced};
use crate::datum::Datum;
use crate::error::OttlError;
use crate::expression::{Arguments, Call, Deed, Each, Expression, Test};
use crate::field::View;
use crate::function::{Constant, Constants, Function, Gives, Make, Parameter, Signature, Special};
use crate::functions::meant;
use crate::paths::Declaring;

/// The arguments of a call, one a parameter.
pub(crate) type Bound<'a> = Vec<Option<&'a ast::Argument>>;

/// The arguments of a call, by the parameters they are for; a message if there are too few, too many or others.
pub(crate) fn bound<'a>(
    call: &'a ast::Call,
    parameters: &[Parameter],
) -> Result<Bound<'a>, OttlError> {
    let mut arguments: Bound<'a> = vec![None; parameters.len()];
    let list: Vec<String> = parameters
        .iter()
        .map(|parameter| match parameter.is_optional {
            true => format!("[{}]", parameter.name),
            false => parameter.name.to_owned(),
        })
        .collect();
    let usage = || format!("{} takes ({})", call.name, list.join(", "));
    let mut seen_named = false;
    for (at, argument) in call.arguments.iter().enumerate() {
        let place = match &argument.name {
            Some(name) => {
                seen_named = true;
                let folded = name.to_lowercase().replace('_', "");
                let known = parameters
                    .iter()
                    .position(|parameter| parameter.name.to_lowercase().replace('_', "") == folded);
                known.ok_or_else(|| {
                    let names = parameters.iter().map(|parameter| parameter.name);
                    let message = match closest(name, names) {
                        Some(meant) => format!(
                            "{} has no parameter `{name}`; did you mean `{meant}`?",
                            call.name
                        ),
                        None => usage(),
                    };
                    OttlError::at(argument.position, message)
                })?
            }
            None if seen_named => {
                let message = "an argument without a name stands behind one with a name";
                return Err(OttlError::at(argument.position, message));
            }
            None => at,
        };
        match arguments.get_mut(place) {
            Some(free @ None) => *free = Some(argument),
            _ => return Err(OttlError::at(argument.position, usage())),
        }
    }
    let mut wanted = arguments.iter().zip(parameters);
    if wanted.any(|(argument, parameter)| argument.is_none() && !parameter.is_optional) {
        return Err(OttlError::at(call.position, usage()));
    }
    Ok(arguments)
}

/// An argument as it is checked.
pub(crate) struct Given {
    pub expression: Option<Expression>,
    pub list: Vec<Expression>,
    /// Whether it is a list in brackets.
    pub is_list: bool,
    /// What is known of it before anything runs.
    pub constant: Option<Constant>,
}

/// What a function or an editor is called with.
pub(crate) fn arguments_of(given: Vec<Given>, parameters: &[Parameter]) -> Arguments {
    let mut list = (Kind::Any, Vec::new());
    let mut values = Vec::new();
    for (given, parameter) in given.into_iter().zip(parameters) {
        match parameter.kind.item() {
            Some(kind) => {
                if given.is_list {
                    list = (kind, given.list);
                }
                values.push((Kind::Any, None));
            }
            None => values.push((parameter.kind, given.expression)),
        }
    }
    Arguments { values, list }
}

impl Given {
    /// No argument.
    pub(crate) fn nothing() -> Self {
        Given {
            expression: None,
            list: Vec::new(),
            is_list: false,
            constant: None,
        }
    }

    /// Whether there is an argument.
    pub(crate) fn is_given(&self) -> bool {
        self.is_list || self.expression.is_some()
    }
}

impl Checker<'_> {
    fn signature(&self, name: &str) -> Option<&Signature> {
        let mut all = self.functions.iter().flat_map(|family| family.iter());
        all.find(|signature| signature.name == name)
    }

    /// Whether a function may answer true or false.
    pub(crate) fn may_answer(&self, name: &str) -> bool {
        self.signature(name)
            .is_some_and(|signature| signature.gives != Gives::Other)
    }

    pub(crate) fn call(&mut self, call: &ast::Call) -> Result<Expression, OttlError> {
        let Some(signature) = self.signature(&call.name).copied() else {
            let names = self
                .functions
                .iter()
                .flat_map(|family| family.iter().map(|signature| signature.name));
            let message = match closest(&call.name, names).or_else(|| meant(&call.name)) {
                Some(meant) => format!("there is no function {}; did you mean {meant}?", call.name),
                None => format!("the function {} is not supported", call.name),
            };
            return Err(OttlError::at(call.position, message));
        };
        let arguments = bound(call, signature.parameters)?;
        let called = match signature.make {
            Make::Special(special) => self.special(special, call, &signature, &arguments)?,
            make => self.plain(make, call, &signature, &arguments)?,
        };
        let keys = self.keys(&call.keys)?;
        match keys.is_empty() {
            true => Ok(called),
            false => folded(Expression::Index(Box::new(called), keys), call.position),
        }
    }

    fn plain(
        &mut self,
        make: Make,
        call: &ast::Call,
        signature: &Signature,
        arguments: &[Option<&ast::Argument>],
    ) -> Result<Expression, OttlError> {
        let mut given = Vec::new();
        for (at, (argument, parameter)) in arguments.iter().zip(signature.parameters).enumerate() {
            given.push(match argument {
                Some(argument) => self.argument(&call.name, at, argument, parameter.kind)?,
                None => Given::nothing(),
            });
        }
        // The number of attributes needs no map to be put together.
        if call.name == "Len"
            && let [
                Given {
                    expression: Some(Expression::Field(field, keys)),
                    ..
                },
            ] = &given[..]
            && field.view == View::Entries
            && keys.is_empty()
        {
            let mut field = field.clone();
            field.view = View::Count;
            return Ok(Expression::Field(field, Vec::new()));
        }
        let checked = Expression::Call(Call {
            function: self.made(make, call, signature.parameters, &given)?,
            arguments: arguments_of(given, signature.parameters),
        });
        folded(checked, call.position)
    }

    /// What a function does, given its constants.
    pub(crate) fn made(
        &self,
        make: Make,
        call: &ast::Call,
        parameters: &[Parameter],
        given: &[Given],
    ) -> Result<Function, OttlError> {
        match make {
            Make::Plain(does) => Ok(crate::function::function(does)),
            Make::Prepared(prepare) => {
                let values: Vec<Option<Constant>> =
                    given.iter().map(|given| given.constant.clone()).collect();
                let is_given: Vec<bool> = given.iter().map(Given::is_given).collect();
                let constants = Constants {
                    parameters,
                    values: &values,
                    given: &is_given,
                };
                prepare(&constants)
                    .map_err(|why| OttlError::at(call.position, format!("{}: {why}", call.name)))
            }
            Make::Special(_) => {
                let message = format!("{} cannot stand here", call.name);
                Err(OttlError::at(call.position, message))
            }
        }
    }

    /// Checks an argument against what its parameter takes.
    pub(crate) fn argument(
        &mut self,
        name: &str,
        at: usize,
        argument: &ast::Argument,
        kind: Kind,
    ) -> Result<Given, OttlError> {
        let wrong = || {
            let message = format!("argument {} of {name} must be {}", at + 1, kind.describe());
            OttlError::at(argument.position, message)
        };
        let is_literal = match (kind, &argument.value) {
            (Kind::LiteralText, Value::Text(_))
            | (Kind::LiteralInt, Value::Int(_))
            | (Kind::LiteralBool, Value::Bool(_)) => true,
            (Kind::LiteralTexts, Value::List(items)) => {
                items.iter().all(|item| matches!(item, Value::Text(_)))
            }
            (Kind::LiteralText | Kind::LiteralInt | Kind::LiteralBool | Kind::LiteralTexts, _) => {
                return Err(wrong());
            }
            _ => false,
        };
        let Some(item) = kind.item() else {
            let expression = self.value(&argument.value)?;
            let mut constant = None;
            if let Expression::Constant(datum) = &expression {
                if !is_literal {
                    let coerced = coerced(kind, datum.clone()).map_err(|_| wrong())?;
                    constant = Some(Constant::Datum(coerced.into_owned()));
                } else {
                    constant = Some(Constant::Datum(datum.clone()));
                }
            }
            return Ok(Given {
                expression: Some(expression),
                list: Vec::new(),
                is_list: false,
                constant,
            });
        };
        let Value::List(items) = &argument.value else {
            return Err(wrong());
        };
        let mut list = Vec::new();
        let mut constants = Vec::new();
        for value in items {
            let value = self.value(value)?;
            if let Expression::Constant(datum) = &value {
                let datum = coerced(item, datum.clone()).map_err(|_| wrong())?;
                constants.push(datum.into_owned());
            }
            list.push(value);
        }
        let constant = (constants.len() == list.len()).then_some(Constant::List(constants));
        Ok(Given {
            expression: None,
            list,
            is_list: true,
            constant,
        })
    }

    fn special(
        &mut self,
        special: Special,
        call: &ast::Call,
        signature: &Signature,
        arguments: &[Option<&ast::Argument>],
    ) -> Result<Expression, OttlError> {
        let fail = |message: String| Err(OttlError::at(call.position, message));
        let mut parts = Vec::new();
        for (at, (argument, parameter)) in arguments.iter().zip(signature.parameters).enumerate() {
            let Some(argument) = argument else {
                parts.push(None);
                continue;
            };
            parts.push(match (parameter.kind, &argument.value) {
                (Kind::Lambda(parameters), Value::Lambda(lambda)) => {
                    Some(self.lambda(lambda, parameters)?)
                }
                (Kind::Lambda(_), _) => {
                    return Err(OttlError::at(
                        argument.position,
                        format!(
                            "argument {} of {} must be {}",
                            at + 1,
                            call.name,
                            parameter.kind.describe()
                        ),
                    ));
                }
                (Kind::Values, Value::List(items)) => {
                    let mut values = Vec::new();
                    for item in items {
                        values.push(self.value(item)?);
                    }
                    Some(Expression::Coalesce(values))
                }
                (kind, _) => self.argument(&call.name, at, argument, kind)?.expression,
            });
        }
        let deed = match special {
            Special::Now => return Ok(Expression::Now),
            Special::Uuid => return Ok(self.unique(4)),
            Special::UuidV7 => return Ok(self.unique(7)),
            Special::IsRootSpan if self.context == Context::Span => {
                let mut declaring = Declaring {
                    slots: self.slots,
                    contract: self.contract,
                };
                let (context, name) = (Context::Span, "parent_span_id");
                let (field, _) = declaring.field(context, name, None, call.position)?;
                let none = Expression::Constant(Datum::SpanId(0));
                let parent = Expression::Field(field, Vec::new());
                let test = Test::Compare(parent, Comparison::Equal, none);
                return Ok(Expression::Test(Box::new(test)));
            }
            Special::IsRootSpan => return fail("IsRootSpan is for spans only".to_owned()),
            Special::HasPointAttribute => return self.point_attribute(call, &parts),
            Special::Coalesce => {
                return match parts.into_iter().next().flatten() {
                    Some(Expression::Coalesce(values)) if !values.is_empty() => {
                        folded(Expression::Coalesce(values), call.position)
                    }
                    Some(Expression::Coalesce(_)) => {
                        fail("Coalesce takes one value at least".to_owned())
                    }
                    _ => fail(
                        "argument 1 of Coalesce must be a list of values in brackets".to_owned(),
                    ),
                };
            }
            Special::When => {
                let mut parts = parts.into_iter().flatten();
                let (Some(condition), Some(yes), Some(no)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return fail("When takes three values".to_owned());
                };
                return Ok(Expression::When(Box::new([condition, yes, no])));
            }
            Special::All => Deed::All,
            Special::Any => Deed::Any,
            Special::Filter => Deed::Filter,
            Special::Find => Deed::Find,
            Special::MapEach => Deed::MapEach,
            Special::MapKeys => Deed::MapKeys,
            Special::Reduce => Deed::Reduce,
        };
        let mut parts = parts.into_iter();
        let source = parts.next().flatten();
        let (second, third) = (parts.next().flatten(), parts.next().flatten());
        let (seed, lambda, mapper) = match deed {
            Deed::Reduce => (second, third, None),
            _ => (None, second, third),
        };
        let (Some(source), Some(lambda)) = (source, lambda) else {
            return fail(format!("{} takes a list or a map, and a lambda", call.name));
        };
        Ok(Expression::Each(Box::new(Each {
            deed,
            source,
            seed,
            lambda,
            mapper,
        })))
    }

    /// A unique id. What tells rows from each other is read for it, since it is made of what the batch brought.
    fn unique(&mut self, version: u8) -> Expression {
        let fields: &[(Context, &str)] = match self.context {
            Context::Span => &[(Context::Span, "span_id")],
            Context::SpanEvent => &[
                (Context::Span, "span_id"),
                (Context::SpanEvent, "time_unix_nano"),
            ],
            Context::Log => &[
                (Context::Log, "time_unix_nano"),
                (Context::Log, "observed_time_unix_nano"),
            ],
            Context::DataPoint => &[(Context::DataPoint, "time_unix_nano")],
            _ => &[],
        };
        for (context, name) in fields {
            let path = format!("{}.{name}", context.prefix());
            self.slots.wide(self.contract, *context, &path);
        }
        Expression::Unique(version)
    }

    /// Whether a metric has a data point with an attribute: of the first that has, whether it is a text.
    fn point_attribute(
        &mut self,
        call: &ast::Call,
        parts: &[Option<Expression>],
    ) -> Result<Expression, OttlError> {
        if self.context != Context::Metric {
            let message = format!("{} is for metrics only", call.name);
            return Err(OttlError::at(call.position, message));
        }
        let text = |part: Option<&Option<Expression>>| match part {
            Some(Some(Expression::Constant(Datum::Text(text)))) => Some(text.clone().into_owned()),
            _ => None,
        };
        let Some(key) = text(parts.first()) else {
            let message = format!("{} takes strings", call.name);
            return Err(OttlError::at(call.position, message));
        };
        Ok(Expression::PointAttribute {
            metric_type: self
                .slots
                .narrow(self.contract, Context::Metric, "metric.type"),
            attribute: self
                .slots
                .attribute(self.contract, Context::DataPoint, &key),
            value: text(parts.get(1)),
        })
    }

    /// A function by its name alone, which is called with one string.
    pub(crate) fn function_of_text(&self, argument: &ast::Argument) -> Result<Function, OttlError> {
        let fail = |message: String| Err(OttlError::at(argument.position, message));
        let Value::Name(name, position) = &argument.value else {
            return fail(
                "the name of a function stands here, without brackets: `SHA256`".to_owned(),
            );
        };
        let Some(signature) = self.signature(name).copied() else {
            let names = self
                .functions
                .iter()
                .flat_map(|family| family.iter().map(|signature| signature.name));
            return fail(match closest(name, names) {
                Some(meant) => format!("there is no function {name}; did you mean {meant}?"),
                None => format!("the function {name} is not supported"),
            });
        };
        let takes_one = matches!(
            signature.parameters,
            [Parameter {
                kind: Kind::Text | Kind::TextLike | Kind::Any | Kind::BytesLike,
                ..
            }]
        );
        if !takes_one {
            return fail(format!("{name} takes other arguments than one string"));
        }
        let nothing = ast::Call {
            name: name.clone(),
            arguments: Vec::new(),
            keys: Vec::new(),
            position: *position,
        };
        self.made(signature.make, &nothing, signature.parameters, &[])
    }
}
