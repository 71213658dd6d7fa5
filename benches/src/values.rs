//! Attributes and random numbers that spans, log records and data points are made of.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rand::Rng;
use rand::rngs::StdRng;

/// When the first item happened, in nanoseconds since 1970.
pub const TIME: u64 = 1_790_000_000_000_000_000;

/// An attribute.
pub fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// An attribute that is text.
pub fn text(key: &str, value: impl Into<String>) -> KeyValue {
    pair(key, Value::StringValue(value.into()))
}

/// An attribute that is an integer.
pub fn int(key: &str, value: i64) -> KeyValue {
    pair(key, Value::IntValue(value))
}

/// A number below `bound`, small ones far more often.
pub fn skewed(rng: &mut StdRng, bound: u32) -> u32 {
    let uniform: f64 = rng.random();
    ((uniform * uniform * uniform) * f64::from(bound)) as u32
}

/// A resource with what SDKs detect by themselves.
pub fn service(number: usize) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", format!("service-{number}")),
            text("service.version", "1.4.2"),
            text(
                "service.instance.id",
                format!("627cc493-f310-47de-96bd-71410b7d{number:04x}"),
            ),
            text("host.name", format!("node-{number}.example.internal")),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.language", "java"),
            text("telemetry.sdk.version", "1.54.0"),
        ],
        ..Resource::default()
    }
}

/// A scope without attributes.
pub fn scope(name: impl Into<String>, version: &str) -> InstrumentationScope {
    InstrumentationScope {
        name: name.into(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    }
}

/// A Java stack trace.
pub fn stack_trace(rng: &mut StdRng, frames: usize) -> String {
    let mut trace = String::from("java.lang.IllegalStateException: connection is closed");
    for _ in 0..frames {
        let (class, line) = (skewed(rng, 60), skewed(rng, 900));
        trace.push_str(&format!(
            "\n\tat com.example.shop.Layer{class}.handle(Layer{class}.java:{line})"
        ));
    }
    trace
}
