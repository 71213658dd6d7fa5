//! Random log requests.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use proptest::prelude::*;

use crate::requests::{attributes, id, resources, scopes, values};

fn records() -> impl Strategy<Value = LogRecord> {
    (
        (any::<u64>(), 0..25i32, "v?[0-3]?", "e[0-2]?"),
        prop::option::of(values()),
        attributes(),
        (id(16), id(8), 0..3u32),
    )
        .prop_map(
            |((time, severity_number, severity_text, event_name), body, attributes, ids)| {
                let (trace_id, span_id, number) = ids;
                LogRecord {
                    time_unix_nano: time,
                    observed_time_unix_nano: time / 3 * u64::from(number),
                    severity_number,
                    severity_text,
                    body,
                    attributes,
                    dropped_attributes_count: number,
                    flags: number * 0x101,
                    trace_id,
                    span_id,
                    event_name,
                }
            },
        )
}

/// Requests with few distinct texts, so that texts and keys meet.
pub fn requests() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let records = prop::collection::vec(records(), 0..5);
    let scope_logs =
        (scopes(), records, "u?").prop_map(|(scope, log_records, schema_url)| ScopeLogs {
            scope,
            log_records,
            schema_url,
        });
    let scope_logs = prop::collection::vec(scope_logs, 0..3);
    let resource_logs =
        (resources(), scope_logs, "u?").prop_map(|(resource, scope_logs, schema_url)| {
            ResourceLogs {
                resource,
                scope_logs,
                schema_url,
            }
        });
    prop::collection::vec(resource_logs, 0..4)
        .prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}
