//! What a function is: its name, what it takes, and what it does.

use std::sync::Arc;

use crate::coerce::Kind;
use crate::datum::{Datum, Failure};
use crate::moment::Moment;

/// What a function is called with.
pub(crate) struct Input<'x, 'a> {
    /// One value a parameter, nil for those that were left out; lists in brackets stand in `list` instead.
    pub values: &'x [Datum<'a>],
    /// The values of the list in brackets.
    pub list: &'x [Datum<'a>],
    /// When the host received the batch.
    pub now: Moment,
}

impl<'a> Input<'_, 'a> {
    /// The value of a parameter.
    pub(crate) fn value(&self, at: usize) -> &Datum<'a> {
        self.values.get(at).unwrap_or(&Datum::Nil)
    }

    /// The text of a parameter that takes nothing else.
    pub(crate) fn text(&self, at: usize) -> Result<&str, Failure> {
        match self.value(at) {
            Datum::Text(text) => Ok(text),
            _ => Err("a function expected a string but got nil"),
        }
    }

    /// The whole number of a parameter that takes nothing else.
    pub(crate) fn int(&self, at: usize) -> Result<i64, Failure> {
        match self.value(at) {
            Datum::Int(number) => Ok(*number),
            _ => Err("a function expected a whole number but got nil"),
        }
    }

    /// The encoded map of a parameter that takes nothing else.
    pub(crate) fn map(&self, at: usize) -> Result<&[u8], Failure> {
        match self.value(at) {
            Datum::Map(map) => Ok(map),
            _ => Err("a function expected a map but got nil"),
        }
    }

    /// The encoded list of a parameter that takes nothing else.
    pub(crate) fn items(&self, at: usize) -> Result<&[u8], Failure> {
        match self.value(at) {
            Datum::List(list) => Ok(list),
            _ => Err("a function expected a list but got nil"),
        }
    }
}

/// What a function gives.
pub(crate) type Answer<'a> = Result<Datum<'a>, Failure>;

/// What a function does.
pub(crate) type Function = Arc<dyn for<'x, 'a> Fn(&Input<'x, 'a>) -> Answer<'a> + Send + Sync>;

/// A function that knows something before it runs.
pub(crate) fn function<F>(does: F) -> Function
where
    F: for<'x, 'a> Fn(&Input<'x, 'a>) -> Answer<'a> + Send + Sync + 'static,
{
    Arc::new(does)
}

/// A parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    pub is_optional: bool,
}

/// A parameter that must be there.
pub(crate) const fn takes(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        is_optional: false,
    }
}

/// A parameter that may be left out.
pub(crate) const fn may_take(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        is_optional: true,
    }
}

/// An argument that is known before anything runs.
#[derive(Debug, Clone)]
pub(crate) enum Constant {
    Datum(Datum<'static>),
    List(Vec<Datum<'static>>),
}

/// The arguments of a call that are known before anything runs.
pub(crate) struct Constants<'c> {
    pub parameters: &'c [Parameter],
    /// One a parameter.
    pub values: &'c [Option<Constant>],
    /// Which parameters have an argument, known or not.
    pub given: &'c [bool],
}

impl Constants<'_> {
    /// Whether a parameter has an argument.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        let mut given = self.parameters.iter().zip(self.given);
        given.any(|(parameter, &given)| given && parameter.name == name)
    }

    fn get(&self, name: &str) -> Option<&Constant> {
        let at = self
            .parameters
            .iter()
            .position(|parameter| parameter.name == name)?;
        self.values.get(at)?.as_ref()
    }

    pub(crate) fn datum(&self, name: &str) -> Option<&Datum<'static>> {
        match self.get(name)? {
            Constant::Datum(datum) => Some(datum),
            Constant::List(_) => None,
        }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.datum(name)? {
            Datum::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        match self.datum(name)? {
            Datum::Int(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.datum(name)? {
            Datum::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The strings of a list, if all of them are known.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let Constant::List(list) = self.get(name)? else {
            return None;
        };
        fn text<'d>(datum: &'d Datum<'_>) -> Option<&'d str> {
            match datum {
                Datum::Text(text) => Some(text),
                _ => None,
            }
        }
        list.iter().map(text).collect()
    }
}

/// How a function comes about.
#[derive(Clone, Copy)]
pub(crate) enum Make {
    /// It needs nothing but its arguments.
    Plain(for<'x, 'a> fn(&Input<'x, 'a>) -> Answer<'a>),
    /// It looks at its constants first, and may refuse them.
    Prepared(fn(&Constants<'_>) -> Result<Function, String>),
    /// It is part of the language.
    Special(Special),
}

/// Functions that the evaluator itself runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    All,
    Any,
    Coalesce,
    Filter,
    Find,
    HasPointAttribute,
    IsRootSpan,
    MapEach,
    MapKeys,
    Now,
    Reduce,
    Uuid,
    UuidV7,
    When,
}

/// Whether a function answers true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// True or false.
    Bool,
    /// Maybe.
    Any,
    /// Something else.
    Other,
}

/// A function's name, what it takes, and what it does.
#[derive(Clone, Copy)]
pub(crate) struct Signature {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub gives: Gives,
    pub make: Make,
}

/// A function that gives something else than true or false.
pub(crate) const fn converter(
    name: &'static str,
    parameters: &'static [Parameter],
    make: Make,
) -> Signature {
    Signature {
        name,
        parameters,
        gives: Gives::Other,
        make,
    }
}

/// A function that may give anything.
pub(crate) const fn any(
    name: &'static str,
    parameters: &'static [Parameter],
    make: Make,
) -> Signature {
    Signature {
        name,
        parameters,
        gives: Gives::Any,
        make,
    }
}

/// A function that gives true or false.
pub(crate) const fn predicate(
    name: &'static str,
    parameters: &'static [Parameter],
    make: Make,
) -> Signature {
    Signature {
        name,
        parameters,
        gives: Gives::Bool,
        make,
    }
}
