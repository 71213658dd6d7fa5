//! What all tests use.

use serde_json::{Value, json};
use spanmill_adaptive_tail_sampling::AdaptiveTailSampling;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Attr, Decided, Kit, Span, Spans};

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

/// The randomness of a trace id is its last 56 bits.
pub const NEVER: u128 = 1 << 56;

pub type Plugin = Kit<AdaptiveTailSampling>;

/// A span with a parent.
pub fn span(trace: u128) -> Span {
    Span::new("s").ids(trace, 1).parent(7)
}

pub fn root(trace: u128) -> Span {
    Span::new("root").ids(trace, 2)
}

pub fn error(trace: u128) -> Span {
    span(trace).status(2, "")
}

pub fn at(received: u64, spans: impl IntoIterator<Item = Span>) -> Spans {
    Spans {
        received_unix_nano: received,
        ..Spans::of(spans)
    }
}

/// A trace id with a randomness: the share of traces that have a lower one.
pub fn trace(number: u64, randomness: f64) -> u128 {
    let randomness = (randomness * NEVER as f64) as u128;
    u128::from(number + 1) << 64 | randomness
}

/// A rule that keeps what is asked for, and more settings.
pub fn settings(rules: Value, more: Value) -> Value {
    let mut settings = json!({"rules": rules});
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
}

pub fn kit(rules: Value, more: Value) -> Plugin {
    Kit::holding(settings(rules, more)).unwrap()
}

pub fn all() -> Value {
    json!([{"name": "all", "sampler": {"type": "always_sample"}}])
}

pub fn traces(spans: &Spans) -> Vec<u128> {
    let ids = spans.spans().map(|span| u128::from_be_bytes(span.trace_id));
    ids.collect()
}

/// A tick, and what it released as it goes on.
pub fn tick(kit: &mut Plugin, now: u64) -> (Spans, Spans) {
    let decided: Decided<Span> = kit.tick(now);
    (kit.see_released(&decided.released), decided.dropped)
}

/// What a span says of how it was sampled: rule, trigger, fingerprint.
pub fn said(span: &Span) -> [String; 3] {
    ["rule", "trigger", "fingerprint"].map(|key| {
        match span.get(&format!("otelcol.processor.adaptive_tail_sampling.{key}")) {
            Some(Attr::Text(text)) => text.clone(),
            _ => String::new(),
        }
    })
}

/// The mistakes of some settings: where each is, and what it says.
pub fn problems(settings: Value) -> Vec<(String, String)> {
    match Plugin::holding(settings) {
        Ok(_) => Vec::new(),
        Err(ConfigError::Settings(problems)) => problems
            .into_iter()
            .map(|problem| (problem.path, problem.message))
            .collect(),
        Err(error) => panic!("{error}"),
    }
}
