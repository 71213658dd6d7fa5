//! Severities, told from what logs call them.

use spanmill_sdk::{Value, nested};

use crate::coerce::Kind::{Any, Map};
use crate::datum::Datum;
use crate::function::Make::Prepared;
use crate::function::{Constants, Function, Signature, converter, function, takes};

pub(super) static FUNCTIONS: &[Signature] = &[converter(
    "ParseSeverity",
    &[takes("target", Any), takes("mapping", Map)],
    Prepared(parse_severity),
)];

/// What a level is told from.
#[derive(Debug, Default)]
struct Criterion {
    equals: Vec<String>,
    range: Option<(i64, i64)>,
}

fn criterion(map: &[u8]) -> Result<Criterion, String> {
    let mut criterion = Criterion::default();
    for (key, value) in nested::entries(map) {
        match (key, value) {
            ("equals", Value::Array(list)) => {
                for item in nested::items(list) {
                    let Value::Text(text) = item else {
                        return Err("`equals` is a list of strings".to_owned());
                    };
                    criterion.equals.push(text.to_owned());
                }
            }
            ("equals", _) => return Err("`equals` is a list of strings".to_owned()),
            ("range", Value::Text(name)) => {
                criterion.range = Some(match name {
                    "2xx" => (200, 299),
                    "3xx" => (300, 399),
                    "4xx" => (400, 499),
                    "5xx" => (500, 599),
                    _ => return Err("the ranges with names are 2xx, 3xx, 4xx and 5xx".to_owned()),
                });
            }
            ("range", Value::Map(range)) => {
                let bound = |wanted: &str| {
                    nested::entries(range).find_map(|(key, value)| match value {
                        Value::Int(number) if key == wanted => Some(number),
                        _ => None,
                    })
                };
                let (Some(min), Some(max)) = (bound("min"), bound("max")) else {
                    return Err("a range has whole numbers `min` and `max`".to_owned());
                };
                criterion.range = Some((min, max));
            }
            ("range", _) => return Err("a range is a map or one of 2xx to 5xx".to_owned()),
            _ => {}
        }
    }
    Ok(criterion)
}

fn parse_severity(constants: &Constants<'_>) -> Result<Function, String> {
    let Some(Datum::Map(mapping)) = constants.datum("mapping") else {
        return Err(
            "the mapping stands there as it is: no path and no function is in it".to_owned(),
        );
    };
    let mut levels: Vec<(String, Vec<Criterion>)> = Vec::new();
    for (level, criteria) in nested::entries(mapping) {
        let Value::Array(list) = criteria else {
            return Err("each level has a list of criteria".to_owned());
        };
        let mut known = Vec::new();
        for item in nested::items(list) {
            let Value::Map(map) = item else {
                return Err("a criterion is a map with `equals` or `range`".to_owned());
            };
            known.push(criterion(map)?);
        }
        levels.push((level.to_owned(), known));
    }
    Ok(function(move |input| {
        let holds: Box<dyn Fn(&Criterion) -> bool> = match input.value(0) {
            Datum::Text(text) => {
                let text = text.clone().into_owned();
                Box::new(move |criterion| criterion.equals.contains(&text))
            }
            Datum::Int(number) => {
                let number = *number;
                Box::new(move |criterion| {
                    criterion
                        .range
                        .is_some_and(|(min, max)| (min..=max).contains(&number))
                })
            }
            _ => return Err("ParseSeverity takes a string or a whole number"),
        };
        let mut found = levels.iter();
        match found.find(|(_, criteria)| criteria.iter().any(&holds)) {
            Some((level, _)) => Ok(Datum::text(level.clone())),
            None => Err("ParseSeverity found no level for the value"),
        }
    }))
}
