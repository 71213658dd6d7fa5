//! Lines of comma-separated values, as Go reads them.

use crate::datum::Failure;

/// How quotes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A quote stands at the beginning of a field and at its end.
    Strict,
    /// A quote may stand anywhere.
    LazyQuotes,
    /// A quote is a character like any other.
    IgnoreQuotes,
}

/// The fields of a text. What stands on several lines is one: the last field of a line goes on in the first of the next.
pub(super) fn fields(text: &str, delimiter: char, mode: Mode) -> Result<Vec<String>, Failure> {
    if mode == Mode::IgnoreQuotes {
        return Ok(text.split(delimiter).map(str::to_owned).collect());
    }
    let mut all: Vec<String> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        // Empty lines are no lines.
        if let Some(behind) = rest.strip_prefix("\r\n").or(rest.strip_prefix('\n')) {
            rest = behind;
            continue;
        }
        let (line, behind) = record(rest, delimiter, mode == Mode::LazyQuotes)?;
        rest = behind;
        let mut line = line.into_iter();
        match (all.last_mut(), line.next()) {
            (Some(last), Some(first)) => {
                last.push('\n');
                last.push_str(&first);
            }
            (None, Some(first)) => all.push(first),
            (_, None) => {}
        }
        all.extend(line);
    }
    match all.is_empty() {
        true => Err("ParseCSV got a string without a line"),
        false => Ok(all),
    }
}

/// One line, and what stands behind it.
fn record(text: &str, delimiter: char, is_lazy: bool) -> Result<(Vec<String>, &str), Failure> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find([delimiter, '\n']).unwrap_or(rest.len());
            let (field, behind) = rest.split_at(end);
            let field = match behind.starts_with('\n') {
                true => field.strip_suffix('\r').unwrap_or(field),
                false => field,
            };
            if !is_lazy && field.contains('"') {
                return Err("ParseCSV got a quote within a field");
            }
            fields.push(field.to_owned());
            match behind.strip_prefix(delimiter) {
                Some(behind) => rest = behind,
                None => return Ok((fields, behind.strip_prefix('\n').unwrap_or(behind))),
            }
            continue;
        };
        let mut field = String::new();
        rest = quoted;
        loop {
            let Some((inside, behind)) = rest.split_once('"') else {
                if !is_lazy {
                    return Err("ParseCSV got a quote without an end");
                }
                field.push_str(rest);
                fields.push(field);
                return Ok((fields, ""));
            };
            field.push_str(inside);
            if let Some(behind) = behind.strip_prefix('"') {
                field.push('"');
                rest = behind;
            } else if let Some(behind) = behind.strip_prefix(delimiter) {
                fields.push(field);
                rest = behind;
                break;
            } else if behind.is_empty() {
                fields.push(field);
                return Ok((fields, ""));
            } else if let Some(behind) = behind.strip_prefix("\r\n").or(behind.strip_prefix('\n')) {
                fields.push(field);
                return Ok((fields, behind));
            } else if is_lazy {
                field.push('"');
                rest = behind;
            } else {
                return Err("ParseCSV got something behind a quoted field");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_as_in_go() {
        let strict = |text| fields(text, ',', Mode::Strict);
        assert_eq!(strict("a,b,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(strict("a,\"b,c\",d").unwrap(), ["a", "b,c", "d"]);
        assert_eq!(strict("a,\"b\"\"c\"").unwrap(), ["a", "b\"c"]);
        assert_eq!(strict("a,,").unwrap(), ["a", "", ""]);
        assert_eq!(strict("a,b\nc,d").unwrap(), ["a", "b\nc", "d"]);
        assert_eq!(strict("\na,b\n").unwrap(), ["a", "b"]);
        assert!(strict("a,b\"c").is_err());
        assert!(strict("").is_err());
        assert_eq!(
            fields("a,b\"c", ',', Mode::LazyQuotes).unwrap(),
            ["a", "b\"c"]
        );
        assert_eq!(
            fields("\"a\",b", ',', Mode::IgnoreQuotes).unwrap(),
            ["\"a\"", "b"]
        );
        assert_eq!(fields("a;b", ';', Mode::Strict).unwrap(), ["a", "b"]);
    }
}
