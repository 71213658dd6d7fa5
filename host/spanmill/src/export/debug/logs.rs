//! Log records as text.

use std::fmt;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::text::{Page, PlainValue, Time, TypedValue, hex};
use crate::export::debug::config::Verbosity;

pub(super) fn write(page: &mut Page, request: &ExportLogsServiceRequest, verbosity: Verbosity) {
    let scopes = request.resource_logs.iter().flat_map(|r| &r.scope_logs);
    let records: usize = scopes.map(|scope| scope.log_records.len()).sum();
    let resources = request.resource_logs.len();
    page.heading(format_args!(
        "Logs\t{{\"resource logs\": {resources}, \"log records\": {records}}}"
    ));
    if verbosity == Verbosity::Basic {
        return;
    }
    for (index, resource) in request.resource_logs.iter().enumerate() {
        if verbosity == Verbosity::Detailed {
            let of = resource.resource.as_ref();
            page.resource("ResourceLog", index, &resource.schema_url, of);
        }
        for (index, scope) in resource.scope_logs.iter().enumerate() {
            if verbosity == Verbosity::Detailed {
                page.scope("ScopeLogs", index, &scope.schema_url, scope.scope.as_ref());
            }
            for (index, record) in scope.log_records.iter().enumerate() {
                match verbosity {
                    Verbosity::Detailed => detailed(page, index, record),
                    _ => normal(page, record),
                }
            }
        }
    }
}

fn normal(page: &mut Page, record: &LogRecord) {
    let attributes: String = record
        .attributes
        .iter()
        .map(|attribute| {
            format!(
                " {}={}",
                attribute.key,
                PlainValue(attribute.value.as_ref())
            )
        })
        .collect();
    page.line(format_args!(
        "{}{attributes}",
        PlainValue(record.body.as_ref())
    ));
}

fn detailed(page: &mut Page, index: usize, record: &LogRecord) {
    page.heading(format_args!("LogRecord #{index}"));
    page.line(format_args!(
        "ObservedTimestamp: {}",
        Time(record.observed_time_unix_nano)
    ));
    page.line(format_args!("Timestamp: {}", Time(record.time_unix_nano)));
    page.line(format_args!("SeverityText: {}", record.severity_text));
    let number = record.severity_number;
    page.line(format_args!(
        "SeverityNumber: {}({number})",
        Severity(number)
    ));
    if !record.event_name.is_empty() {
        page.line(format_args!("EventName: {}", record.event_name));
    }
    page.line(format_args!("Body: {}", TypedValue(record.body.as_ref())));
    page.attributes("Attributes", "", &record.attributes);
    page.line(format_args!("Trace ID: {}", hex(&record.trace_id)));
    page.line(format_args!("Span ID: {}", hex(&record.span_id)));
    page.line(format_args!("Flags: {}", record.flags));
}

/// `Info`, `Info2`; OTLP has four of each kind.
struct Severity(i32);

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => return f.write_str("Unspecified"),
            1..=4 => "Trace",
            5..=8 => "Debug",
            9..=12 => "Info",
            13..=16 => "Warn",
            17..=20 => "Error",
            21..=24 => "Fatal",
            _ => return Ok(()),
        };
        f.write_str(name)?;
        match self.0.saturating_sub(1) % 4 {
            0 => Ok(()),
            more => write!(f, "{}", more + 1),
        }
    }
}
