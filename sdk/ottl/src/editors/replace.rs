//! Editors that replace what a pattern matches.

use std::borrow::Cow;
use std::sync::Arc;

use spanmill_pattern::{Finder, Regex};

use crate::datum::{Datum, Failure};
use crate::editor::{Change, MapChange, OfText, OfValue, Prepared, change};
use crate::function::{Function, Input};
use crate::moment::Moment;

/// What a function makes of a text, put into a format.
#[derive(Clone, Default)]
struct Rework {
    function: Option<Function>,
}

impl Rework {
    fn of(prepared: &Prepared<'_>) -> Result<Self, String> {
        if let Some(format) = prepared.constants.text("replacement_format") {
            check_format(format).map_err(str::to_owned)?;
        }
        Ok(Rework {
            function: prepared.function.clone(),
        })
    }

    /// What becomes of a replacement.
    fn apply(&self, text: &str, format: &Datum<'_>, now: Moment) -> Result<String, Failure> {
        let Some(function) = &self.function else {
            return Ok(text.to_owned());
        };
        let made = function(&Input {
            values: &[Datum::Text(text.into())],
            list: &[],
            now,
        })?;
        let Datum::Text(made) = made else {
            return Err("the function of a replacement must give a string");
        };
        match format {
            Datum::Text(format) => {
                check_format(format)?;
                Ok(format.replacen("%s", &made, 1))
            }
            _ => Ok(made.into_owned()),
        }
    }
}

fn glob(pattern: &str) -> Result<Regex, String> {
    spanmill_pattern::compile_glob(pattern)
}

fn check_format(format: &str) -> Result<(), Failure> {
    let mut parts = format.split('%');
    // What stands before the only one.
    parts.next();
    match (parts.next(), parts.next()) {
        (Some(behind), None) if behind.starts_with('s') => Ok(()),
        _ => Err("replacement_format must contain `%s` once and no other directive"),
    }
}

/// A pattern that is known before anything runs, or is compiled for each row.
#[derive(Clone)]
enum Pattern {
    Known(Regex),
    /// The place of its parameter, and how it is compiled.
    Open(usize, fn(&str) -> Result<Regex, String>),
}

impl Pattern {
    fn of(
        prepared: &Prepared<'_>,
        name: &str,
        at: usize,
        compile: fn(&str) -> Result<Regex, String>,
    ) -> Result<Self, String> {
        Ok(match prepared.constants.text(name) {
            Some(pattern) => Pattern::Known(compile(pattern)?),
            None => Pattern::Open(at, compile),
        })
    }

    fn get(&self, input: &Input<'_, '_>) -> Result<std::borrow::Cow<'_, Regex>, Failure> {
        match self {
            Pattern::Known(regex) => Ok(std::borrow::Cow::Borrowed(regex)),
            Pattern::Open(at, compile) => compile(input.text(*at)?)
                .map(std::borrow::Cow::Owned)
                .map_err(|_| "a function got a pattern that is no regular expression"),
        }
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    spanmill_pattern::compile(pattern).map_err(|error| error.to_string())
}

/// A text with everything replaced that a pattern matches; nothing, if it matches nowhere.
fn replaced(
    regex: &Regex,
    text: &str,
    replacement: &str,
    rework: &Rework,
    format: &Datum<'_>,
    now: Moment,
) -> Result<Option<String>, Failure> {
    let mut out = String::new();
    let mut last = 0;
    let mut any = false;
    // Where groups begin and end is of no interest to a replacement without them.
    if !replacement.contains('$') && rework.function.is_none() {
        for found in regex.find_iter(text) {
            any = true;
            out.push_str(text.get(last..found.start()).unwrap_or(""));
            out.push_str(replacement);
            last = found.end();
        }
        out.push_str(text.get(last..).unwrap_or(""));
        return Ok(any.then_some(out));
    }
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        any = true;
        let mut expanded = String::new();
        captures.expand(replacement, &mut expanded);
        out.push_str(text.get(last..whole.start()).unwrap_or(""));
        out.push_str(&rework.apply(&expanded, format, now)?);
        last = whole.end();
    }
    out.push_str(text.get(last..).unwrap_or(""));
    Ok(any.then_some(out))
}

/// What a text becomes if pattern and replacement are known, and no function makes something else of what is found.
fn of_text(prepared: &Prepared<'_>) -> Option<OfText> {
    let pattern = prepared.constants.text("regex_pattern")?;
    let replacement = prepared.constants.text("replacement")?.to_owned();
    // Groups are more than a finder finds.
    if prepared.function.is_some() || replacement.contains('$') {
        return None;
    }
    let finder = Finder::new(pattern).ok()?;
    Some(Arc::new(move |text, out| {
        finder.replace_all(text, out, |_| Cow::Borrowed(&*replacement))
    }))
}

pub(super) fn one_pattern(prepared: &Prepared<'_>) -> Result<Change, String> {
    let pattern = Pattern::of(prepared, "regex_pattern", 1, regex)?;
    let rework = Rework::of(prepared)?;
    let of_text = of_text(prepared);
    let change = change(move |old, input| {
        let Datum::Text(old) = old else {
            return Ok(None);
        };
        let (regex, replacement) = (pattern.get(input)?, input.text(2)?);
        let new = replaced(&regex, old, replacement, &rework, input.value(4), input.now)?;
        Ok(new.map(Datum::text))
    });
    Ok(change.of_texts(of_text))
}

pub(super) fn one_match(prepared: &Prepared<'_>) -> Result<Change, String> {
    let pattern = Pattern::of(prepared, "pattern", 1, glob)?;
    let rework = Rework::of(prepared)?;
    Ok(change(move |old, input| {
        let Datum::Text(old) = old else {
            return Ok(None);
        };
        let new = rework.apply(input.text(2)?, input.value(4), input.now)?;
        let matches = pattern.get(input)?.is_match(old);
        Ok(matches.then(|| Datum::text(new)))
    }))
}

/// Whether all that a change of maps takes is known, so that it is the same for every map.
fn known<'p>(prepared: &'p Prepared<'_>, names: &[&str]) -> Option<Vec<&'p str>> {
    let is_open = prepared.constants.is_given("replacement_format")
        && prepared.constants.text("replacement_format").is_none();
    let texts: Option<Vec<&str>> = names
        .iter()
        .map(|name| prepared.constants.text(name))
        .collect();
    texts.filter(|_| !is_open)
}

fn format_of(prepared: &Prepared<'_>) -> Datum<'static> {
    match prepared.constants.text("replacement_format") {
        Some(format) => Datum::text(format),
        None => Datum::Nil,
    }
}

pub(super) fn all_matches(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    let rework = Rework::of(prepared)?;
    if let Some(texts) = known(prepared, &["pattern", "replacement"])
        && let [pattern, replacement] = texts[..]
    {
        let regex = glob(pattern)?;
        let replacement = replacement.to_owned();
        if prepared.function.is_none() {
            return Ok(MapChange::Texts(Arc::new(move |text, out| {
                let matches = std::str::from_utf8(text).is_ok_and(|text| regex.is_match(text));
                if matches {
                    out.clear();
                    out.extend_from_slice(replacement.as_bytes());
                }
                matches
            })));
        }
        let format = format_of(prepared);
        let replaced: OfValue = Arc::new(move |value| match value {
            Datum::Text(text) if regex.is_match(text) => {
                let new = rework.apply(&replacement, &format, Moment::utc(0, 0))?;
                Ok(Some(Datum::text(new)))
            }
            _ => Ok(None),
        });
        return Ok(MapChange::Values(replaced, true));
    }
    let pattern = Pattern::of(prepared, "pattern", 1, glob)?;
    Ok(MapChange::Whole(change(move |old, input| {
        let regex = pattern.get(input)?;
        let new = rework.apply(input.text(2)?, input.value(4), input.now)?;
        super::map::with_values(old, |value| match value {
            Datum::Text(text) if regex.is_match(text) => Ok(Some(Datum::text(new.clone()))),
            _ => Ok(None),
        })
    })))
}

pub(super) fn all_patterns(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    let rework = Rework::of(prepared)?;
    let of_keys = match prepared.constants.text("mode") {
        Some("key") => true,
        Some("value") => false,
        _ => return Err("mode must be `key` or `value`".to_owned()),
    };
    if let Some(texts) = known(prepared, &["regex_pattern", "replacement"])
        && let [pattern, replacement] = texts[..]
    {
        let regex = regex(pattern)?;
        let replacement = replacement.to_owned();
        let format = format_of(prepared);
        let now = Moment::utc(0, 0);
        if of_keys {
            return Ok(MapChange::Keys(Arc::new(move |key| {
                replaced(&regex, key, &replacement, &rework, &format, now)
            })));
        }
        if let Some(of_text) = of_text(prepared) {
            return Ok(MapChange::Texts(of_text));
        }
        let becomes: OfValue = Arc::new(move |value| match value {
            Datum::Text(text) => {
                let new = replaced(&regex, text, &replacement, &rework, &format, now)?;
                Ok(new.map(Datum::text))
            }
            _ => Ok(None),
        });
        return Ok(MapChange::Values(becomes, true));
    }
    let pattern = Pattern::of(prepared, "regex_pattern", 2, regex)?;
    Ok(MapChange::Whole(change(move |old, input| {
        let (regex, replacement, now) = (pattern.get(input)?, input.text(3)?, input.now);
        let format = input.value(5);
        if of_keys {
            return super::map::with_keys(old, |key| {
                replaced(&regex, key, replacement, &rework, format, now)
            });
        }
        super::map::with_values(old, |value| match value {
            Datum::Text(text) => {
                let new = replaced(&regex, text, replacement, &rework, format, now)?;
                Ok(new.map(Datum::text))
            }
            _ => Ok(None),
        })
    })))
}
