//! What requests hold, in a form in which the output of two programs can be compared: no order, no grouping.

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use spanmill_otlp::Signal;

/// Attributes as a map: their order says nothing.
pub fn map(attributes: &[KeyValue]) -> String {
    let mut pairs: Vec<String> = attributes
        .iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            format!("{}={value:?}", pair.key)
        })
        .collect();
    pairs.sort_unstable();
    pairs.join(" ")
}

/// An item's fields by name, those of what it belongs to included.
pub type Fields = BTreeMap<&'static str, String>;

/// Fields that `COMPARE_IGNORE` takes out, for timing in spite of a difference that is known; the report names them.
pub fn ignored() -> Vec<String> {
    let names = std::env::var("COMPARE_IGNORE").unwrap_or_default();
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The spans, log records or data points of some requests.
#[derive(Default)]
pub struct Items {
    /// Spans by id and log records by time, of which the batches have each once. Data points have nothing like that:
    /// the key is all there is to a point, and the field is how often it came. Metrics stand beside their points.
    pub by_key: BTreeMap<String, Fields>,
    pub count: usize,
    ignored: Vec<String>,
}

/// Reads requests.
///
/// # Errors
///
/// If they are not of the signal, or if a span or log record came twice.
pub fn items(signal: Signal, requests: &[Bytes]) -> Result<Items> {
    let mut items = Items {
        ignored: ignored(),
        ..Items::default()
    };
    for request in requests {
        match signal {
            Signal::Traces => items.spans(request)?,
            Signal::Logs => items.log_records(request)?,
            Signal::Metrics => items.data_points(request)?,
        }
    }
    Ok(items)
}

impl Items {
    fn spans(&mut self, request: &Bytes) -> Result<()> {
        let request = ExportTraceServiceRequest::decode(request.clone())?;
        for of_resource in request.resource_spans {
            for of_scope in of_resource.scope_spans {
                let urls = (
                    of_resource.schema_url.as_str(),
                    of_scope.schema_url.as_str(),
                );
                let around = around(of_resource.resource.as_ref(), of_scope.scope.as_ref(), urls);
                for span in &of_scope.spans {
                    self.insert(text(&span.span_id), of_span(span), &around)?;
                }
            }
        }
        Ok(())
    }

    fn log_records(&mut self, request: &Bytes) -> Result<()> {
        let request = ExportLogsServiceRequest::decode(request.clone())?;
        for of_resource in request.resource_logs {
            for of_scope in of_resource.scope_logs {
                let urls = (
                    of_resource.schema_url.as_str(),
                    of_scope.schema_url.as_str(),
                );
                let around = around(of_resource.resource.as_ref(), of_scope.scope.as_ref(), urls);
                for record in of_scope.log_records {
                    let key = text(&record.time_unix_nano);
                    self.insert(key, of_log_record(record), &around)?;
                }
            }
        }
        Ok(())
    }

    fn data_points(&mut self, request: &Bytes) -> Result<()> {
        let request = ExportMetricsServiceRequest::decode(request.clone())?;
        for of_resource in request.resource_metrics {
            for of_scope in of_resource.scope_metrics {
                let urls = (
                    of_resource.schema_url.as_str(),
                    of_scope.schema_url.as_str(),
                );
                let around = around(of_resource.resource.as_ref(), of_scope.scope.as_ref(), urls);
                for metric in of_scope.metrics {
                    let (of_metric, points) = of_metric(metric)?;
                    let mut fields = around.clone();
                    fields.extend(of_metric);
                    self.again(&fields);
                    self.count += points.len();
                    for point in points {
                        let mut fields = fields.clone();
                        fields.extend(point);
                        self.again(&fields);
                    }
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: String, mut fields: Fields, around: &Fields) -> Result<()> {
        fields.extend(around.clone());
        self.forget(&mut fields);
        ensure!(!self.by_key.contains_key(&key), "{key} came twice");
        self.by_key.insert(key, fields);
        self.count += 1;
        Ok(())
    }

    /// Counts what may come several times.
    fn again(&mut self, fields: &Fields) {
        let mut fields = fields.clone();
        self.forget(&mut fields);
        let count = self.by_key.entry(text(&fields)).or_default();
        let before = count.get("times").and_then(|times| times.parse().ok());
        count.insert("times", text(&(before.unwrap_or(0) + 1)));
    }

    fn forget(&self, fields: &mut Fields) {
        fields.retain(|name, _| !self.ignored.iter().any(|ignored| ignored == name));
    }
}

fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// The fields of what an item belongs to. `urls` are those of the schemas of resource and scope.
fn around(
    resource: Option<&Resource>,
    scope: Option<&InstrumentationScope>,
    urls: (&str, &str),
) -> Fields {
    let resource = resource.map(|resource| map(&resource.attributes));
    let scope = scope.cloned().unwrap_or_default();
    let of_scope = map(&scope.attributes);
    Fields::from([
        ("resource", resource.unwrap_or_default()),
        (
            "scope",
            format!("{} {} {of_scope}", scope.name, scope.version),
        ),
        ("schema urls", format!("{} {}", urls.0, urls.1)),
    ])
}

fn of_span(span: &Span) -> Fields {
    let Span {
        trace_id,
        span_id: _,
        trace_state,
        parent_span_id,
        flags,
        name,
        kind,
        start_time_unix_nano,
        end_time_unix_nano,
        attributes,
        dropped_attributes_count,
        events,
        dropped_events_count,
        links,
        dropped_links_count,
        status,
    } = span;
    let mut told: Vec<String> = Vec::new();
    for event in events {
        let attributes = map(&event.attributes);
        told.push(format!(
            "{} {} {attributes}",
            event.time_unix_nano, event.name
        ));
    }
    let status = status.clone().unwrap_or_default();
    Fields::from([
        ("trace_id", text(trace_id)),
        ("trace_state", trace_state.clone()),
        ("parent_span_id", text(parent_span_id)),
        ("flags", text(flags)),
        ("name", name.clone()),
        ("kind", text(kind)),
        ("start", text(start_time_unix_nano)),
        ("end", text(end_time_unix_nano)),
        ("attributes", map(attributes)),
        ("dropped_attributes_count", text(dropped_attributes_count)),
        ("events", told.join("\n")),
        ("dropped_events_count", text(dropped_events_count)),
        ("links", text(links)),
        ("dropped_links_count", text(dropped_links_count)),
        ("status", format!("{} {}", status.code, status.message)),
    ])
}

fn of_log_record(record: LogRecord) -> Fields {
    let LogRecord {
        time_unix_nano,
        observed_time_unix_nano,
        severity_number,
        severity_text,
        body,
        attributes,
        dropped_attributes_count,
        flags,
        trace_id,
        span_id,
        event_name,
    } = record;
    Fields::from([
        ("time", text(&time_unix_nano)),
        ("observed time", text(&observed_time_unix_nano)),
        ("severity_number", text(&severity_number)),
        ("severity_text", severity_text),
        ("body", text(&body)),
        ("attributes", map(&attributes)),
        ("dropped_attributes_count", text(&dropped_attributes_count)),
        ("flags", text(&flags)),
        ("trace_id", text(&trace_id)),
        ("span_id", text(&span_id)),
        ("event_name", event_name),
    ])
}

/// The fields of a metric, and of each of its points.
fn of_metric(metric: Metric) -> Result<(Fields, Vec<Fields>)> {
    // Points without their attributes, whose order says nothing.
    macro_rules! points {
        ($points:expr) => {
            $points
                .into_iter()
                .map(|mut point| {
                    let attributes = map(&std::mem::take(&mut point.attributes));
                    Fields::from([("attributes", attributes), ("point", text(&point))])
                })
                .collect::<Vec<Fields>>()
        };
    }
    let (kind, points) = match metric.data.context("a metric without points")? {
        Data::Gauge(of) => ("gauge".to_owned(), points!(of.data_points)),
        Data::Sum(of) => {
            let kind = format!("sum {} {}", of.aggregation_temporality, of.is_monotonic);
            (kind, points!(of.data_points))
        }
        Data::Histogram(of) => {
            let kind = format!("histogram {}", of.aggregation_temporality);
            (kind, points!(of.data_points))
        }
        Data::ExponentialHistogram(of) => {
            let kind = format!("exponential histogram {}", of.aggregation_temporality);
            (kind, points!(of.data_points))
        }
        Data::Summary(of) => ("summary".to_owned(), points!(of.data_points)),
    };
    let fields = Fields::from([
        ("name", metric.name),
        ("description", metric.description),
        ("unit", metric.unit),
        ("kind", kind),
        ("metadata", map(&metric.metadata)),
    ]);
    Ok((fields, points))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    fn of(signal: Signal, requests: &[Bytes]) -> BTreeMap<String, Fields> {
        items(signal, requests).unwrap().by_key
    }

    #[test]
    fn every_item_is_there_whatever_the_order_of_requests() {
        for signal in Signal::ALL {
            let [first, second] = [0, 1].map(|seed| signals::encoded(signal, 500, seed));
            let there = items(signal, &[first.clone(), second.clone()]).unwrap();
            assert_eq!(there.count, 1000);
            assert!(there.by_key == of(signal, &[second, first.clone()]));
            assert!(there.by_key != of(signal, &[first]));
        }
    }

    #[test]
    fn a_point_that_came_twice_is_not_one_that_came_once() {
        let request = signals::encoded(Signal::Metrics, 100, 0);
        let twice = of(Signal::Metrics, &[request.clone(), request.clone()]);
        assert!(twice != of(Signal::Metrics, &[request]));
        let request = signals::encoded(Signal::Logs, 100, 0);
        assert!(items(Signal::Logs, &[request.clone(), request]).is_err());
    }

    #[test]
    fn a_record_with_another_body_and_a_point_with_another_attribute_differ() {
        let logs = signals::encoded(Signal::Logs, 10, 0);
        let mut other = ExportLogsServiceRequest::decode(logs.clone()).unwrap();
        other.resource_logs[0].scope_logs[0].log_records[0].body = None;
        let other = other.encode_to_vec().into();
        assert!(of(Signal::Logs, &[logs]) != of(Signal::Logs, &[other]));
        let metrics = signals::encoded(Signal::Metrics, 10, 0);
        let mut other = ExportMetricsServiceRequest::decode(metrics.clone()).unwrap();
        let metric = &mut other.resource_metrics[0].scope_metrics[0].metrics[0];
        let Some(Data::Histogram(histogram)) = &mut metric.data else {
            panic!("{metric:?}");
        };
        histogram.data_points[0].attributes.pop();
        let other = other.encode_to_vec().into();
        assert!(of(Signal::Metrics, &[metrics]) != of(Signal::Metrics, &[other]));
    }
}
