//! Lines, attributes, values and times as the Collector writes them.

use std::fmt::{self, Write as _};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::otlp_json::name_of_double;

/// Text being written.
pub(super) struct Page {
    text: String,
    colour: bool,
}

impl Page {
    pub fn new(colour: bool) -> Self {
        Self {
            text: String::new(),
            colour,
        }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// A line. What telemetry brings along cannot break out of it: control characters are escaped.
    pub fn line(&mut self, line: fmt::Arguments<'_>) {
        let start = self.text.len();
        // Writing to a String does not fail.
        let _ = self.text.write_fmt(line);
        let written = self.text.get(start..).unwrap_or_default();
        if written.contains(char::is_control) {
            let escaped: String = written
                .chars()
                .map(EscapedChar)
                .map(|c| c.to_string())
                .collect();
            self.text.truncate(start);
            self.text.push_str(&escaped);
        }
        self.text.push('\n');
    }

    /// A line that opens a part.
    pub fn heading(&mut self, line: fmt::Arguments<'_>) {
        if self.colour {
            self.text.push_str("\u{1b}[1;36m");
        }
        self.line(line);
        if self.colour {
            self.text.pop();
            self.text.push_str("\u{1b}[0m\n");
        }
    }

    /// Attributes below a title, or nothing if there are none.
    pub fn attributes(&mut self, title: &str, indent: &str, attributes: &[KeyValue]) {
        if attributes.is_empty() {
            return;
        }
        self.line(format_args!("{title}:"));
        for attribute in attributes {
            let value = TypedValue(attribute.value.as_ref());
            self.line(format_args!("{indent}     -> {}: {value}", attribute.key));
        }
    }

    /// The head of a resource's part.
    pub fn resource(
        &mut self,
        title: &str,
        index: usize,
        schema_url: &str,
        resource: Option<&Resource>,
    ) {
        self.heading(format_args!("{title} #{index}"));
        self.line(format_args!("Resource SchemaURL: {schema_url}"));
        if let Some(resource) = resource {
            self.attributes("Resource attributes", "", &resource.attributes);
        }
    }

    /// The head of a scope's part.
    pub fn scope(
        &mut self,
        title: &str,
        index: usize,
        schema_url: &str,
        scope: Option<&InstrumentationScope>,
    ) {
        self.heading(format_args!("{title} #{index}"));
        self.line(format_args!("{title} SchemaURL: {schema_url}"));
        let Some(scope) = scope else {
            return self.line(format_args!("InstrumentationScope  "));
        };
        self.line(format_args!(
            "InstrumentationScope {} {}",
            scope.name, scope.version
        ));
        self.attributes("InstrumentationScope attributes", "", &scope.attributes);
    }
}

struct EscapedChar(char);

impl fmt::Display for EscapedChar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            '\t' => f.write_char('\t'),
            c if c.is_control() => c.escape_default().fmt(f),
            c => f.write_char(c),
        }
    }
}

/// `Str(text)`, `Int(1)`.
pub(super) struct TypedValue<'a>(pub Option<&'a AnyValue>);

impl fmt::Display for TypedValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = self.0.and_then(|any| any.value.as_ref()) else {
            return f.write_str("Empty()");
        };
        let kind = match value {
            Value::BoolValue(_) => "Bool",
            Value::IntValue(_) => "Int",
            Value::DoubleValue(_) => "Double",
            Value::ArrayValue(_) => "Slice",
            Value::KvlistValue(_) => "Map",
            Value::BytesValue(_) => "Bytes",
            _ => "Str",
        };
        write!(f, "{kind}({})", PlainValue(self.0))
    }
}

/// The value alone; arrays and maps as JSON.
pub(super) struct PlainValue<'a>(pub Option<&'a AnyValue>);

impl fmt::Display for PlainValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.and_then(|any| any.value.as_ref()) {
            None => Ok(()),
            Some(Value::StringValue(text)) => f.write_str(text),
            Some(Value::DoubleValue(value)) if let Some(name) = name_of_double(*value) => {
                f.write_str(name)
            }
            Some(value) => json(value).fmt(f),
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    let any = |any: &AnyValue| any.value.as_ref().map_or(serde_json::Value::Null, json);
    match value {
        Value::StringValue(text) => text.as_str().into(),
        Value::BoolValue(value) => (*value).into(),
        Value::IntValue(value) => (*value).into(),
        Value::DoubleValue(value) => {
            name_of_double(*value).map_or_else(|| (*value).into(), serde_json::Value::from)
        }
        Value::BytesValue(bytes) => hex(bytes).into(),
        Value::ArrayValue(array) => array.values.iter().map(any).collect(),
        Value::KvlistValue(map) => map
            .values
            .iter()
            .map(|entry| {
                let value = entry.value.as_ref().map_or(serde_json::Value::Null, any);
                (entry.key.clone(), value)
            })
            .collect(),
        _ => serde_json::Value::Null,
    }
}

/// Lower-case hexadecimal, as ids are written.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time in ns since 1970, as Go prints it: `2018-12-13 14:51:00.5 +0000 UTC`.
pub(super) struct Time(pub u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        )?;
        if nanos > 0 {
            let fraction = format!("{nanos:09}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str(" +0000 UTC")
    }
}

/// Year, month and day of a day since 1970. Counts from 1 March of year 0, so that leap days come last
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_that_json_has_no_number_for() {
        let shown = |value| {
            let any = AnyValue {
                value: Some(Value::DoubleValue(value)),
            };
            TypedValue(Some(&any)).to_string()
        };
        assert_eq!(shown(1.5), "Double(1.5)");
        assert_eq!(shown(f64::NAN), "Double(NaN)");
        assert_eq!(shown(f64::NEG_INFINITY), "Double(-Infinity)");
    }

    #[test]
    fn times() {
        let cases = [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (1_544_712_660_500_000_000, "2018-12-13 14:51:00.5 +0000 UTC"),
            (
                951_782_400_000_000_001,
                "2000-02-29 00:00:00.000000001 +0000 UTC",
            ),
            (u64::MAX, "2554-07-21 23:34:33.709551615 +0000 UTC"),
        ];
        for (nanos, text) in cases {
            assert_eq!(Time(nanos).to_string(), text);
        }
    }
}
