//! What functions give: values as the Collector gives them for the same arguments.

use spanmill_sdk::{Context, Contract};

use super::CONVERTERS;
use crate::check::Checker;
use crate::datum::Datum;
use crate::editors::EDITORS;
use crate::expression::Expression;
use crate::parser::parse_value;
use crate::slots::Slots;

mod values;

/// What an expression without paths gives.
fn value(text: &str) -> Result<Datum<'static>, String> {
    let mut checker = Checker {
        context: Context::Span,
        prefixed: false,
        lambdas: true,
        functions: CONVERTERS,
        slots: &mut Slots::default(),
        contract: &mut Contract::default(),
        locals: Vec::new(),
    };
    let parsed = parse_value(text).map_err(|error| error.to_string())?;
    match checker.value(&parsed) {
        Ok(Expression::Constant(constant)) => Ok(constant),
        Ok(expression) => crate::check::alone(&expression).map_err(str::to_owned),
        Err(error) => Err(error.message),
    }
}

#[track_caller]
fn gives(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let found = value(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = value(expected).unwrap_or_else(|error| panic!("{expected}: {error}"));
        let is_same = match (&found, &expected) {
            (Datum::List(_), _) | (Datum::Map(_), _) => {
                let same = crate::ast::Comparison::Equal;
                crate::compare::compare(&found, same, &expected)
            }
            _ => found == expected,
        };
        assert!(is_same, "{text} gives {found:?}, not {expected:?}");
    }
}

#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        match value(text) {
            Ok(found) => panic!("{text} gives {found:?}"),
            Err(error) => assert_eq!(error, *expected, "{text}"),
        }
    }
}

#[test]
fn texts() {
    gives(&[
        (
            r#"Concat(["a", 1, nil, 2.5, true, [1], {"k": "v"}, 0x01ff], "|")"#,
            r#""a|1|<nil>|2.5|true|[1]|{\"k\":\"v\"}|01ff""#,
        ),
        (
            r#"ConvertCase("someNameHTTP", "snake")"#,
            r#""some_name_http""#,
        ),
        (
            r#"ConvertCase("some_name.here", "camel")"#,
            r#""SomeNameHere""#,
        ),
        (r#"ToUpperCase("grüße")"#, r#""GRÜßE""#),
        (r#"ToLowerCase("ABC")"#, r#""abc""#),
        (
            r#"Format("%05d %.2f %s", [42, 2.5, "x"])"#,
            r#""00042 2.50 x""#,
        ),
        (r#"HasPrefix("abc", "ab")"#, "true"),
        (r#"HasSuffix("abc", "ab")"#, "false"),
        (r#"Index("Hello World", "W")"#, "6"),
        (r#"Index("abc", "z")"#, "-1"),
        (r#"Split("a,b,,c", ",")"#, r#"["a", "b", "", "c"]"#),
        (r#"Split("aé", "")"#, r#"["a", "é"]"#),
        (r#"Substring("123456789", 3, 3)"#, r#""456""#),
        (r#"Substring("grüße", 3, 2, true)"#, r#""""#),
        (r#"Trim("  x ")"#, r#""x""#),
        (r#"Trim("--x-", "-")"#, r#""x""#),
        (r#"TrimPrefix("abc", "a")"#, r#""bc""#),
        (r#"TrimSuffix("abc", "bc")"#, r#""a""#),
        (r#"IsMatch("operationA", "operation[AC]")"#, "true"),
        (r#"IsMatch(503, "^5")"#, "true"),
        (r#"IsMatch(nil, ".*")"#, "false"),
        (
            r#"ExtractPatterns("GET /x", "^(?P<verb>\\w+) (?P<path>.*)$")"#,
            r#"{"verb": "GET", "path": "/x"}"#,
        ),
        (r#"ExtractPatterns("zz", "^(?P<verb>[A-Z]+)")"#, "{}"),
    ]);
    fails(&[
        (
            r#"Substring("abc", 2, 2)"#,
            "Substring reaches beyond the string",
        ),
        (r#"Split(nil, ",")"#, "argument 1 of Split must be a string"),
        (
            r#"ConvertCase("a", "kebab")"#,
            "ConvertCase: the case is one of lower, upper, snake, camel",
        ),
        (
            r#"ExtractPatterns("a", "a")"#,
            "ExtractPatterns: the pattern has no named group, such as `(?P<name>..)`",
        ),
        (r#"Index("abc", 1)"#, "Index looks for a string in a string"),
    ]);
}

#[test]
fn numbers_and_types() {
    gives(&[
        (r#"Int("12")"#, "12"),
        (r#"Int("x")"#, "nil"),
        ("Int(2.9)", "2"),
        ("Int(nil)", "nil"),
        (r#"Double("1_000.5")"#, "1000.5"),
        ("Double(true)", "1.0"),
        ("String(1.5)", r#""1.5""#),
        ("String(nil)", "nil"),
        (
            r#"String({"b": 1, "a": [nil, "x"]})"#,
            r#""{\"a\":[null,\"x\"],\"b\":1}""#,
        ),
        (r#"Bool("true")"#, "true"),
        ("Bool(0)", "false"),
        ("Hex(256)", r#""0000000000000100""#),
        (r#"Hex("hi")"#, r#""6869""#),
        ("Hex(nil)", r#""""#),
        ("Log(1)", "0.0"),
        (r#"ParseInt("ff", 16)"#, "255"),
        (r#"ParseInt("0x1F", 0)"#, "31"),
        (r#"ParseInt("-0b101", 0)"#, "-5"),
        (r#"IsEmpty("")"#, "true"),
        ("IsEmpty(nil)", "true"),
        ("IsEmpty({})", "true"),
        ("IsEmpty(0)", "true"),
        ("IsEmpty([0])", "false"),
        (r#"Len("grüße")"#, "7"),
        ("Len([1, 2])", "2"),
        ("IsMap({})", "true"),
        ("IsMap(nil)", "false"),
        ("IsList([])", "true"),
        ("IsInt(1)", "true"),
        ("IsDouble(1)", "false"),
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("-(1 + 1) * 2", "-4"),
        ("7 / 2", "3"),
        ("7 / 2.0", "3.5"),
    ]);
    fails(&[
        ("Log(0)", "Log takes a number greater than 0"),
        (
            r#"Double("x")"#,
            "argument 1 of Double must be a number, a bool or a string",
        ),
        (
            r#"ParseInt("z", 10)"#,
            "ParseInt got a string that is not a number in its base, or one beyond 64 bits",
        ),
        (
            r#"Bool("maybe")"#,
            "argument 1 of Bool must be a bool, a number or a string",
        ),
        ("Len(5)", "Len takes a string, a list or a map"),
        (r#""a" + 1"#, "arithmetic takes numbers, not a text"),
        (r#"-"a""#, "only numbers have a negative"),
    ]);
}

#[test]
fn hashes_and_encodings() {
    gives(&[
        (r#"FNV("Hello World")"#, "4420528118743043111"),
        (
            r#"MD5("Hello World")"#,
            r#""b10a8db164e0754105b7a99be72e3fe5""#,
        ),
        (
            r#"SHA1("Hello World")"#,
            r#""0a4d55a8d778e5022fab701977c5d840bbc486d0""#,
        ),
        (
            r#"SHA256("Hello World")"#,
            r#""a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e""#,
        ),
        (r#"Murmur3Hash("Hello World")"#, r#""ce837619""#),
        (
            r#"Murmur3Hash128("Hello World")"#,
            r#""dbc2a0c1ab26631a27b4c09fcf1fe683""#,
        ),
        (r#"XXH3("Hello World")"#, r#""e34615aade2e6333""#),
        (r#"XXH128("")"#, r#""99aa06d3014798d86001c324468d497f""#),
        (r#"Base64Encode("Hello")"#, r#""SGVsbG8=""#),
        (r#"Base64Encode("Hello", "base64-raw")"#, r#""SGVsbG8""#),
        (r#"Base64Decode("SGVsbG8=")"#, r#""Hello""#),
        (r#"Decode("SGVsbG8", "base64-raw")"#, r#""Hello""#),
        (r#"Decode(0x80e4, "windows-1252")"#, r#""€ä""#),
        (r#"Decode(0x00480069, "utf-16be")"#, r#""Hi""#),
    ]);
    fails(&[
        (
            r#"Base64Decode("!!")"#,
            "a function got a string that is not base64",
        ),
        (
            r#"Base64Encode("a", "base32")"#,
            "Base64Encode got a variant that is not known",
        ),
        (
            r#"Decode("a", "klingon")"#,
            "Decode: the encodings are base64, base64-raw, base64-url, base64-raw-url, utf-8, us-ascii, iso-8859-1, windows-1252, utf-16, utf-16le, utf-16be",
        ),
    ]);
}

#[test]
fn times_and_durations() {
    let time = r#"Time("2023-11-14 22:13:20", "%Y-%m-%d %H:%M:%S")"#;
    let of = |function: &str| format!("{function}({time})");
    gives(&[
        (&of("UnixNano"), "1700000000000000000"),
        (&of("UnixSeconds"), "1700000000"),
        (&of("Year"), "2023"),
        (&of("Month"), "11"),
        (&of("Day"), "14"),
        (&of("Hour"), "22"),
        (&of("Weekday"), "2"),
        (r#"UnixMilli(Unix(1, 5000000))"#, "1005"),
        (r#"UnixMicro(Unix(1, 5000))"#, "1000005"),
        (r#"Nanosecond(Unix(1, 5))"#, "5"),
        (
            r#"UnixSeconds(Time("2023-11-14T22:13:20-0700", "%Y-%m-%dT%H:%M:%S%z"))"#,
            "1700025200",
        ),
        (
            r#"UnixSeconds(Time("2023-11-14 22:13:20", "%F %T", "America/New_York"))"#,
            "1700018000",
        ),
        (
            r#"UnixSeconds(Time("Nov 14 2023 10:13:20 PM", "%b %d %Y %I:%M:%S %p"))"#,
            "1700000000",
        ),
        (
            r#"UnixNano(Time("2023-11-14 22:13:20.5", "%F %T"))"#,
            "1700000000500000000",
        ),
        (
            r#"UnixNano(Time("2023-11-14T22:13:20.123Z", "%FT%T.%LZ"))"#,
            "1700000000123000000",
        ),
        (
            r#"FormatTime(Unix(1700000000), "%a %d %b %Y %I:%M %p %Z")"#,
            r#""Tue 14 Nov 2023 10:13 PM UTC""#,
        ),
        (
            r#"FormatTime(Unix(1700000000, 120000000), "%S.%L")"#,
            r#""20.12""#,
        ),
        (
            r#"FormatTime(Time("2023-07-14 22:13:20", "%F %T", "Europe/Berlin"), "%H %Z %z %j")"#,
            r#""22 CEST +0200 +02:00""#,
        ),
        (r#"Hours(Duration("90m"))"#, "1.5"),
        (r#"Seconds(Duration("1500ms"))"#, "1.5"),
        (r#"Milliseconds(Duration("1.5s"))"#, "1500"),
        (r#"Nanoseconds(Duration("1m30s"))"#, "90000000000"),
        (
            r#"UnixSeconds(TruncateTime(Unix(1700000001), Duration("1h")))"#,
            "1699999200",
        ),
        (r#"UnixSeconds(Unix(5) + Duration("1m"))"#, "65"),
        (r#"Seconds(Unix(5) - Unix(3))"#, "2.0"),
        (r#"Minutes(Duration("2m") + Duration("1m"))"#, "3.0"),
        (r#"Microseconds(Duration("5ms") - Duration("1ms"))"#, "4000"),
    ]);
    fails(&[
        (
            r#"Time("2023-13-14", "%Y-%m-%d")"#,
            "Time got a string with a part that is out of range",
        ),
        (
            r#"Time("2023", "%Y-%m-%d")"#,
            "Time got a string that does not have the format",
        ),
        (r#"Time("", "%Y")"#, "Time got an empty string"),
        (
            r#"Time("2023", "2006")"#,
            "Time: a format has no digits in it; write it with directives such as %Y",
        ),
        (
            r#"Time("2023", "%Q")"#,
            "Time: %Q is no directive of a time's format",
        ),
        (
            r#"Time("2023", "%Y", "Mars/Olympus")"#,
            "Time: there is no time zone \"Mars/Olympus\"; write one such as \"Europe/Berlin\"",
        ),
        (
            r#"Time("2023", "%Y", "", "de")"#,
            "Time: names of months and days are read in English only; the locale is `en`",
        ),
        (
            r#"Duration("1 hour")"#,
            "Duration got a string that is not a duration; write one such as 1m30s",
        ),
        (r#"Hour("now")"#, "argument 1 of Hour must be a time"),
        (
            r#"Unix(1) * 2"#,
            "times and durations are only added and subtracted",
        ),
    ]);
}

/// Every function of the Collector is there, or the list says why not.
#[test]
fn the_list_of_functions_is_the_collectors() {
    let list = include_str!("../../upstream.txt");
    let lines = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut theirs, mut missing) = (Vec::new(), Vec::new());
    for line in lines {
        match line.split_once(": ") {
            Some((name, why)) => {
                assert!(!why.is_empty(), "{name} has no reason");
                missing.push(name);
            }
            None => theirs.push(line),
        }
    }
    let converters = CONVERTERS.iter().flat_map(|family| family.iter());
    let editors = EDITORS.iter();
    let ours: Vec<&str> = converters
        .map(|signature| signature.name)
        .filter(|name| *name != "ProfileID")
        .chain(
            editors
                .filter(|editor| !matches!(editor.does, crate::editor::Does::Not(_)))
                .map(|editor| editor.name),
        )
        .collect();
    for name in &theirs {
        assert!(
            ours.contains(name),
            "{name} is not there; say why in upstream.txt"
        );
    }
    for name in &ours {
        assert!(theirs.contains(name), "{name} is none of the Collector's");
    }
    for name in missing {
        assert!(
            !ours.contains(&name),
            "{name} is there; take its reason out of upstream.txt"
        );
    }
}
