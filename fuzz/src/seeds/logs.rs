//! Log requests.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use crate::seeds::{self, attributes};

fn body(number: u8) -> Option<AnyValue> {
    let value = match number % 5 {
        0 => return None,
        1 => Some(Value::StringValue("v1".to_owned())),
        2 => Some(Value::KvlistValue(KeyValueList {
            values: attributes(number),
        })),
        3 => Some(Value::IntValue(-1)),
        _ => None,
    };
    Some(AnyValue { value })
}

fn record(number: u8) -> LogRecord {
    LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000,
        observed_time_unix_nano: u64::from(number),
        severity_number: i32::from(number % 25),
        severity_text: ["", "INFO", "v1"][usize::from(number % 3)].to_owned(),
        body: body(number),
        attributes: attributes(number),
        dropped_attributes_count: u32::from(number % 2),
        flags: 1,
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        event_name: ["", "v1"][usize::from(number % 2)].to_owned(),
    }
}

/// A request of so many resources.
pub fn request(resources: u8) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: (0..resources)
            .map(|resource| ResourceLogs {
                resource: seeds::resource(resource),
                scope_logs: (0..resource % 3 + 1)
                    .map(|scope| ScopeLogs {
                        scope: seeds::scope(scope),
                        log_records: (0..resources).map(|row| record(row * 5 + scope)).collect(),
                        schema_url: seeds::SCHEMA_URL.to_owned(),
                    })
                    .collect(),
                ..ResourceLogs::default()
            })
            .collect(),
    }
}
