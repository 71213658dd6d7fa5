//! The functions of conditions, with the Collector's names, arguments and failures.

use std::borrow::Cow;

use spanmill_pattern::Regex;
use spanmill_sdk::{nested, parse_double};

use crate::datum::Datum;

/// A function, and what of it is known before it runs.
#[derive(Debug, Clone)]
pub(crate) enum Function {
    IsMatch(Option<Regex>),
    IsString,
    IsInt,
    IsDouble,
    IsBool,
    IsMap,
    IsList,
    IsRootSpan,
    Len,
    Concat,
    Int,
    Double,
    String,
    ToLowerCase,
    ToUpperCase,
    HasPrefix,
    HasSuffix,
    Substring,
    TraceId,
    SpanId,
    /// Becomes a field when it is checked.
    HasPointAttribute,
}

/// A function's name and the names of its arguments.
pub(crate) const SIGNATURES: [(&str, Function, &[&str]); 22] = [
    ("IsMatch", Function::IsMatch(None), &["target", "pattern"]),
    ("IsString", Function::IsString, &["target"]),
    ("IsInt", Function::IsInt, &["target"]),
    ("IsDouble", Function::IsDouble, &["target"]),
    ("IsBool", Function::IsBool, &["target"]),
    ("IsMap", Function::IsMap, &["target"]),
    ("IsList", Function::IsList, &["target"]),
    ("IsRootSpan", Function::IsRootSpan, &[]),
    ("Len", Function::Len, &["target"]),
    ("Concat", Function::Concat, &["vals", "delimiter"]),
    ("Int", Function::Int, &["target"]),
    ("Double", Function::Double, &["target"]),
    ("String", Function::String, &["target"]),
    ("ToLowerCase", Function::ToLowerCase, &["target"]),
    ("ToUpperCase", Function::ToUpperCase, &["target"]),
    ("HasPrefix", Function::HasPrefix, &["target", "prefix"]),
    ("HasSuffix", Function::HasSuffix, &["target", "suffix"]),
    (
        "Substring",
        Function::Substring,
        &["target", "start", "length"],
    ),
    ("TraceID", Function::TraceId, &["id"]),
    ("SpanID", Function::SpanId, &["id"]),
    (
        "HasAttrOnDatapoint",
        Function::HasPointAttribute,
        &["key", "expectedVal"],
    ),
    (
        "HasAttrKeyOnDatapoint",
        Function::HasPointAttribute,
        &["key"],
    ),
];

impl Function {
    /// Whether it answers true or false.
    pub(crate) fn is_condition(&self) -> bool {
        use Function::{
            HasPrefix, HasSuffix, IsBool, IsDouble, IsInt, IsList, IsMap, IsMatch, IsRootSpan,
            IsString,
        };
        matches!(
            self,
            IsMatch(_)
                | IsString
                | IsInt
                | IsDouble
                | IsBool
                | IsMap
                | IsList
                | IsRootSpan
                | HasPrefix
                | HasSuffix
        )
    }

    /// Calls it. An error says why without a value in it.
    pub(crate) fn call<'a>(&self, arguments: &[Datum<'a>]) -> Result<Datum<'a>, &'static str> {
        let first = arguments.first().unwrap_or(&Datum::Nil);
        let second = arguments.get(1).unwrap_or(&Datum::Nil);
        Ok(match self {
            Function::IsMatch(compiled) => {
                let dynamic;
                let regex = match compiled {
                    Some(regex) => regex,
                    None => {
                        dynamic = spanmill_pattern::compile(text(second)?)
                            .map_err(|_| "IsMatch got a pattern that is no regular expression")?;
                        &dynamic
                    }
                };
                let text = first.text_like()?;
                Datum::Bool(text.is_some_and(|text| regex.is_match(&text)))
            }
            Function::IsString => Datum::Bool(matches!(first, Datum::Text(_))),
            Function::IsInt => Datum::Bool(matches!(first, Datum::Int(_))),
            Function::IsDouble => Datum::Bool(matches!(first, Datum::Float(_))),
            Function::IsBool => Datum::Bool(matches!(first, Datum::Bool(_))),
            Function::IsMap => Datum::Bool(matches!(first, Datum::Map(_))),
            Function::IsList => Datum::Bool(matches!(first, Datum::List(_))),
            // Its one argument is the parent's span id, which the checker puts there.
            Function::IsRootSpan => Datum::Bool(*first == Datum::SpanId(0)),
            Function::Len => Datum::Int(match first {
                Datum::Text(text) => text.len() as i64,
                Datum::Bytes(bytes) => bytes.len() as i64,
                Datum::List(list) => nested::items(list).count() as i64,
                Datum::Map(map) => nested::entries(map).count() as i64,
                _ => return Err("Len takes a string, a list or a map"),
            }),
            Function::Concat => concat(arguments)?,
            Function::Int => match first {
                Datum::Int(number) => Datum::Int(*number),
                Datum::Float(number) => Datum::Int(*number as i64),
                Datum::Bool(flag) => Datum::Int(i64::from(*flag)),
                Datum::Text(text) => text.parse().map_or(Datum::Nil, Datum::Int),
                Datum::Nil => Datum::Nil,
                _ => return Err("Int takes a number, a bool or a string"),
            },
            Function::Double => match first {
                Datum::Float(number) => Datum::Float(*number),
                Datum::Int(number) => Datum::Float(*number as f64),
                Datum::Bool(flag) => Datum::Float(f64::from(u8::from(*flag))),
                Datum::Text(text) => {
                    Datum::Float(parse_double(text).ok_or("Double got a string that is no number")?)
                }
                Datum::Nil => Datum::Nil,
                _ => return Err("Double takes a number, a bool or a string"),
            },
            Function::String => match first.text_like()? {
                Some(text) => Datum::Text(Cow::Owned(text.into_owned())),
                None => Datum::Nil,
            },
            Function::ToLowerCase => Datum::Text(
                text(first)?
                    .chars()
                    .map(lowercase)
                    .collect::<String>()
                    .into(),
            ),
            Function::ToUpperCase => Datum::Text(
                text(first)?
                    .chars()
                    .map(uppercase)
                    .collect::<String>()
                    .into(),
            ),
            Function::HasPrefix => Datum::Bool(text(first)?.starts_with(text(second)?)),
            Function::HasSuffix => Datum::Bool(text(first)?.ends_with(text(second)?)),
            Function::Substring => substring(first, second, arguments.get(2))?,
            Function::TraceId => match words(first)?.as_slice() {
                [high, low] => Datum::TraceId([*high, *low]),
                _ => return Err("TraceID takes 16 bytes"),
            },
            Function::HasPointAttribute => return Err("only the checker calls it"),
            Function::SpanId => match words(first)?.as_slice() {
                [id] => Datum::SpanId(*id),
                _ => return Err("SpanID takes 8 bytes"),
            },
        })
    }
}

/// A character's lower case. Go changes one character at a time, whatever stands around it.
fn lowercase(character: char) -> char {
    match character {
        'İ' => 'i',
        _ => alone(character.to_lowercase()).unwrap_or(character),
    }
}

/// A character's upper case: the same for one whose upper case is several characters, such as `ß`, unless there is a title
/// case of one.
fn uppercase(character: char) -> char {
    let title_case = match character {
        'ᾀ'..='ᾇ' | 'ᾐ'..='ᾗ' | 'ᾠ'..='ᾧ' => 8,
        'ᾳ' | 'ῃ' | 'ῳ' => 9,
        _ => return alone(character.to_uppercase()).unwrap_or(character),
    };
    char::from_u32(character as u32 + title_case).unwrap_or(character)
}

fn alone(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next();
    first.filter(|_| characters.next().is_none())
}

/// Text, where a function takes nothing else.
fn text<'b>(datum: &'b Datum<'_>) -> Result<&'b str, &'static str> {
    match datum {
        Datum::Text(text) => Ok(text),
        Datum::Nil => Err("a function expected a string but got nil"),
        _ => Err("a function expected a string but got another type"),
    }
}

fn concat<'a>(arguments: &[Datum<'a>]) -> Result<Datum<'a>, &'static str> {
    // The checker spreads the list: its values, then the delimiter.
    let Some((delimiter, values)) = arguments.split_last() else {
        return Err("Concat takes a list and a delimiter");
    };
    let delimiter = text(delimiter)?;
    let mut joined = String::new();
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            joined.push_str(delimiter);
        }
        joined.push_str(&value.text_like()?.unwrap_or(Cow::Borrowed("<nil>")));
    }
    Ok(Datum::Text(Cow::Owned(joined)))
}

fn substring<'a>(
    target: &Datum<'a>,
    start: &Datum<'_>,
    length: Option<&Datum<'_>>,
) -> Result<Datum<'a>, &'static str> {
    let (Datum::Int(start), Some(Datum::Int(length))) = (start, length) else {
        return Err("Substring takes whole numbers for start and length");
    };
    if *start < 0 || *length <= 0 {
        return Err("Substring takes a start from 0 and a length from 1");
    }
    let text = text(target)?;
    let (start, length) = (*start as usize, *length as usize);
    let end = start.checked_add(length).filter(|&end| end <= text.len());
    let end = end.ok_or("Substring reaches beyond the string")?;
    // The Collector cuts characters in half; half a character reads as a replacement character.
    let cut = String::from_utf8_lossy(&text.as_bytes()[start..end]).into_owned();
    Ok(Datum::Text(Cow::Owned(cut)))
}

/// Bytes of an id, or its hex digits, as big-endian words.
fn words(datum: &Datum<'_>) -> Result<Vec<u64>, &'static str> {
    let bytes: Cow<'_, [u8]> = match datum {
        Datum::Bytes(bytes) => Cow::Borrowed(bytes),
        Datum::Text(text) if text.is_ascii() && text.len().is_multiple_of(2) => {
            let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16);
            let bytes: Result<_, _> = (0..text.len()).step_by(2).map(pair).collect();
            Cow::Owned(bytes.map_err(|_| "an id takes hex digits")?)
        }
        _ => return Err("an id takes bytes or hex digits"),
    };
    let (words, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err("an id has 8 or 16 bytes");
    }
    Ok(words.iter().map(|word| u64::from_be_bytes(*word)).collect())
}
