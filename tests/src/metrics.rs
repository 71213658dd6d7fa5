//! Metrics of every kind, as OTLP/JSON.

use std::time::{SystemTime, UNIX_EPOCH};

use http::Method;
use serde_json::{Value, json};

use crate::{Spanmill, http};

/// A resource that measures. Times are counted in seconds from a minute ago.
pub struct Measured {
    start: u64,
    resource: Value,
}

impl Measured {
    /// One with these attributes beside `service.name` and `service.instance.id`.
    pub fn by(service: &str, attributes: &[(&str, &str)]) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let own = [("service.name", service), ("service.instance.id", "i1")];
        let all = own.iter().chain(attributes);
        let resource = all.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
        Measured {
            start: since.as_secs() - 60,
            resource: resource.collect(),
        }
    }

    /// A time in nanoseconds.
    pub fn time(&self, second: u64) -> String {
        format!("{}000000000", self.start + second)
    }

    /// A time in milliseconds.
    pub fn millis(&self, second: u64) -> f64 {
        ((self.start + second) * 1000) as f64
    }

    /// A point at a time.
    pub fn point(&self, second: u64, more: Value) -> Value {
        let mut point =
            json!({"startTimeUnixNano": self.time(0), "timeUnixNano": self.time(second)});
        for (key, value) in more.as_object().unwrap() {
            point[key] = value.clone();
        }
        point
    }

    /// A metric of each kind, measured at a time.
    pub fn every_kind(&self, second: u64) -> Vec<Value> {
        let exemplars = json!([{"asDouble": 1.5, "timeUnixNano": self.time(second),
            "traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "1112131415161718"}]);
        let points = |more: Value| json!([self.point(second, more)]);
        vec![
            json!({"name": "load", "gauge": {"dataPoints": points(json!({"asDouble": 0.5}))}}),
            json!({"name": "calls", "description": "how often", "sum": {
                "aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": points(json!({"asInt": "7", "exemplars": exemplars}))}}),
            json!({"name": "queued", "sum": {"aggregationTemporality": 2, "dataPoints": points(json!({"asInt": "3"}))}}),
            json!({"name": "took", "unit": "s", "histogram": {"aggregationTemporality": 2,
                "dataPoints": points(json!({"count": "6", "sum": 20.5, "explicitBounds": [1, 10],
                    "bucketCounts": ["1", "2", "3"], "exemplars": exemplars}))}}),
            json!({"name": "waited", "unit": "s", "exponentialHistogram": {"aggregationTemporality": 2,
                "dataPoints": points(json!({"count": "10", "sum": 7.5, "scale": 1, "zeroCount": "3",
                    "positive": {"offset": -1, "bucketCounts": ["1", "0", "4"]},
                    "negative": {"offset": 2, "bucketCounts": ["2"]}}))}}),
            json!({"name": "rpc", "summary": {"dataPoints": points(json!({"count": "9", "sum": 4.5,
                "quantileValues": [{"quantile": 0.5, "value": 0.25}, {"quantile": 0.99, "value": 2}]}))}}),
        ]
    }

    /// Sends metrics to the HTTP receiver.
    pub async fn send(&self, spanmill: &Spanmill, metrics: Vec<Value>) {
        let body = json!({"resourceMetrics": [{"resource": {"attributes": self.resource},
            "scopeMetrics": [{"scope": {"name": "lib"}, "metrics": metrics}]}]});
        let address = spanmill.address("receiver otlp http");
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        let reply = http(address, Method::POST, "/v1/metrics", &headers, body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}
