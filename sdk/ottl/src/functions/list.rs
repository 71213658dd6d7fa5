//! Lists: what is in them, where, in order.

use std::cmp::Ordering;

use spanmill_sdk::{Value, nested};

use crate::ast::Comparison;
use crate::coerce::Kind::{Any, List, LiteralText, LiteralTexts};
use crate::compare::compare;
use crate::datum::{Datum, Failure, ListBuilder, MapBuilder};
use crate::duplicates::last_of_each;
use crate::function::Make::{Plain, Prepared};
use crate::function::{
    Answer, Constants, Function, Input, Signature, converter, function, may_take, predicate, takes,
};

pub(super) static FUNCTIONS: &[Signature] = &[
    predicate(
        "ContainsValue",
        &[takes("target", List), takes("item", Any)],
        Plain(|input| {
            let item = input.value(1);
            Ok(Datum::Bool(place(input.items(0)?, item).is_some()))
        }),
    ),
    converter(
        "SliceToMap",
        &[
            takes("target", List),
            may_take("key_path", LiteralTexts),
            may_take("value_path", LiteralTexts),
        ],
        Prepared(slice_to_map),
    ),
    converter(
        "Sort",
        &[takes("target", Any), may_take("order", LiteralText)],
        Prepared(sort),
    ),
];

fn place(list: &[u8], item: &Datum<'_>) -> Option<usize> {
    nested::items(list)
        .position(|found| compare(&Datum::from_value(found), Comparison::Equal, item))
}

/// Where something stands in a string or a list; -1 if it does not.
pub(super) fn index<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let found = match (input.value(0), input.value(1)) {
        (Datum::Text(text), Datum::Text(part)) => text.find(part.as_ref()),
        (Datum::Text(_), _) => return Err("Index looks for a string in a string"),
        (Datum::List(list), item) => place(list, item),
        (Datum::Nil, _) => return Err("a function expected a list but got nil"),
        _ => return Err("a function expected a list but got another type"),
    };
    Ok(Datum::Int(found.map_or(-1, |at| at as i64)))
}

fn slice_to_map(constants: &Constants<'_>) -> Result<Function, String> {
    let path = |name: &str| {
        let path = constants.texts(name)?;
        Some(path.into_iter().map(str::to_owned).collect::<Vec<String>>())
    };
    let (key_path, value_path) = (path("key_path"), path("value_path"));
    if [&key_path, &value_path]
        .into_iter()
        .flatten()
        .any(Vec::is_empty)
    {
        return Err("a path has one key at least".to_owned());
    }
    Ok(function(move |input| {
        let mut entries: Vec<(String, Value<'_>)> = Vec::new();
        for (at, item) in nested::items(input.items(0)?).enumerate() {
            let key = match &key_path {
                Some(path) => match at_path(item, path)? {
                    Value::Text(key) => key.to_owned(),
                    _ => return Err("SliceToMap found a key that is no string"),
                },
                None => at.to_string(),
            };
            let value = match &value_path {
                Some(path) => at_path(item, path)?,
                None => item,
            };
            entries.push((key, value));
        }
        let mut map = MapBuilder::default();
        for (key, value) in &last_of_each(entries) {
            map.push_value(key, value);
        }
        Ok(map.finish())
    }))
}

fn at_path<'v>(item: Value<'v>, path: &[String]) -> Result<Value<'v>, Failure> {
    path.iter().try_fold(item, |item, key| match item {
        Value::Map(map) => nested::entries(map)
            .find_map(|(known, value)| (known == key).then_some(value))
            .ok_or("SliceToMap found an item without the path"),
        _ => Err("SliceToMap found an item that is no map"),
    })
}

/// What a list is sorted by.
enum Rank {
    Int(i64),
    Float(f64),
    Text(String),
}

fn sort(constants: &Constants<'_>) -> Result<Function, String> {
    let falls = match constants.text("order") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err("order is asc or desc".to_owned()),
    };
    Ok(function(move |input| {
        let list = match input.value(0) {
            Datum::List(list) => list,
            _ => return Err("Sort takes a list"),
        };
        let mut ranked: Vec<(Rank, Value<'_>)> = Vec::new();
        let items: Vec<Value<'_>> = nested::items(list).collect();
        // Texts among them make all texts, doubles make all doubles; maps and lists cannot be sorted.
        let is_text =
            |item: &Value<'_>| matches!(item, Value::Text(_) | Value::Bool(_) | Value::Empty);
        let by_text = items.iter().any(is_text);
        let by_float = items.iter().any(|item| matches!(item, Value::Double(_)));
        for item in &items {
            let rank = match item {
                Value::Array(_) | Value::Map(_) | Value::Bytes(_) | Value::Absent => {
                    return Ok(input.value(0).clone());
                }
                item if by_text => Rank::Text(item.to_text().into_owned()),
                Value::Double(number) => Rank::Float(*number),
                Value::Int(number) if by_float => Rank::Float(*number as f64),
                Value::Int(number) => Rank::Int(*number),
                _ => Rank::Int(0),
            };
            ranked.push((rank, *item));
        }
        ranked.sort_by(|(left, _), (right, _)| {
            let ordering = match (left, right) {
                (Rank::Int(left), Rank::Int(right)) => left.cmp(right),
                (Rank::Float(left), Rank::Float(right)) => {
                    // NaN stands before all others.
                    let known = left.partial_cmp(right);
                    known.unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
                }
                (Rank::Text(left), Rank::Text(right)) => left.cmp(right),
                _ => Ordering::Equal,
            };
            if falls { ordering.reverse() } else { ordering }
        });
        let mut sorted = ListBuilder::default();
        for (_, item) in &ranked {
            sorted.push_value(item);
        }
        Ok(sorted.finish())
    }))
}
