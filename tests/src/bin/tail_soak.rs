//! Tail sampling for minutes at a steady load, with a swap every two seconds, other rules now and then, and more traces than
//! it may hold: every span must be accounted for, and memory must stay flat.
//!
//! `tail_soak [minutes] [share of a core]`; prints what it found, and fails if it is not so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use http::Method;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::Value;
use spanmill_tests::{
    CountingBackend, GrpcSender, Spanmill, admin, built_in, request, text, version,
};

/// Spans of a trace, each of which comes in another request.
const SPANS: u64 = 8;
/// Traces that are sent together.
const GROUP: u64 = 1000;
/// Traces that may be held: about as many as come within the time that decisions wait, so that some are given up.
const NUM_TRACES: u64 = 70_000;

fn manifest(backend: &CountingBackend, share: u32) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  tail_sampling:
    decision_wait: 2s
    num_traces: {NUM_TRACES}
    decision_cache: {{sampled_cache_size: 100000, non_sampled_cache_size: 100000}}
    policies:
      - {{name: errors, type: status_code, status_code: {{status_codes: [ERROR]}}}}
      - {{name: slow, type: latency, latency: {{threshold_ms: 2000}}}}
      - {{name: rest, type: probabilistic, probabilistic: {{sampling_percentage: {share}}}}}
exporters:
  otlphttp: {{endpoint: "http://{}", compression: none}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [otlphttp]}}
"#,
        backend.address()
    )
}

/// A span by its number, which is its id.
fn span(number: u64, trace: u64, place: u64) -> Span {
    let mut trace_id = trace
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .to_be_bytes()
        .to_vec();
    trace_id.extend(trace.to_be_bytes());
    let code = if trace.is_multiple_of(50) && place == 3 {
        2
    } else {
        0
    };
    Span {
        trace_id,
        span_id: number.to_be_bytes().to_vec(),
        name: "GET /api/v1/orders".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_025_000_000,
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", "/api/v1/orders/{id}/items"),
            text(
                "db.statement",
                "SELECT id, total, state FROM orders WHERE customer = ?",
            ),
            text(
                "user.agent",
                "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101",
            ),
        ],
        status: Some(Status {
            code,
            ..Status::default()
        }),
        ..Span::default()
    }
}

/// What has been sent, and how fast.
struct Load {
    spans: AtomicU64,
    /// Nanoseconds from one request to the next.
    pace: AtomicU64,
    refused: AtomicU64,
}

/// Sends groups of traces until `end`.
async fn load(sender: GrpcSender, load: Arc<Load>, end: Instant) {
    let (mut number, mut group) = (1, 0);
    let mut next = tokio::time::Instant::now();
    while Instant::now() < end {
        for place in 0..SPANS {
            let traces = group * GROUP..(group + 1) * GROUP;
            let spans: Vec<Span> = (number..)
                .zip(traces)
                .map(|(number, trace)| span(number, trace + 1, place))
                .collect();
            number += GROUP;
            let request = request("shop", spans);
            while sender.send(&request).await.is_err() {
                load.refused.fetch_add(1, Relaxed);
                tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_millis(20))
                    .await;
            }
            load.spans.fetch_add(GROUP, Relaxed);
            next += Duration::from_nanos(load.pace.load(Relaxed));
            tokio::time::sleep_until(next).await;
        }
        group += 1;
    }
}

fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn resident_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

/// What the versions of the plugin have counted.
#[derive(Debug, Default)]
struct Counted {
    seen: u64,
    released: u64,
    dropped: u64,
    own: BTreeMap<String, u64>,
}

impl Counted {
    fn add(&mut self, version: &Value) {
        let count = |key: &str| version[key].as_u64().unwrap();
        self.seen += count("items_in");
        self.released += count("items_out");
        self.dropped += count("items_dropped");
        for (name, value) in version["counters"].as_object().unwrap() {
            *self.own.entry(name.clone()).or_default() += value.as_u64().unwrap();
        }
    }
}

/// Keeps what each version has counted, by when it began to run: one that was replaced may have had a batch under way.
fn note(status: &Value, versions: &mut BTreeMap<String, Value>) {
    let past = status["history"].as_array().unwrap();
    for version in past.iter().chain([&status["version"]]) {
        let since = version["since"].as_str().unwrap();
        versions.insert(since.to_owned(), version.clone());
    }
}

async fn plugin(spanmill: &Spanmill) -> Value {
    let address = spanmill.address("admin http");
    admin(address, Method::GET, "/v1/plugins/tail_sampling", "").await
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let minutes: f64 = arguments.next().map_or(10.0, |it| it.parse().unwrap());
    let share: f64 = arguments.next().map_or(0.6, |it| it.parse().unwrap());
    let backend = CountingBackend::start().await;
    let folder = tempfile::tempdir().unwrap();
    let first = manifest(&backend, 10);
    let spanmill = Spanmill::start_in(folder, Some(&first), &["--workers", "1"]).await;
    let process = spanmill.process();
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(minutes * 60.0);
    let state = Arc::new(Load {
        spans: AtomicU64::new(0),
        pace: AtomicU64::new(20_000_000),
        refused: AtomicU64::new(0),
    });
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let sending = tokio::spawn(load(sender, Arc::clone(&state), end));

    let mut versions: BTreeMap<String, Value> = BTreeMap::new();
    let (mut swaps, mut reloads) = (0, 0);
    let mut memory: Vec<u64> = Vec::new();
    let (mut before, mut at) = (cpu(process), Instant::now());
    let cpu_before = before;
    let mut every = tokio::time::interval(Duration::from_secs(2));
    while !sending.is_finished() {
        every.tick().await;
        let now = cpu(process);
        let used = (now - before) / at.elapsed().as_secs_f64();
        (before, at) = (now, Instant::now());
        let pace = state.pace.load(Relaxed) as f64 * (used / share).clamp(0.7, 1.4);
        state
            .pace
            .store((pace as u64).clamp(1_000_000, 100_000_000), Relaxed);
        memory.push(resident_mib(process));
        let address = spanmill.address("admin http");
        swaps += 1;
        if swaps % 10 == 0 {
            reloads += 1;
            spanmill.edit(&manifest(&backend, 10 + reloads % 2));
            admin(address, Method::POST, "/v1/reload", "").await;
        } else {
            let other = version(
                &built_in("tail_sampling"),
                &format!("version {}", swaps % 2),
            );
            admin(
                address,
                Method::POST,
                "/v1/plugins/tail_sampling/swap",
                other,
            )
            .await;
        }
        note(&plugin(&spanmill).await, &mut versions);
    }
    sending.await.unwrap();
    let sent = state.spans.load(Relaxed);
    let cpu = cpu(process) - cpu_before;
    // What is held now is decided on within the time that decisions wait.
    let last = loop {
        let status = plugin(&spanmill).await;
        if status["version"]["items_held"] == 0 {
            break status;
        }
    };
    note(&last, &mut versions);
    let mut counted = Counted::default();
    versions.values().for_each(|version| counted.add(version));
    let ended = spanmill.stop().await;
    let (arrived, doubled) = backend.counted();
    println!(
        "{minutes} minutes, {swaps} changes ({reloads} of rules), {:.0} spans/s, {:.2} us of CPU a span, {:.0} % of a core",
        sent as f64 / began.elapsed().as_secs_f64(),
        cpu * 1e6 / sent as f64,
        100.0 * cpu / began.elapsed().as_secs_f64()
    );
    println!(
        "sent {sent}, refused and sent again {}, released {}, arrived {arrived}, dropped {}",
        state.refused.load(Relaxed),
        counted.released,
        counted.dropped
    );
    for (name, value) in &counted.own {
        println!("  {name} {value}");
    }
    let quarter = memory.len() / 4;
    let mean = |range: &[u64]| range.iter().sum::<u64>() / range.len().max(1) as u64;
    let (early, late) = (
        mean(&memory[quarter..2 * quarter]),
        mean(&memory[3 * quarter..]),
    );
    println!(
        "memory: {early} MiB in the second quarter, {late} MiB in the last; at most {}",
        memory.iter().max().unwrap()
    );
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(
        (counted.released, doubled),
        (arrived, 0),
        "a span was lost or came twice"
    );
    assert_eq!(
        sent,
        counted.released + counted.dropped,
        "spans are not accounted for"
    );
    assert!(late <= early + early / 10 + 8, "memory grows");
}
