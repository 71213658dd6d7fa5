//! What a service's SDK sends: histograms of requests and queries, counters of a shop, sums and gauges of a runtime.

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use rand::Rng;

use super::batch::{Batch, Kind, resource_metrics, scoped};
use crate::values::{self, int, pair, skewed, text};

/// A service of about a hundred points.
pub fn service(batch: &mut Batch, number: usize) -> ResourceMetrics {
    let server = requests(batch);
    let active = ["GET", "POST"].map(|method| {
        vec![
            text("http.request.method", method),
            text("url.scheme", "https"),
        ]
    });
    let queries = (0..10)
        .map(|_| {
            vec![
                text("db.system.name", "postgresql"),
                text("db.namespace", "shop"),
                text(
                    "db.operation.name",
                    ["SELECT", "INSERT", "UPDATE"][skewed(&mut batch.rng, 3) as usize],
                ),
                text(
                    "db.collection.name",
                    format!("t{}", skewed(&mut batch.rng, 40)),
                ),
                text(
                    "server.address",
                    format!("db-{}.example.internal", skewed(&mut batch.rng, 4)),
                ),
                int("server.port", 5432),
            ]
        })
        .collect();
    let orders = (0..16).map(|_| order(batch)).collect();
    let pools = [
        "CodeHeap 'profiled nmethods'",
        "G1 Eden Space",
        "G1 Old Gen",
        "Metaspace",
    ];
    let memory: Vec<Vec<KeyValue>> = pools
        .map(|pool| {
            let kind = if pool.starts_with("G1") {
                "heap"
            } else {
                "non_heap"
            };
            vec![
                text("jvm.memory.type", kind),
                text("jvm.memory.pool.name", pool),
            ]
        })
        .into();
    let threads = ["runnable", "waiting", "timed_waiting", "blocked"].map(|state| {
        vec![
            text("jvm.thread.state", state),
            pair("jvm.thread.daemon", any_value::Value::BoolValue(true)),
        ]
    });
    let http = [
        batch.metric(
            (
                "http.server.request.duration",
                "s",
                "Duration of HTTP server requests.",
            ),
            Kind::Histogram,
            server,
        ),
        batch.metric(
            (
                "http.server.active_requests",
                "{request}",
                "Number of active HTTP server requests.",
            ),
            Kind::Sum(false),
            active.into(),
        ),
    ];
    let db = [batch.metric(
        (
            "db.client.operation.duration",
            "s",
            "Duration of database client operations.",
        ),
        Kind::Histogram,
        queries,
    )];
    let shop = [batch.metric(
        ("shop.orders", "{order}", "Orders placed."),
        Kind::Sum(true),
        orders,
    )];
    let jvm = [
        batch.metric(
            ("jvm.memory.used", "By", "Measure of memory used."),
            Kind::Sum(false),
            memory.clone(),
        ),
        batch.metric(
            ("jvm.memory.committed", "By", "Measure of memory committed."),
            Kind::Sum(false),
            memory.clone(),
        ),
        batch.metric(
            (
                "jvm.memory.limit",
                "By",
                "Measure of max obtainable memory.",
            ),
            Kind::Sum(false),
            memory,
        ),
        batch.metric(
            (
                "jvm.thread.count",
                "{thread}",
                "Number of executing platform threads.",
            ),
            Kind::Sum(false),
            threads.into(),
        ),
        batch.metric(
            (
                "jvm.cpu.recent_utilization",
                "1",
                "Recent CPU utilization for the process.",
            ),
            Kind::Gauge,
            vec![Vec::new()],
        ),
        batch.metric(
            (
                "jvm.class.count",
                "{class}",
                "Number of classes currently loaded.",
            ),
            Kind::Sum(false),
            vec![Vec::new()],
        ),
    ];
    resource_metrics(
        values::service(number),
        vec![
            scoped("io.opentelemetry.tomcat-10.0", "2.20.0-alpha", http),
            scoped("io.opentelemetry.jdbc", "2.20.0-alpha", db),
            scoped("com.example.shop", "", shop),
            scoped(
                "io.opentelemetry.runtime-telemetry-java17",
                "2.20.0-alpha",
                jvm,
            ),
        ],
    )
}

/// Attributes of a series of requests served.
fn requests(batch: &mut Batch) -> Vec<Vec<KeyValue>> {
    (0..40)
        .map(|_| {
            let route = match batch.rng.random_bool(0.05) {
                true => "/healthz".to_owned(),
                false => format!("/api/v1/resource{}", skewed(&mut batch.rng, 40)),
            };
            vec![
                text(
                    "http.request.method",
                    ["GET", "POST", "PUT", "DELETE"][skewed(&mut batch.rng, 4) as usize],
                ),
                text("http.route", route),
                int(
                    "http.response.status_code",
                    [200, 201, 404, 500][skewed(&mut batch.rng, 4) as usize],
                ),
                text("network.protocol.version", "1.1"),
                text("url.scheme", "https"),
            ]
        })
        .collect()
}

/// Attributes of a counter that knows too much of customers.
fn order(batch: &mut Batch) -> Vec<KeyValue> {
    let user = skewed(&mut batch.rng, 5000);
    let mut attributes = vec![
        text("shop.region", format!("eu-{}", skewed(&mut batch.rng, 9))),
        text(
            "shop.payment",
            ["card", "transfer", "voucher"][skewed(&mut batch.rng, 3) as usize],
        ),
        text("user.id", format!("u{user:05}")),
    ];
    if batch.rng.random_bool(0.4) {
        attributes.push(text("user.email", format!("user{user}@example.com")));
    }
    attributes
}
