//! Log records of about 500 bytes, as SDKs' bridges from logging libraries send them: the text as body, a scope a
//! logger, and where in the code and in which thread it was logged.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::values::{TIME, int, scope, service, skewed, stack_trace, text};

/// Loggers a service.
const LOGGERS: [&str; 4] = [
    "com.example.shop.cart.CartService",
    "com.example.shop.payment.PaymentClient",
    "com.example.shop.http.RequestLog",
    "com.example.shop.db.ConnectionPool",
];
const SERVICES: usize = 8;
/// Between two batches: times tell records of all batches apart.
const BATCH: u64 = 1_000_000_000_000;

/// Number and text.
const DEBUG: (i32, &str) = (5, "DEBUG");
const INFO: (i32, &str) = (9, "INFO");
const WARN: (i32, &str) = (13, "WARN");
const ERROR: (i32, &str) = (17, "ERROR");

fn body(rng: &mut StdRng, logger: usize, route: u32, user: u32) -> String {
    let number = rng.random_range(0..1_000_000);
    let millis = skewed(rng, 900);
    match logger {
        0 if rng.random_bool(0.3) => format!(
            "cart {number} of user{user}@example.com now has {} items, {}.{:02} EUR; stock reserved for 15 minutes in warehouse {}",
            1 + skewed(rng, 20),
            skewed(rng, 900),
            rng.random_range(0..100),
            skewed(rng, 9)
        ),
        0 => format!(
            "added article {number} to the cart of session {:016x}; prices recomputed with rule set {} in {millis} ms",
            rng.random::<u64>(),
            skewed(rng, 40)
        ),
        1 if rng.random_bool(0.1) => format!(
            "authorised card 4111 1111 1111 {:04} for order {number} at acquirer {} after {millis} ms",
            rng.random_range(0..10_000),
            skewed(rng, 5)
        ),
        1 => format!(
            "order {number}: payment provider answered {} in {millis} ms, attempt {} of 3, request id {:016x}",
            ["AUTHORISED", "PENDING", "DECLINED"][skewed(rng, 3) as usize],
            1 + skewed(rng, 3),
            rng.random::<u64>()
        ),
        2 => format!(
            "GET /api/v1/resource{route}/{number} 200 {} bytes in {millis} ms from 10.0.{}.{} \"Mozilla/5.0 (X11; Linux x86_64)\"",
            rng.random_range(200..90_000),
            skewed(rng, 4),
            skewed(rng, 250)
        ),
        _ => format!(
            "pool shop-primary: {} of 64 connections in use, {} waiting; statement on t{} took {millis} ms",
            skewed(rng, 64),
            skewed(rng, 12),
            skewed(rng, 12)
        ),
    }
}

fn record(rng: &mut StdRng, logger: usize, time: u64) -> LogRecord {
    let (route, user) = (skewed(rng, 40), skewed(rng, 5000));
    let health = logger == 2 && rng.random_bool(0.1);
    let (severity_number, severity_text) = match rng.random_range(0..100) {
        0..10 => DEBUG,
        10..90 => INFO,
        90..97 => WARN,
        _ => ERROR,
    };
    let body = match health {
        true => "GET /healthz 200 2 bytes in 0 ms from 10.0.0.1 \"kube-probe/1.33\"".to_owned(),
        false => body(rng, logger, route, user),
    };
    let class = LOGGERS[logger];
    let thread = skewed(rng, 16);
    let mut attributes = vec![
        text(
            "code.function.name",
            format!("{class}.handle{}", skewed(rng, 6)),
        ),
        text(
            "code.file.path",
            format!(
                "{}.java",
                &class[class.rfind('.').map_or(0, |dot| dot + 1)..]
            ),
        ),
        int("code.line.number", i64::from(skewed(rng, 900))),
        int("thread.id", i64::from(thread) + 20),
        text("thread.name", format!("http-nio-8080-exec-{thread}")),
        text(
            "http.route",
            if health {
                "/healthz".to_owned()
            } else {
                format!("/api/v1/resource{route}")
            },
        ),
        text("user.id", format!("u{user:05}")),
    ];
    if rng.random_bool(0.5) {
        attributes.push(text("session.id", format!("{:032x}", rng.random::<u128>())));
    }
    if rng.random_bool(0.2) {
        attributes.push(text("user.email", format!("user{user}@example.com")));
    }
    if severity_number == ERROR.0 {
        attributes.extend([
            text("exception.type", "java.lang.IllegalStateException"),
            text("exception.message", "connection is closed"),
            text("exception.stacktrace", stack_trace(rng, 12)),
        ]);
    }
    let mut record = LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + u64::from(skewed(rng, 2_000_000)),
        severity_number,
        severity_text: severity_text.to_owned(),
        body: Some(AnyValue {
            value: Some(Value::StringValue(body)),
        }),
        attributes,
        ..LogRecord::default()
    };
    // What is logged outside a request belongs to no trace.
    if rng.random_bool(0.7) {
        record.flags = 1;
        record.trace_id = rng.random::<u128>().to_be_bytes().to_vec();
        record.span_id = rng.random::<u64>().to_be_bytes().to_vec();
    }
    record
}

/// A batch of log records, each at a time of its own.
pub fn logs(count: usize, seed: u64) -> Bytes {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut services: Vec<Vec<Vec<LogRecord>>> =
        vec![vec![Vec::new(); LOGGERS.len()]; SERVICES.min(count.max(1))];
    for number in 0..count {
        let service = skewed(&mut rng, services.len() as u32) as usize;
        let logger = rng.random_range(0..LOGGERS.len());
        let time = TIME + seed * BATCH + number as u64 * 1_000_000;
        services[service][logger].push(record(&mut rng, logger, time));
    }
    let mut resource_logs = Vec::new();
    for (number, loggers) in services.into_iter().enumerate() {
        let scopes = LOGGERS.into_iter().zip(loggers);
        let scope_logs: Vec<ScopeLogs> = scopes
            .filter(|(_, records)| !records.is_empty())
            .map(|(logger, log_records)| ScopeLogs {
                scope: Some(scope(logger, "")),
                log_records,
                ..ScopeLogs::default()
            })
            .collect();
        if !scope_logs.is_empty() {
            resource_logs.push(ResourceLogs {
                resource: Some(service(number)),
                scope_logs,
                schema_url: "https://opentelemetry.io/schemas/1.34.0".to_owned(),
            });
        }
    }
    ExportLogsServiceRequest { resource_logs }
        .encode_to_vec()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_of_about_500_bytes_and_each_has_its_own_time() {
        let mut times = std::collections::BTreeSet::new();
        for seed in 0..4 {
            let encoded = logs(1000, seed);
            assert!(
                (400..600).contains(&(encoded.len() / 1000)),
                "{}",
                encoded.len()
            );
            let request = ExportLogsServiceRequest::decode(encoded).unwrap();
            let scopes = request.resource_logs.iter().flat_map(|of| &of.scope_logs);
            times.extend(
                scopes
                    .flat_map(|of| &of.log_records)
                    .map(|record| record.time_unix_nano),
            );
        }
        assert_eq!(times.len(), 4000);
    }
}
