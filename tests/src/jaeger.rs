//! A real Jaeger, which keeps traces in memory.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::time::{Duration, interval};

use crate::client::get;
use crate::program::Program;
use crate::within;

/// A running Jaeger.
pub struct Jaeger {
    _program: Program,
    otlp: SocketAddr,
    query: SocketAddr,
}

impl Jaeger {
    /// Starts one, on free ports.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = [
            "--admin.http.host-port=127.0.0.1:0",
            "--collector.grpc-server.host-port=127.0.0.1:0",
            "--collector.http-server.host-port=127.0.0.1:0",
            "--collector.otlp.grpc.host-port=127.0.0.1:0",
            "--collector.otlp.http.host-port=127.0.0.1:0",
            "--query.http-server.host-port=127.0.0.1:0",
            // It takes two texts that are the same for one port.
            "--query.grpc-server.host-port=localhost:0",
        ];
        let program = Program::start(folder, "jaeger", "jaeger", &arguments);
        let receiver = program
            .logged(&["\"Starting GRPC server\"", "\"endpoint\""])
            .await;
        let server = program.logged(&["\"Query server started\""]).await;
        program.logged(&["\"status\":\"ready\""]).await;
        Jaeger {
            otlp: field(&receiver, "endpoint"),
            query: field(&server, "http_addr"),
            _program: program,
        }
    }

    /// Where it takes OTLP over gRPC: `host:port`.
    pub fn address(&self) -> String {
        self.otlp.to_string()
    }

    /// Waits until its API returns so many traces of a service, and returns them.
    pub async fn traces(&self, service: &str, traces: usize) -> Vec<Value> {
        let path = format!("/api/traces?service={service}&limit=1000&lookback=1h");
        within(&format!("{traces} traces in Jaeger"), async {
            let mut looks = interval(Duration::from_millis(50));
            loop {
                looks.tick().await;
                let reply = get(self.query, &path, false).await;
                assert_eq!(reply.status, 200, "{path}: {}", reply.text());
                let mut answer: Value = serde_json::from_slice(&reply.body).unwrap();
                if let Value::Array(found) = answer["data"].take()
                    && found.len() >= traces
                {
                    return found;
                }
            }
        })
        .await
    }

    /// The value of a tag; null if there is none.
    pub fn tag<'a>(tagged: &'a Value, key: &str) -> &'a Value {
        let tags = tagged["tags"].as_array().into_iter().flatten();
        let mut found = tags.filter(|tag| tag["key"] == key);
        found.next().map_or(&Value::Null, |tag| &tag["value"])
    }
}

/// An address in a line of the log.
fn field(line: &str, name: &str) -> SocketAddr {
    let line: Value = serde_json::from_str(line).unwrap();
    line[name].as_str().unwrap().parse().unwrap()
}
