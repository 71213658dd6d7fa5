//! Items of a request as lines of JSON, each with its resource and scope.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use spanmill_model::Signal;
use spanmill_otlp::Request;

use crate::otlp_json;

/// The keys of a signal's request, from the top down, and what an item is called in a line.
fn keys(signal: Signal) -> ([&'static str; 3], &'static str) {
    match signal {
        Signal::Traces => (["resourceSpans", "scopeSpans", "spans"], "span"),
        Signal::Logs => (["resourceLogs", "scopeLogs", "logRecords"], "logRecord"),
        Signal::Metrics => (["resourceMetrics", "scopeMetrics", "metrics"], "metric"),
    }
}

/// At most so many items of a request, from all over it.
pub(super) fn of(pipeline: &str, signal: Signal, request: Request, most: usize) -> Vec<Bytes> {
    let items = request.item_count();
    let step = items.div_ceil(most.max(1)).max(1);
    // The second part is what is not shown.
    let targets: Vec<u32> = (0..items).map(|item| u32::from(item % step != 0)).collect();
    let Some(shown) = request.split_by(&targets, 2).into_iter().next() else {
        return Vec::new();
    };
    let mut json = Vec::new();
    if otlp_json::to_json(&shown.bytes, signal, &mut json).is_err() {
        return Vec::new();
    }
    let Ok(Value::Object(mut request)) = serde_json::from_slice(&json) else {
        return Vec::new();
    };
    let ([of_resource, of_scope, of_item], name) = keys(signal);
    let mut lines = Vec::new();
    for mut group in taken(&mut request, of_resource) {
        let resource = group.remove("resource").unwrap_or_else(|| json!({}));
        for mut inner in taken(&mut group, of_scope) {
            let scope = inner.remove("scope").unwrap_or_else(|| json!({}));
            for item in taken(&mut inner, of_item) {
                let line = json!({
                    "pipeline": pipeline,
                    "signal": signal.name(),
                    "resource": resource,
                    "scope": scope,
                    (name): item,
                });
                lines.push(Bytes::from(format!("{line}\n")));
            }
        }
    }
    lines.truncate(most);
    lines
}

/// The objects in the list under a key, taken out.
fn taken(object: &mut Map<String, Value>, key: &str) -> Vec<Map<String, Value>> {
    let list = object.get_mut(key).and_then(Value::as_array_mut);
    let list = list.map(std::mem::take).unwrap_or_default();
    let objects = list.into_iter().map(|value| match value {
        Value::Object(object) => object,
        _ => Map::new(),
    });
    objects.collect()
}
