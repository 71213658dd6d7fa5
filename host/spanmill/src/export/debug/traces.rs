//! Spans as text.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};

use super::text::{Page, PlainValue, Time, hex};
use crate::export::debug::config::Verbosity;

pub(super) fn write(page: &mut Page, request: &ExportTraceServiceRequest, verbosity: Verbosity) {
    let scopes = request.resource_spans.iter().flat_map(|r| &r.scope_spans);
    let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
    let resources = request.resource_spans.len();
    page.heading(format_args!(
        "Traces\t{{\"resource spans\": {resources}, \"spans\": {spans}}}"
    ));
    if verbosity == Verbosity::Basic {
        return;
    }
    for (index, resource) in request.resource_spans.iter().enumerate() {
        if verbosity == Verbosity::Detailed {
            let of = resource.resource.as_ref();
            page.resource("ResourceSpans", index, &resource.schema_url, of);
        }
        for (index, scope) in resource.scope_spans.iter().enumerate() {
            if verbosity == Verbosity::Detailed {
                page.scope("ScopeSpans", index, &scope.schema_url, scope.scope.as_ref());
            }
            for (index, span) in scope.spans.iter().enumerate() {
                match verbosity {
                    Verbosity::Detailed => detailed(page, index, span),
                    _ => normal(page, span),
                }
            }
        }
    }
}

fn normal(page: &mut Page, span: &Span) {
    let attributes: String = span
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
    let (trace_id, span_id) = (hex(&span.trace_id), hex(&span.span_id));
    page.line(format_args!(
        "{} {trace_id} {span_id}{attributes}",
        span.name
    ));
}

fn detailed(page: &mut Page, index: usize, span: &Span) {
    page.heading(format_args!("Span #{index}"));
    page.line(format_args!("    Trace ID       : {}", hex(&span.trace_id)));
    page.line(format_args!(
        "    Parent ID      : {}",
        hex(&span.parent_span_id)
    ));
    page.line(format_args!("    ID             : {}", hex(&span.span_id)));
    page.line(format_args!("    Name           : {}", span.name));
    page.line(format_args!("    Kind           : {}", kind(span.kind)));
    if !span.trace_state.is_empty() {
        page.line(format_args!("    TraceState     : {}", span.trace_state));
    }
    page.line(format_args!(
        "    Start time     : {}",
        Time(span.start_time_unix_nano)
    ));
    page.line(format_args!(
        "    End time       : {}",
        Time(span.end_time_unix_nano)
    ));
    let (code, message) = span
        .status
        .as_ref()
        .map_or((0, ""), |status| (status.code, status.message.as_str()));
    page.line(format_args!("    Status code    : {}", status_code(code)));
    page.line(format_args!("    Status message : {message}"));
    for (name, count) in [
        ("DroppedAttributesCount", span.dropped_attributes_count),
        ("DroppedEventsCount", span.dropped_events_count),
        ("DroppedLinksCount", span.dropped_links_count),
    ] {
        if count > 0 {
            page.line(format_args!("    {name}: {count}"));
        }
    }
    page.attributes("Attributes", "", &span.attributes);
    events(page, &span.events);
    links(page, &span.links);
}

fn events(page: &mut Page, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    page.line(format_args!("Events:"));
    for (index, event) in events.iter().enumerate() {
        page.line(format_args!("SpanEvent #{index}"));
        page.line(format_args!("     -> Name: {}", event.name));
        page.line(format_args!(
            "     -> Timestamp: {}",
            Time(event.time_unix_nano)
        ));
        let dropped = event.dropped_attributes_count;
        page.line(format_args!("     -> DroppedAttributesCount: {dropped}"));
        page.attributes("     -> Attributes:", "     ", &event.attributes);
    }
}

fn links(page: &mut Page, links: &[Link]) {
    if links.is_empty() {
        return;
    }
    page.line(format_args!("Links:"));
    for (index, link) in links.iter().enumerate() {
        page.line(format_args!("SpanLink #{index}"));
        page.line(format_args!("     -> Trace ID: {}", hex(&link.trace_id)));
        page.line(format_args!("     -> ID: {}", hex(&link.span_id)));
        page.line(format_args!("     -> TraceState: {}", link.trace_state));
        let dropped = link.dropped_attributes_count;
        page.line(format_args!("     -> DroppedAttributesCount: {dropped}"));
        page.attributes("     -> Attributes:", "     ", &link.attributes);
    }
}

fn kind(kind: i32) -> &'static str {
    match kind {
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "Unspecified",
    }
}

fn status_code(code: i32) -> &'static str {
    match code {
        1 => "Ok",
        2 => "Error",
        _ => "Unset",
    }
}
