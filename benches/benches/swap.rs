//! What senders notice of a swap: the latency of a batch while plugins are swapped, and without; real sockets, the
//! reference pipeline, 1,000 spans a batch. And how long the switch itself takes, over all workers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use spanmill::bench::{
    Admin, DebugOutput, Folders, ManifestSource, Service, Source, WorkerCount, parse,
};
use spanmill_admin::{Control as _, SwapOptions, SwapReport};
use spanmill_benches::{machine, reference, spans};
use spanmill_runtime::CacheConfig;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MANIFEST: &str = r#"
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}
processors:
  filter: {traces: {span: ['attributes["http.route"] == "/healthz"']}}
  redaction:
    allow_all_keys: true
    summary: silent
    blocked_values:
      - '[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}'
      - '4[0-9]{3} [0-9]{4} [0-9]{4} [0-9]{4}'
      - 'eyJ[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+'
  probabilistic_sampler: {sampling_percentage: 50}
connectors:
  spanmetrics: {dimensions: [{name: http.route}]}
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [filter, redaction, probabilistic_sampler]
      exporters: [debug, spanmetrics]
    metrics: {receivers: [spanmetrics], exporters: [debug]}
"#;

const SENDERS: usize = 2;
const ROUNDS: usize = 8;
const SLICE: Duration = Duration::from_secs(2);
/// Between swaps, so that about a tenth of all batches meets one.
const BETWEEN: Duration = Duration::from_millis(40);
/// Between batches of a sender: about half of what two cores can do.
const PACE: Duration = Duration::from_millis(8);

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(bench())
}

async fn bench() -> Result<()> {
    let cache = tempfile::tempdir()?;
    let folders = Folders {
        plugins: Some(reference::plugin_folder()),
        cache: Some(CacheConfig::new(cache.path().join("cache"))),
        ..Folders::default()
    };
    let mut loader = folders.loader()?;
    let source = Source::new("the bench", MANIFEST);
    let loaded =
        parse(source, ".".as_ref(), &|_| None).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let plugins = loader
        .load_all(&loaded.manifest)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let from = ManifestSource::text("the bench", MANIFEST);
    let output = DebugOutput::new(std::io::sink(), false);
    let workers = std::thread::available_parallelism()?.get();
    let service = Service::start(
        loaded.manifest,
        plugins,
        loader,
        from,
        output,
        WorkerCount::new(Some(workers)),
    )
    .await?;
    let address: SocketAddr = service
        .addresses()
        .iter()
        .find_map(|line| line.strip_prefix("receiver otlp http ")?.parse().ok())
        .context("the receiver's address")?;
    let shutdown = CancellationToken::new();
    let controller = service.serve(shutdown.clone());
    let admin = Admin(Arc::clone(&controller));

    // Each version once, so that it is compiled.
    let versions = Versions::read()?;
    for number in 0..versions.0.len() * 2 {
        versions.swap(&admin, number).await?;
    }

    let swapping = Arc::new(AtomicU64::new(0));
    let mut steady = Vec::new();
    let mut during = Vec::new();
    let mut reports = Vec::new();
    let mut number = 0;
    for _ in 0..ROUNDS {
        for with_swaps in [false, true] {
            let senders = Senders::start(address, &swapping).await?;
            let until = Instant::now() + SLICE;
            while Instant::now() < until {
                tokio::time::sleep(BETWEEN).await;
                if with_swaps {
                    swapping.fetch_add(1, SeqCst);
                    reports.push(versions.swap(&admin, number).await?);
                    swapping.fetch_add(1, SeqCst);
                    number += 1;
                }
            }
            let batches = senders.end().await?;
            match with_swaps {
                true => during.extend(batches.iter().filter(|b| b.met_swap).map(|b| b.took)),
                false => steady.extend(batches.iter().map(|batch| batch.took)),
            }
        }
    }
    ensure!(
        during.len() > 100,
        "only {} batches met a swap",
        during.len()
    );
    println!(
        "swap: latency of a batch of 1,000 spans, over HTTP, at about half load; {}",
        machine()
    );
    println!("| | batches | p50 ms | p99 ms |");
    println!("|---|---|---|---|");
    for (what, mut times) in [("no swaps", steady), ("batches that met a swap", during)] {
        let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
        println!(
            "| {what} | {} | {:.2} | {:.2} |",
            times.len(),
            millis(p50),
            millis(p99)
        );
    }
    println!();
    println!(
        "| {} swaps on {workers} workers | p50 us | p99 us | longest us |",
        reports.len()
    );
    println!("|---|---|---|---|");
    type Part = fn(&SwapReport) -> u64;
    let parts: [(&str, Part); 4] = [
        ("compiled code found in the cache", |report| {
            report.compile_us
        }),
        ("instances made, configured, rehearsed", |report| {
            report.prepare_us
        }),
        (
            "switch, all workers, batches under way included",
            |report| report.switch_us,
        ),
        ("a worker kept from its next batch", |report| report.held_us),
    ];
    for (what, part) in parts {
        let mut times: Vec<_> = reports
            .iter()
            .map(part)
            .map(Duration::from_micros)
            .collect();
        let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
        let longest = quantile(&mut times, 1.0);
        println!(
            "| {what} | {} | {} | {} |",
            p50.as_micros(),
            p99.as_micros(),
            longest.as_micros()
        );
    }
    shutdown.cancel();
    let ended = controller.ended().await;
    ensure!(
        ended.losses.is_empty(),
        "items were lost: {:?}",
        ended.losses
    );
    Ok(())
}

/// Two versions of each plugin: the same code under another content hash.
struct Versions(Vec<(&'static str, [Bytes; 2])>);

impl Versions {
    fn read() -> Result<Self> {
        let names = [
            "filter",
            "redaction",
            "probabilistic_sampler",
            "spanmetrics",
        ];
        let version = |wasm: &[u8], mark: u8| {
            // A custom section of one byte, named `v`.
            let mut wasm = wasm.to_vec();
            wasm.extend([0, 3, 1, b'v', mark]);
            Bytes::from(wasm)
        };
        let both = |name| {
            let wasm = std::fs::read(reference::plugin_folder().join(format!("{name}.wasm")))?;
            Ok((name, [version(&wasm, 1), version(&wasm, 2)]))
        };
        Ok(Versions(
            names.into_iter().map(both).collect::<Result<_>>()?,
        ))
    }

    async fn swap(&self, admin: &Admin, number: usize) -> Result<SwapReport> {
        let (name, versions) = &self.0[number % self.0.len()];
        let wasm = versions[number / self.0.len() % 2].clone();
        let options = SwapOptions {
            probation: Some(3),
            allow_more: false,
            save: false,
        };
        let swapped = admin.swap((*name).to_owned(), "bench.wasm".to_owned(), wasm, options);
        Ok(swapped.await?)
    }
}

struct Batch {
    took: Duration,
    met_swap: bool,
}

/// Connections that send batches at a pace.
struct Senders {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Result<Vec<Batch>>>>,
}

impl Senders {
    async fn start(address: SocketAddr, swapping: &Arc<AtomicU64>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for seed in 0..SENDERS {
            let bodies: Vec<Bytes> = (0..8)
                .map(|number| spans::encoded(1000, (seed * 8 + number) as u64))
                .collect();
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let (stop, swapping) = (Arc::clone(&stop), Arc::clone(swapping));
            tasks.push(tokio::spawn(async move {
                let mut batches = Vec::new();
                let mut ticks = tokio::time::interval(PACE);
                ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                for body in bodies.iter().cycle() {
                    ticks.tick().await;
                    if stop.load(SeqCst) {
                        break;
                    }
                    let request = http::Request::post("/v1/traces")
                        .header("host", "localhost")
                        .header("content-type", "application/x-protobuf")
                        .body(Full::new(body.clone()))?;
                    // Odd while a swap is under way.
                    let before = swapping.load(SeqCst);
                    let began = Instant::now();
                    let response = sender.send_request(request).await?;
                    ensure!(response.status() == 200, "{}", response.status());
                    response.into_body().collect().await?;
                    batches.push(Batch {
                        took: began.elapsed(),
                        met_swap: before % 2 == 1 || swapping.load(SeqCst) != before,
                    });
                }
                Ok(batches)
            }));
        }
        Ok(Senders { stop, tasks })
    }

    async fn end(self) -> Result<Vec<Batch>> {
        self.stop.store(true, SeqCst);
        let mut batches = Vec::new();
        for task in self.tasks {
            batches.extend(task.await??);
        }
        Ok(batches)
    }
}

fn quantile(times: &mut [Duration], q: f64) -> Duration {
    times.sort_unstable();
    let at = ((times.len() as f64 * q).ceil() as usize).clamp(1, times.len());
    times[at - 1]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
