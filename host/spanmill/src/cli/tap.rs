//! `spanmill tap`: telemetry as it passes a running spanmill.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::time::Duration;

use serde_json::Value;
use spanmill_admin::TapRequest;
use tokio::signal::unix::{SignalKind, signal};

use super::admin::{self, AdminArgs};
use super::output::Failure;

/// Longer values are cut in lines for people.
const LONGEST: usize = 120;

/// Shows it until Ctrl-C, or until the limit is reached.
pub(super) fn tap(admin: &AdminArgs, request: &TapRequest, json: bool) -> Result<(), Failure> {
    let client = admin::client(admin)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut ended_by = signal(SignalKind::terminate())?;
        let mut written = Ok(());
        let shown = client.tap(request, |line| {
            let text = match json {
                true => String::from_utf8_lossy(line).into_owned(),
                false => {
                    serde_json::from_slice(line).map_or_else(|_| String::new(), |line| told(&line))
                }
            };
            let mut out = std::io::stdout().lock();
            written = writeln!(out, "{text}").and_then(|()| out.flush());
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        let ended: Result<(), Failure> = tokio::select! {
            ended = shown => ended.map_err(Failure::from),
            _ = tokio::signal::ctrl_c() => Ok(()),
            _ = ended_by.recv() => Ok(()),
        };
        ended?;
        match written {
            // Who read it has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    })
}

/// An item in a line for people: where it passed, what it is of, what it says.
fn told(line: &Value) -> String {
    let mut out = text(at(line, "/pipeline")).to_owned();
    let resource = at(line, "/resource/attributes");
    let service = find(resource, "service.name").unwrap_or_else(|| "-".to_owned());
    let _ = write!(out, "  {service}");
    if let Some(span) = line.get("span") {
        let _ = write!(out, "  {}", text(at(span, "/name")));
        if let Some(took) = took(span) {
            let _ = write!(out, "  {took:?}");
        }
        if number(at(span, "/status/code")) == Some(2) {
            out.push_str("  ERROR");
        }
        let ids = (text(at(span, "/traceId")), text(at(span, "/spanId")));
        let _ = write!(out, "  {}/{}", ids.0, ids.1);
        attributes(at(span, "/attributes"), &mut out);
    } else if let Some(record) = line.get("logRecord") {
        let severity = text(at(record, "/severityText"));
        let _ = write!(out, "  {severity}  {}", value(at(record, "/body")));
        attributes(at(record, "/attributes"), &mut out);
    } else if let Some(metric) = line.get("metric") {
        let _ = write!(out, "  {}", text(at(metric, "/name")));
        for kind in [
            "gauge",
            "sum",
            "histogram",
            "exponentialHistogram",
            "summary",
        ] {
            let Some(points) = at(metric, &format!("/{kind}/dataPoints")).as_array() else {
                continue;
            };
            let _ = write!(out, "  {kind}");
            for point in points {
                let of = |key: &str| point.get(key).map(plain);
                let value = of("asInt").or_else(|| of("asDouble"));
                let counted = || {
                    Some(format!(
                        "count={} sum={}",
                        of("count")?,
                        of("sum").unwrap_or_default()
                    ))
                };
                let _ = write!(out, "  {}", value.or_else(counted).unwrap_or_default());
                attributes(at(point, "/attributes"), &mut out);
            }
        }
    }
    // Telemetry may say anything, and this may be a terminal.
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    out.chars().map(printable).collect()
}

/// What a JSON pointer leads to; null if there is nothing.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A number, which OTLP's JSON writes as text where it has 64 bits.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn took(span: &Value) -> Option<Duration> {
    let start = number(at(span, "/startTimeUnixNano"))?;
    let end = number(at(span, "/endTimeUnixNano"))?;
    Some(Duration::from_nanos(end.checked_sub(start)?))
}

fn find(attributes: &Value, key: &str) -> Option<String> {
    let entry = attributes
        .as_array()?
        .iter()
        .find(|entry| at(entry, "/key") == key)?;
    Some(value(at(entry, "/value")))
}

fn attributes(attributes: &Value, out: &mut String) {
    for entry in attributes.as_array().into_iter().flatten() {
        let _ = write!(
            out,
            "  {}={}",
            text(at(entry, "/key")),
            value(at(entry, "/value"))
        );
    }
}

/// An attribute's value, not too long.
fn value(value: &Value) -> String {
    let of_kind = value.as_object().and_then(|value| value.values().next());
    let text = of_kind.map_or_else(String::new, plain);
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_passed_and_holds_no_control_characters() {
        let span = serde_json::json!({
            "pipeline": "traces/web",
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "span": {
                "name": "GET /",
                "traceId": "0a", "spanId": "0b",
                "startTimeUnixNano": "1000", "endTimeUnixNano": "1501000",
                "status": {"code": 2},
                "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "t", "value": {"stringValue": "a\u{1b}[2Jb"}}],
            },
        });
        assert_eq!(
            told(&span),
            "traces/web  shop  GET /  1.5ms  ERROR  0a/0b  n=7  t=a [2Jb"
        );
        let log = serde_json::json!({
            "pipeline": "logs", "resource": {},
            "logRecord": {"severityText": "WARN", "body": {"stringValue": "low"}},
        });
        assert_eq!(told(&log), "logs  -  WARN  low");
        let metric = serde_json::json!({
            "pipeline": "metrics", "resource": {},
            "metric": {"name": "hits", "sum": {"dataPoints": [{"asInt": "3", "attributes": []}]}},
        });
        assert_eq!(told(&metric), "metrics  -  hits  sum  3");
    }
}
