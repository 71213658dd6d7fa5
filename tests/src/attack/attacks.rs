//! The attacks.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{Arena, Outcome};
use crate::client::try_post_with;
use crate::{Backend, GrpcSender, guest, request, span, text};

const MIB: usize = 1024 * 1024;
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
/// Processors that read much of a span.
const CHAIN: &str = r#"
processors:
  filter: {error_mode: ignore, traces: {span: ['attributes["a"] == "b"']}}
  redaction: {allow_all_keys: true, blocked_values: ['\d{16}']}
  attributes: {actions: [{key: seen, value: true, action: insert}]}
"#;
const CHAIN_NAMES: &str = "filter, redaction, attributes";

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

/// Sends the same gzipped body from so many clients, so many times each.
async fn flood(arena: &Arena, kind: &'static str, body: Bytes, clients: usize, times: usize) {
    let address = arena.spanmill.address("receiver otlp http");
    let mut sending = JoinSet::new();
    for _ in 0..clients {
        let body = body.clone();
        sending.spawn(async move {
            for _ in 0..times {
                // Whatever the answer is.
                let headers = [("content-type", kind), ("content-encoding", "gzip")];
                let _ = try_post_with(address, &headers, body.clone()).await;
            }
        });
    }
    sending.join_all().await;
    arena.serves(5).await;
}

/// 20 MiB of empty objects where spans, attributes, scopes or resources are wanted: 20 KB on the wire.
pub async fn empty_items_in_json(clients: usize, times: usize) -> Outcome {
    let arena = Arena::start("empty items in JSON", CHAIN, CHAIN_NAMES).await;
    let empties = "{},".repeat(19 * MIB / 3);
    for (before, after) in [
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#, "{}]}]}]}"),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":["#,
            "{}]}]}]}]}",
        ),
        (r#"{"resourceSpans":[{"scopeSpans":["#, "{}]}]}"),
        (r#"{"resourceSpans":["#, "{}]}"),
    ] {
        let body = gzip(format!("{before}{empties}{after}").as_bytes());
        flood(&arena, JSON, body, clients, times).await;
    }
    arena.outcome().await.0
}

/// A field of this number that holds bytes.
fn field(number: u8, body: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = body.len();
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(body);
    field
}

/// 19 MiB of empty messages, two bytes each.
pub async fn empty_items_in_protobuf(clients: usize, times: usize) -> Outcome {
    let arena = Arena::start("empty items in protobuf", CHAIN, CHAIN_NAMES).await;
    let empty = |number: u8| [number << 3 | 2, 0].repeat(19 * MIB / 2);
    let spans = field(1, &field(2, &empty(2)));
    let attributes = field(1, &field(2, &field(2, &empty(9))));
    let events = field(1, &field(2, &field(2, &empty(11))));
    let scopes = field(1, &empty(2));
    let resources = empty(1);
    for body in [spans, attributes, events, scopes, resources] {
        flood(&arena, PROTOBUF, gzip(&body), clients, times).await;
    }
    arena.outcome().await.0
}

/// As many spans as one request may hold, and no more: legal, and much to hold.
pub async fn many_spans(clients: usize, times: usize) -> Outcome {
    let arena = Arena::start("200,000 spans a request", CHAIN, CHAIN_NAMES).await;
    let body = field(1, &field(2, &[0x12, 0].repeat(200_000)));
    flood(&arena, PROTOBUF, gzip(&body), clients, times).await;
    arena.outcome().await.0
}

/// gRPC messages of 1 GiB that are announced, sent in part, and left.
pub async fn unfinished_messages(connections: usize) -> Outcome {
    let arena = Arena::start("unfinished gRPC messages of 1 GiB", "", "").await;
    let address = arena.spanmill.address("receiver otlp grpc");
    let mut held = Vec::new();
    for _ in 0..connections {
        let mut message = vec![0; 96 * MIB];
        message[1..5].copy_from_slice(&(1u32 << 30).to_be_bytes());
        held.push(crate::client::unfinished(address, message.into()).await);
    }
    // Good requests pass as soon as the unfinished ones are refused.
    arena.serves(20).await;
    drop(held);
    arena.outcome().await.0
}

/// Requests that a plugin runs out of memory with, ten a second.
pub async fn poison_in_a_plugin(times: usize) -> Outcome {
    let sections = format!(
        "plugins:\n  mine: {{file: {}, memory_mib: 16, on_error: reject}}\nprocessors:\n  mine: {{behaviour: grow}}\n",
        guest("hostile").display()
    );
    let arena = Arena::start("poison for a plugin, 10/s", &sections, "mine").await;
    let sender = GrpcSender::connect(arena.spanmill.address("receiver otlp grpc")).await;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for number in 0..times {
        pace.tick().await;
        let poison = request("poison", vec![span(number as u64 + 1, "misbehave", vec![])]);
        let status = sender.send(&poison).await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    }
    arena.outcome().await.0
}

/// The same behind a `batch`, which puts poison and good spans together. Returns how many good spans were sent, and how
/// many arrived, as well.
pub async fn poison_behind_a_batch(times: usize) -> (Outcome, usize, usize) {
    let sections = format!(
        "plugins:\n  mine: {{file: {}, memory_mib: 16, on_error: reject}}\nprocessors:\n  mine: {{behaviour: grow}}\n  batch: {{send_batch_size: 64, timeout: 50ms}}\n",
        guest("hostile").display()
    );
    let arena = Arena::start("poison behind a batch, 10/s", &sections, "batch, mine").await;
    let sender = GrpcSender::connect(arena.spanmill.address("receiver otlp grpc")).await;
    let mut good = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    for number in 0..times as u64 {
        pace.tick().await;
        let poison = request("poison", vec![span(2 * number + 1, "misbehave", vec![])]);
        sender.send(&poison).await.unwrap();
        let fine = request(
            "good",
            vec![span(2 * number + 2, "good", vec![text("k", "v")])],
        );
        sender.send(&fine).await.unwrap();
        good += 1;
    }
    let (outcome, spanmill, backend) = arena.outcome().await;
    spanmill.terminate();
    let ended = spanmill.ended().await;
    let lost = format!(
        "{times} spans were accepted and not delivered: pipeline traces: {times} spans (a plugin failed on them)"
    );
    let last = ended.log.last().unwrap();
    assert!(last.contains(&lost), "{last}");
    let arrived = backend.spans(0).await;
    let of_sender = |found: &&crate::Found| crate::service(found) == "good";
    (outcome, good, arrived.iter().filter(of_sender).count())
}

/// Connections that are opened and left, more than the process has room for.
pub async fn idle_connections(connections: usize) -> Outcome {
    let files = connections.to_string();
    let launcher = [
        "sh",
        "-c",
        &format!("ulimit -n {files} && exec \"$0\" \"$@\""),
    ];
    let arena = Arena::start_with("idle connections", "", "", &launcher).await;
    let mut held = Vec::new();
    for receiver in ["receiver otlp grpc", "receiver otlp http"] {
        let address = arena.spanmill.address(receiver);
        for _ in 0..connections {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Some say something, and then no more.
            let _ = stream.write_all(b"POST /v1/traces HTTP/1.1\r\n").await;
            held.push(stream);
        }
    }
    arena.serves(20).await;
    let outcome = arena.outcome().await.0;
    drop(held);
    outcome
}

/// Handshakes that are begun and left, on the ports that the well-behaved sender uses, and again as soon as they are closed.
pub async fn half_open_handshakes(connections: usize, times: usize) -> Outcome {
    let arena = Arena::start_tls("half-open TLS handshakes").await;
    /// The head of a record that is to hold 512 bytes of a handshake, and the first of them.
    const BEGUN: [u8; 6] = [22, 3, 1, 2, 0, 1];
    for _ in 0..times {
        let mut held = Vec::new();
        for receiver in ["receiver otlp grpc", "receiver otlp http"] {
            let address = arena.spanmill.address(receiver);
            for number in 0..connections {
                let mut stream = TcpStream::connect(address).await.unwrap();
                // Some say nothing at all.
                if number % 2 == 0 {
                    let _ = stream.write_all(&BEGUN).await;
                }
                held.push(stream);
            }
        }
        arena.serves(20).await;
    }
    arena.outcome().await.0
}

/// Neither standard output, where `debug` writes, nor standard error is read by anyone.
pub async fn unread_output(requests: u64) -> Outcome {
    let sections = "";
    let backend = Backend::start().await;
    let manifest = format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
  debug: {{verbosity: detailed, sampling_initial: 1000000}}
{sections}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp, debug]}}
"#,
        backend.address()
    );
    let receiver = "receiver otlp http";
    let arena = Arena::start_manifest("unread output", backend, &manifest, receiver, &[]).await;
    arena.spanmill.stop_reading();
    let sender = GrpcSender::connect(arena.spanmill.address("receiver otlp grpc")).await;
    for number in 0..requests {
        let first = number * 100 + 1;
        let spans = (first..first + 100).map(|n| span(n, "one", vec![text("k", "v")]));
        sender
            .send(&request("shop", spans.collect()))
            .await
            .unwrap();
    }
    let (outcome, spanmill, backend) = arena.outcome().await;
    let arrived = backend.spans(requests as usize * 100).await;
    assert!(arrived.len() >= requests as usize * 100);
    spanmill.terminate();
    assert_eq!(spanmill.exit_code().await, Some(0));
    outcome
}

/// A plugin that takes 50 ms a batch, kept busy, in the pipeline next door.
pub async fn slow_plugin_next_door(clients: usize, times: usize) -> Outcome {
    let backend = Backend::start().await;
    let manifest = format!(
        r#"
plugins:
  mine: {{file: {}, timeout: 10s}}
receivers:
  otlp/slow: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  mine: {{behaviour: slow}}
  attributes: {{actions: [{{key: seen, value: true, action: insert}}]}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces/slow: {{receivers: [otlp/slow], processors: [mine], exporters: [otlp]}}
    traces: {{receivers: [otlp], processors: [attributes], exporters: [otlp]}}
"#,
        guest("hostile").display(),
        backend.address()
    );
    let receiver = "receiver otlp http";
    let arena =
        Arena::start_manifest("a slow plugin next door", backend, &manifest, receiver, &[]).await;
    let address = arena.spanmill.address("receiver otlp/slow grpc");
    let mut sending = JoinSet::new();
    for client in 0..clients as u64 {
        let sender = GrpcSender::connect(address).await;
        sending.spawn(async move {
            for number in 0..times as u64 {
                let one = span(client * 1000 + number + 1, "one", vec![]);
                sender.send(&request("slow", vec![one])).await.unwrap();
            }
        });
    }
    sending.join_all().await;
    arena.outcome().await.0
}

/// Keeps `prost` honest about what an empty span is.
#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn what_is_sent_is_otlp() {
        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
        let body = field(1, &field(2, &[0x12, 0].repeat(200)));
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        assert_eq!(request.resource_spans[0].scope_spans[0].spans.len(), 200);
    }
}
