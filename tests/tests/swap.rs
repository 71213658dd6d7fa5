//! Swaps under load: no span is lost or doubled, decisions and totals go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use http::Method;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use serde_json::json;
use spanmill_tests::{
    Backend, GrpcSender, Spanmill, admin, built_in, guest, request, span, span_id, text, version,
    within,
};

const SWAPS: usize = 200;
const SENDERS: u64 = 4;
pub(super) const SPANS: u64 = 20;

/// A pipeline of which every plugin can be swapped; `mine` is one that misbehaves as its settings say.
fn manifest(backend: &Backend, behaviour: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: {}, timeout: 1s}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  filter: {{traces: {{span: ['attributes["http.route"] == "/healthz"']}}}}
  mine: {{behaviour: {behaviour}}}
  probabilistic_sampler: {{sampling_percentage: 50, hash_seed: 7}}
connectors:
  spanmetrics: {{metrics_flush_interval: 100ms, exclude_dimensions: [span.name]}}
exporters:
  otlp: {{endpoint: {address}, tls: {{insecure: true}}}}
  # Several consumers may overtake each other.
  otlp/in_order: {{endpoint: {address}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [filter, mine, probabilistic_sampler]
      exporters: [otlp, spanmetrics]
    metrics: {{receivers: [spanmetrics], exporters: [otlp/in_order]}}
"#,
        guest("hostile").display(),
        address = backend.address()
    )
}

fn batch(
    first: u64,
) -> opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest {
    let spans = (first..first + SPANS).map(|number| {
        let route = match number % 10 {
            0 => "/healthz",
            _ => "/cart",
        };
        // Plugins that misbehave do so on batches with this name in them.
        span(number, "misbehave", vec![text("http.route", route)])
    });
    request("shop", spans.collect())
}

/// Sends batch after batch over connections of their own until told to stop; a batch that is refused is sent
/// again. Gives how many batches were sent.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    next: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    pub(super) async fn start(spanmill: &Spanmill) -> Self {
        let (stop, next) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let sent = Arc::new(AtomicU64::new(0));
        let mut senders = Vec::new();
        for _ in 0..SENDERS {
            let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
            let (stop, next, sent) = (Arc::clone(&stop), Arc::clone(&next), Arc::clone(&sent));
            senders.push(tokio::spawn(async move {
                while !stop.load(SeqCst) {
                    let number = next.fetch_add(1, SeqCst);
                    let batch = batch(number * SPANS + 1);
                    while let Err(status) = sender.send(&batch).await {
                        assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
                    }
                    sent.fetch_add(1, SeqCst);
                }
            }));
        }
        Load {
            stop,
            next,
            sent,
            senders,
        }
    }

    /// Waits until so many more batches were taken.
    pub(super) async fn goes_on(&self, batches: u64) {
        let until = self.sent.load(SeqCst) + batches;
        within("more batches", async {
            while self.sent.load(SeqCst) < until {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(super) async fn end(self) -> u64 {
        self.stop.store(true, SeqCst);
        for sender in self.senders {
            sender.await.unwrap();
        }
        self.next.load(SeqCst)
    }
}

/// The ids of the spans at a backend, each of which must be there once.
pub(super) fn once(backend: &Backend) -> BTreeSet<Vec<u8>> {
    let mut ids = BTreeSet::new();
    for found in spanmill_tests::flatten(&backend.traces()) {
        let id = found.span.span_id;
        assert!(ids.insert(id.clone()), "span {id:?} came twice");
    }
    ids
}

/// `calls` of each series in one flush, and since when it counts.
type Calls = BTreeMap<String, (i64, u64)>;

fn calls(backend: &Backend) -> Vec<Calls> {
    let flush = |request: opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest| {
        let mut calls = Calls::new();
        let metrics = request.resource_metrics.into_iter().flat_map(|r| r.scope_metrics);
        for metric in metrics.flat_map(|scope| scope.metrics) {
            let Some(Data::Sum(sum)) = metric.data else { continue };
            for point in sum.data_points {
                let Some(Value::AsInt(value)) = point.value else { panic!("{point:?}") };
                let series = format!("{:?}", spanmill_tests::attributes(&point.attributes));
                calls.insert(series, (value, point.start_time_unix_nano));
            }
        }
        calls
    };
    backend.metrics().into_iter().map(flush).collect()
}

/// Which spans come out if nothing is ever swapped.
async fn undisturbed(batches: u64) -> BTreeSet<Vec<u8>> {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "well")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    for number in 0..batches {
        sender.send(&batch(number * SPANS + 1)).await.unwrap();
    }
    spanmill.stop().await;
    once(&backend)
}

/// The versions that are swapped in, in turn: the same code under other hashes.
struct Versions(Vec<(&'static str, [Bytes; 2])>);

impl Versions {
    fn new() -> Self {
        let both = |file: &std::path::Path| [version(file, "one"), version(file, "two")];
        Versions(vec![
            (
                "probabilistic_sampler",
                both(&built_in("probabilistic_sampler")),
            ),
            ("spanmetrics", both(&built_in("spanmetrics"))),
            ("filter", both(&built_in("filter"))),
            ("mine", both(&guest("hostile_v2"))),
        ])
    }

    fn get(&self, number: usize) -> (&'static str, Bytes) {
        let (component, versions) = &self.0[number % self.0.len()];
        (component, versions[number / self.0.len() % 2].clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_swaps_under_load_lose_and_double_nothing() {
    let backend = Backend::start().await;
    let folder = tempfile::tempdir().unwrap();
    let good = manifest(&backend, "well");
    let spanmill = Spanmill::start_in(folder, Some(&good), &["--workers", "2", "--no-watch"]).await;
    let api = spanmill.address("admin http");
    let load = Load::start(&spanmill).await;
    let versions = Versions::new();
    let bad = ["trap", "loop", "grow", "invalid-utf-8", "row-out-of-range"];
    let (mut swapped, mut rolled_back) = (0, 0);
    for number in 0..SWAPS {
        match number % 20 {
            // A plugin that cannot take the place.
            7 => {
                let wasm = std::fs::read(guest("importer")).unwrap();
                let authorization = format!("Bearer {}", spanmill_tests::admin_token(api));
                let headers = [
                    ("content-type", "application/wasm"),
                    ("authorization", authorization.as_str()),
                ];
                let path = "/v1/plugins/filter/swap";
                let reply = spanmill_tests::http(api, Method::POST, path, &headers, wasm).await;
                assert_eq!(reply.status, 422, "{}", reply.text());
            }
            // By manifest, to settings under which the plugin fails its first batch: it is taken back.
            13 => {
                spanmill.edit(&manifest(&backend, bad[number / 20 % bad.len()]));
                let report = admin(api, Method::POST, "/v1/reload", "").await;
                assert_eq!(report["components"][0]["component"], "mine", "{report}");
                rolled_back += 1;
                within("the rollback", async {
                    loop {
                        let status = admin(api, Method::GET, "/v1/plugins/mine", "").await;
                        if status["rollbacks"] == json!(rolled_back) {
                            break;
                        }

                        load.goes_on(1).await;
                    }
                })
                .await;
                spanmill.edit(&good);
            }
            _ => {
                let (component, wasm) = versions.get(swapped);
                let path = format!("/v1/plugins/{component}/swap?probation=2");
                let report = admin(api, Method::POST, &path, wasm).await;
                assert_eq!(report["components"][0]["component"], component, "{report}");
                swapped += 1;
            }
        }
        load.goes_on(3).await;
    }
    let batches = load.end().await;
    let log = spanmill.stop().await.log.join("\n");
    assert!(!log.contains("host panic"), "{log}");
    assert_eq!((swapped, rolled_back), (180, 10));

    // Each span once, or dropped by the same verdict as ever.
    let came = once(&backend);
    let expected = undisturbed(batches).await;
    assert!(
        came == expected,
        "{} came, not {}",
        came.len(),
        expected.len()
    );
    let all: BTreeSet<_> = (1..=batches * SPANS).map(span_id).collect();
    assert!(came.is_subset(&all) && came.len() < all.len() * 6 / 10);

    // The totals went up and up, from one beginning, to what was delivered.
    let flushes = calls(&backend);
    assert!(flushes.len() > 10, "{} flushes", flushes.len());
    for pair in flushes.windows(2) {
        for (series, (before, since)) in &pair[0] {
            let (now, still_since) = pair[1][series];
            assert!(now >= *before, "{series} fell from {before} to {now}");
            assert_eq!(*since, still_since, "{series} began anew");
        }
    }
    let total: i64 = flushes
        .last()
        .unwrap()
        .values()
        .map(|(calls, _)| calls)
        .sum();
    // The sampler writes into the trace state that each span stands for two, and the connector counts so.
    assert_eq!(total, 2 * came.len() as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn state_goes_from_version_to_version() {
    let backend = Backend::start().await;
    let stateful = guest("stateful");
    let manifest = format!(
        r#"
plugins:
  mine: {{file: {}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  mine: {{behaviour: whole}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#,
        stateful.display(),
        backend.address()
    );
    let folder = tempfile::tempdir().unwrap();
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &["--workers", "2"]).await;
    let api = spanmill.address("admin http");
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let mut names = Vec::new();
    for (number, file) in ["stateful", "stateful_v2", "stateful", "stateful_v2"]
        .iter()
        .enumerate()
    {
        if number > 0 {
            let wasm = std::fs::read(guest(file)).unwrap();
            let report = admin(api, Method::POST, "/v1/plugins/mine/swap", wasm).await;
            assert_eq!(
                report["components"][0]["state_handed_over"], true,
                "{report}"
            );
        }
        for _ in 0..5 {
            let at = names.len() as u64 + 1;
            let one = request("shop", vec![span(at, "one", vec![])]);
            sender.send(&one).await.unwrap();
            let version = if number % 2 == 0 { "" } else { "v2 " };
            names.push(format!("{version}batch {at}"));
        }
    }
    let mut came: Vec<_> = backend.spans(names.len()).await;
    came.sort_by_key(|found| found.span.span_id.clone());
    let came: Vec<String> = came.into_iter().map(|found| found.span.name).collect();
    assert_eq!(came, names);

    // A version without state begins anew, and is not refused for it.
    let wasm = std::fs::read(guest("hostile")).unwrap();
    let report = admin(api, Method::POST, "/v1/plugins/mine/swap", wasm).await;
    assert_eq!(
        report["components"][0]["state_handed_over"], false,
        "{report}"
    );
    sender
        .send(&request("shop", vec![span(100, "one", vec![])]))
        .await
        .unwrap();
    let last = backend.spans(names.len() + 1).await.pop().unwrap();
    assert_eq!(last.span.name, "batch 1");
    spanmill.stop().await;
}
