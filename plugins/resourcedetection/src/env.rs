//! The detector `env`: attributes that stand in a variable, `key1=value1,key2=value2`.

use percent_encoding::percent_decode_str;
use spanmill_pattern::compile;

use crate::environment::Environment;
use crate::facts::Facts;

/// The variable, and the one that is read if there is none.
pub(crate) const VARIABLES: [&str; 2] = ["OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE"];

/// One attribute and what parts it from the next, as the Collector reads it.
const ATTRIBUTE: &str = r"\s*([[:ascii:]]{1,256}?)\s*=\s*([[:ascii:]]{0,256}?)\s*(?:,|$)";

/// Adds the attributes of the variable.
///
/// # Errors
///
/// What is wrong with it, without its values.
pub(crate) fn detect<E: Environment>(facts: &mut Facts) -> Result<(), String> {
    let found = VARIABLES.iter().find_map(|name| {
        let value = E::variable(name)?.trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    });
    let Some((name, list)) = found else {
        return Ok(());
    };
    let attributes = read(&list).map_err(|why| format!("{name} {why}"))?;
    for (key, value) in attributes {
        facts.add_text(&key, value);
    }
    Ok(())
}

fn read(list: &str) -> Result<Vec<(String, String)>, &'static str> {
    const SHAPE: &str = "is no list of attributes; write it like key1=value1,key2=value2, in ASCII, with %XX for other characters";
    let pattern = compile(ATTRIBUTE).map_err(|_| SHAPE)?;
    let mut attributes: Vec<(String, String)> = Vec::new();
    let mut end = 0;
    for found in pattern.captures_iter(list) {
        let (Some(all), Some(key), Some(value)) = (found.get(0), found.get(1), found.get(2)) else {
            return Err(SHAPE);
        };
        if all.start() != end {
            return Err(SHAPE);
        }
        end = all.end();
        let value = unescaped(value.as_str())
            .ok_or("has a % that is not followed by two hex digits; write %25 for it")?;
        // Of one key the last counts.
        match attributes
            .iter_mut()
            .find(|(known, _)| known == key.as_str())
        {
            Some((_, known)) => *known = value,
            None => attributes.push((key.as_str().to_owned(), value)),
        }
    }
    if end != list.len() || attributes.is_empty() {
        return Err(SHAPE);
    }
    Ok(attributes)
}

/// A text as in the query of a URL: `%XX` for bytes, `+` for a space.
fn unescaped(text: &str) -> Option<String> {
    let is_hex = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_hex) {
        return None;
    }
    let text = text.replace('+', " ");
    Some(percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &str) -> Result<Vec<(String, String)>, &'static str> {
        read(list)
    }

    #[test]
    fn attributes_are_read_as_the_collector_reads_them() {
        for (list, expected) in [
            ("a=b", vec![("a", "b")]),
            (" a = b , c=d,", vec![("a", "b"), ("c", "d")]),
            ("a=b=c", vec![("a", "b=c")]),
            ("a=", vec![("a", "")]),
            ("a=1,a=2", vec![("a", "2")]),
            ("a=b%2Cc+d%C3%A9", vec![("a", "b,c dé")]),
            ("a,b=c", vec![("a,b", "c")]),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(pairs(list), Ok(expected), "{list}");
        }
        for list in ["a", "=b", "a=b,c", "é=b", "a=é", ","] {
            assert!(
                pairs(list).is_err_and(|why| why.starts_with("is no list")),
                "{list}"
            );
        }
        for list in ["a=%", "a=%4", "a=%zz"] {
            assert!(
                pairs(list).is_err_and(|why| why.starts_with("has a %")),
                "{list}"
            );
        }
        let long = format!("a={}", "x".repeat(257));
        assert!(pairs(&long).is_err());
    }
}
