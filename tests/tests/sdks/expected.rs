//! What the manifest of `sdks.rs` says, written down a second time: naive, span by span.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use spanmill_tests::{Found, attributes, service, text};

/// Counts by service, span name, kind, status code and route.
pub type Calls = BTreeMap<[String; 5], u64>;

fn healthy(found: &Found) -> bool {
    find(&found.span.attributes, "http.route").as_deref() == Some("/healthz")
}

fn find(list: &[KeyValue], key: &str) -> Option<String> {
    let all = attributes(list);
    all.into_iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}

/// Masks every word with an @ and a dot behind it, and says so.
fn redact(list: &mut Vec<KeyValue>) {
    let mut masked = Vec::new();
    for attribute in list.iter_mut() {
        let Some(AnyValue {
            value: Some(Value::StringValue(value)),
        }) = &mut attribute.value
        else {
            continue;
        };
        let words: Vec<String> = value
            .split(' ')
            .map(|word| match word.strip_suffix(',').unwrap_or(word) {
                mail if mail.contains("@example.com") => word.replace(mail, "****"),
                _ => word.to_owned(),
            })
            .collect();
        let new = words.join(" ");
        if new != *value {
            *value = new;
            masked.push(attribute.key.clone());
        }
    }
    if !masked.is_empty() {
        masked.sort();
        list.push(text("redaction.masked.keys", &masked.join(",")));
        list.push(number("redaction.masked.count", masked.len() as i64));
    }
}

fn number(key: &str, value: i64) -> KeyValue {
    let mut attribute = text(key, "");
    attribute.value = Some(AnyValue {
        value: Some(Value::IntValue(value)),
    });
    attribute
}

fn update(list: &mut [KeyValue], key: &str, value: &str) {
    for attribute in list.iter_mut().filter(|attribute| attribute.key == key) {
        *attribute = text(key, value);
    }
}

fn insert(list: &mut Vec<KeyValue>, key: &str, value: &str) {
    if find(list, key).is_none() {
        list.push(text(key, value));
    }
}

/// FNV-1a of the seed and the trace id, as the Collector's sampler has it.
fn hash(seed: u32, trace_id: &[u8]) -> u32 {
    let bytes = seed.to_le_bytes();
    let bytes = bytes.iter().chain(trace_id);
    bytes.fold(2_166_136_261, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}

/// The spans that come out, in order.
pub fn processed(sent: &[Found]) -> Vec<Found> {
    let mut out = Vec::new();
    for found in sent.iter().filter(|found| !healthy(found)) {
        let mut found = found.clone();
        redact(&mut found.resource.attributes);
        redact(&mut found.scope.attributes);
        redact(&mut found.span.attributes);
        found
            .span
            .events
            .iter_mut()
            .for_each(|event| redact(&mut event.attributes));

        let list = &mut found.span.attributes;
        insert(list, "processed.by", "spanmill");
        list.retain(|attribute| attribute.key != "session.token");
        insert(list, "http.request.method", "changed");
        update(list, "peer.service", "masked");
        if let Some(route) = find(list, "http.route") {
            insert(list, "tier", &route);
        }
        let list = &mut found.resource.attributes;
        list.retain(|attribute| attribute.key != "host.secret");
        update(list, "deployment.environment.name", "production");
        insert(list, "region", "eu-1");

        let hash = hash(22, &found.span.trace_id);
        let bucket = u64::from(hash & 0x3fff);
        if bucket < 0x2000 {
            let unused = u64::from(hash >> 18);
            let unused = unused ^ (unused << 10);
            let randomness = ((0x3fff - bucket) << 42) | (unused << 14) | bucket;
            assert_eq!(found.span.trace_state, "");
            found.span.trace_state = format!("ot=rv:{randomness:014x};th:8");
            out.push(found);
        }
    }
    out
}

/// What spanmetrics counts of the spans that are no health checks.
pub fn calls(sent: &[Found]) -> Calls {
    let mut calls = Calls::new();
    for found in sent.iter().filter(|found| !healthy(found)) {
        let kinds = [
            "UNSPECIFIED",
            "INTERNAL",
            "SERVER",
            "CLIENT",
            "PRODUCER",
            "CONSUMER",
        ];
        let codes = ["UNSET", "OK", "ERROR"];
        let code = found.span.status.as_ref().map_or(0, |status| status.code);
        let key = [
            service(found),
            found.span.name.clone(),
            format!("SPAN_KIND_{}", kinds[found.span.kind as usize]),
            format!("STATUS_CODE_{}", codes[code as usize]),
            find(&found.span.attributes, "http.route").unwrap_or_default(),
        ];
        *calls.entry(key).or_default() += 1;
    }
    calls
}
