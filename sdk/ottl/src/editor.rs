//! What an editor is: its name, what it takes, and what it makes of what it is given.

use std::sync::Arc;

use crate::coerce::Kind;
use crate::datum::{Datum, Failure};
use crate::function::{Constants, Function, Input, Parameter};

/// What a value becomes; nothing, if it stays.
pub(crate) type Changed<'a> = Result<Option<Datum<'a>>, Failure>;

type Changes = dyn for<'x, 'a> Fn(&Datum<'_>, &Input<'x, 'a>) -> Changed<'static> + Send + Sync;

/// How a value is changed, given the arguments.
#[derive(Clone)]
pub(crate) struct Change {
    does: Arc<Changes>,
    /// The same for texts, where nothing but the text matters.
    pub of_text: Option<OfText>,
}

/// Whether a text, which is UTF-8, becomes another; if so, that one is put into the buffer, and else the buffer may hold anything.
pub(crate) type OfText = Arc<dyn Fn(&[u8], &mut Vec<u8>) -> bool + Send + Sync>;

impl Change {
    /// What a value becomes.
    pub(crate) fn apply(&self, old: &Datum<'_>, input: &Input<'_, '_>) -> Changed<'static> {
        (self.does)(old, input)
    }

    /// The same change, which for texts is also `of_text`.
    pub(crate) fn of_texts(self, of_text: Option<OfText>) -> Self {
        Change { of_text, ..self }
    }
}

/// A change that knows something before it runs.
pub(crate) fn change<F>(does: F) -> Change
where
    F: for<'x, 'a> Fn(&Datum<'_>, &Input<'x, 'a>) -> Changed<'static> + Send + Sync + 'static,
{
    Change {
        does: Arc::new(does),
        of_text: None,
    }
}

/// What a value becomes, whatever its key.
pub(crate) type OfValue = Arc<dyn Fn(&Datum<'_>) -> Changed<'static> + Send + Sync>;

/// What a key becomes, whatever its value.
pub(crate) type OfKey = Arc<dyn Fn(&str) -> Result<Option<String>, Failure> + Send + Sync>;

/// How a map is changed.
#[derive(Clone)]
pub(crate) enum MapChange {
    /// The keys that stay.
    Retain(Arc<dyn Fn(&str) -> bool + Send + Sync>),
    /// What each value becomes, and whether only texts become something else.
    Values(OfValue, bool),
    /// What each text becomes.
    Texts(OfText),
    /// What each key becomes.
    Keys(OfKey),
    /// The first so many entries stay, with those of some keys before others.
    Limit(usize, Vec<String>),
    /// The map as a whole.
    Whole(Change),
}

/// What is known of a call of an editor before anything runs.
pub(crate) struct Prepared<'c> {
    pub constants: Constants<'c>,
    /// The function that is named, if one is.
    pub function: Option<Function>,
    /// Whether the argument `value` is a list that stands there as it is.
    pub has_list: bool,
}

/// What an editor does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// It gives its target a value.
    Set,
    /// It makes something else of the value of its target.
    Change(fn(&Prepared<'_>) -> Result<Change, String>),
    /// It changes the map that its target is.
    ChangeMap(fn(&Prepared<'_>) -> Result<MapChange, String>),
    /// It takes a key out of the map that its target is.
    DeleteKey,
    /// It puts a map into the map that its target is.
    Merge,
    /// It names spans by the semantic conventions.
    NameSpan,
    /// It is one of the Collector's that plugins cannot do, and why.
    Not(&'static str),
}

/// An editor.
#[derive(Clone, Copy)]
pub(crate) struct Editor {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub does: Does,
}

/// The list of parameters of an editor that is known by name only.
pub(crate) const UNKNOWN: &[Parameter] = &[crate::function::may_take("arguments", Kind::Any)];
