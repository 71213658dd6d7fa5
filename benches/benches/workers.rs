//! Whether two workers take twice what one does: spans a second at saturation, fed by tasks through the intake, and
//! by one gRPC connection, and by trace, where each worker gets the traces of its shard; beside them bare threads with a
//! chain each, which is what the machine can give.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::uri::PathAndQuery;
use spanmill::bench::{
    Bounds, Chain, ComponentId, Exporters, Folders, Intake, Losses, Manifest, Received, Refusal,
    RequestIntake as _, Signal, Source, Spare, Topology, WorkerCount, parse,
};
use spanmill_benches::compare::endpoints::TRACES;
use spanmill_benches::compare::measure::{Machine, median};
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::saturate::{self, Turn};
use spanmill_benches::{machine, spans};
use spanmill_net::RawCodec;
use spanmill_runtime::{CacheConfig, Runtime, RuntimeConfig};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SPANS: usize = 1000;
const BATCHES: u64 = 32;
/// Requests under way.
const STREAMS: usize = 8;
const SLICE: Duration = Duration::from_millis(400);
const ROUNDS: usize = 9;
/// Cores that others may keep busy in a round that counts, and how long a row waits for such rounds.
const QUIET: f64 = 0.1;
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a look at the others takes.
const LOOK: Duration = Duration::from_millis(200);
const WINDOW: u32 = 8 << 20;

/// How batches come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fed {
    Bare,
    Intake,
    Connection,
    ByTrace,
}

/// One chain with a number of workers, three times.
struct Side {
    workers: usize,
    bare: Vec<Chain>,
    intake: Arc<Intake>,
    channel: Channel,
    _topology: Topology,
    /// The same behind a stage that asks for whole traces.
    by_trace: (Arc<Intake>, Topology),
}

fn main() -> Result<()> {
    // In threads of its own, so that its CPU time can be told from the service's.
    let sending = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("sender")
        .enable_all()
        .build()?;
    let serving = tokio::runtime::Builder::new_multi_thread()
        .thread_name("network")
        .enable_all()
        .build()?;
    let batches: Arc<[Bytes]> = (0..BATCHES)
        .map(|seed| spans::encoded(SPANS, seed))
        .collect();
    let cache = tempfile::tempdir()?;
    let folders = Folders {
        plugins: Some(reference::plugin_folder()),
        cache: Some(CacheConfig::new(cache.path().join("cache"))),
        ..Folders::default()
    };
    println!(
        "workers: batches of {SPANS} spans, {STREAMS} requests under way; {}",
        machine()
    );
    println!(
        "| chain | fed by | workers | spans/s | cores of workers | of the network | of the sender | worker us a span | two / one | us two / one |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for redactions in [1, 32] {
        let sides = [1, 2].map(|workers| {
            serving.block_on(Side::start(&folders, redactions, workers, sending.handle()))
        });
        let [one, two] = sides;
        let mut sides = [one?, two?];
        for fed in [Fed::Bare, Fed::Intake, Fed::Connection, Fed::ByTrace] {
            rounds(&mut sides, fed, redactions, &batches, &sending, &serving)?;
        }
    }
    Ok(())
}

fn rounds(
    sides: &mut [Side; 2],
    fed: Fed,
    redactions: usize,
    batches: &Arc<[Bytes]>,
    sending: &tokio::runtime::Runtime,
    serving: &tokio::runtime::Runtime,
) -> Result<()> {
    let turn = |side: &mut Side| match fed {
        Fed::Bare => saturate::bare(&mut side.bare, batches, SLICE),
        Fed::Intake => {
            let intake = Arc::clone(&side.intake);
            serving.block_on(saturate::tasks(batches, STREAMS, SLICE, move |batch| {
                let intake = Arc::clone(&intake);
                async move { Ok(accept(&intake, batch).await?) }
            }))
        }
        Fed::ByTrace => {
            let (intake, topology) = &side.by_trace;
            let intake = Arc::clone(intake);
            let sending = move |batch: Bytes| {
                let intake = Arc::clone(&intake);
                async move { patiently(&intake, batch).await }
            };
            // Senders are answered before their batches have been run: those count once they have.
            let settled = topology.settle(tokio::time::Instant::now() + PATIENCE);
            serving.block_on(saturate::settled(batches, STREAMS, SLICE, sending, settled))
        }
        Fed::Connection => {
            let channel = side.channel.clone();
            sending.block_on(saturate::tasks(batches, STREAMS, SLICE, move |batch| {
                send(channel.clone(), batch)
            }))
        }
    };
    // Every series is known after the first.
    for side in sides.iter_mut() {
        turn(side)?;
    }
    let (mut taken, mut others, mut loud) = (Vec::new(), Vec::new(), 0);
    let until = Instant::now() + PATIENCE;
    while taken.len() < ROUNDS {
        // Without a quiet moment in all that time, loud ones must do.
        let late = Instant::now() >= until;
        let pause = Machine::now()?;
        std::thread::sleep(LOOK);
        let (busy, stolen) = pause.others()?;
        if busy + stolen > QUIET && !late {
            continue;
        }
        let before = Machine::now()?;
        let pair = match taken.len() % 2 {
            0 => {
                let one = turn(&mut sides[0])?;
                [one, turn(&mut sides[1])?]
            }
            _ => {
                let two = turn(&mut sides[1])?;
                [turn(&mut sides[0])?, two]
            }
        };
        let (busy, stolen) = before.others()?;
        if busy + stolen > QUIET && !late {
            loud += 1;
            continue;
        }
        taken.push(pair);
        others.push(busy + stolen);
    }
    let chain = match redactions {
        1 => "reference".to_owned(),
        _ => format!("{redactions} redactions"),
    };
    let us = |turn: &Turn| turn.cores["workers"] / (turn.rate * SPANS as f64) * 1e6;
    let of = |figure: &dyn Fn(&[Turn; 2]) -> f64| -> f64 {
        median(&taken.iter().map(figure).collect::<Vec<_>>())
    };
    for (at, side) in sides.iter().enumerate() {
        let cores = |name: &'static str| of(&|pair| pair[at].cores[name]);
        let ratios = match at {
            0 => " | ".to_owned(),
            _ => format!(
                "**{:.2}** | {:.2}",
                of(&|pair| pair[1].rate / pair[0].rate),
                of(&|pair| us(&pair[1]) / us(&pair[0]))
            ),
        };
        println!(
            "| {chain} | {} | {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.3} | {ratios} |",
            match fed {
                Fed::Bare => "bare threads",
                Fed::Intake => "tasks",
                Fed::Connection => "one gRPC connection",
                Fed::ByTrace => "tasks, by trace",
            },
            side.workers,
            of(&|pair| pair[at].rate) * SPANS as f64,
            cores("workers"),
            cores("network"),
            cores("sender"),
            of(&|pair| us(&pair[at])),
        );
    }
    println!(
        "<!-- others kept {:.2} cores busy in these rounds; {loud} were too loud to count -->",
        median(&others)
    );
    Ok(())
}

impl Side {
    async fn start(
        folders: &Folders,
        redactions: usize,
        workers: usize,
        sending: &tokio::runtime::Handle,
    ) -> Result<Self> {
        let id = ComponentId::parse("otlp").map_err(anyhow::Error::msg)?;
        let intake = |topology: &Topology| topology.intake(&id).context("the receiver");
        let (_, by_trace) = start(folders, manifest(redactions, true), workers)?;
        let (manifest, topology) = start(folders, manifest(redactions, false), workers)?;
        let settings = manifest
            .receivers
            .get(&id)
            .context("the receiver's settings")?;
        let receiver = settings.bind(&id, &mut Spare::default()).await?;
        let addresses = receiver.addresses();
        let (_, address) = addresses.first().context("its address")?;
        tokio::spawn(receiver.serve(
            Arc::new(intake(&topology)?),
            CancellationToken::new(),
            Duration::ZERO,
        ));
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let channel = sending
            .spawn(async move { endpoint.connect().await })
            .await??;
        let cache = folders.cache.clone();
        let runtime = Runtime::new(RuntimeConfig {
            cache,
            ..RuntimeConfig::default()
        })?;
        let mut stages = reference::stages(Patterns::Regex);
        for _ in 1..redactions {
            stages.insert(1, stages[1].clone());
        }
        let bare = (0..workers).map(|_| reference::sandboxed(&runtime, &stages));
        Ok(Side {
            workers,
            bare: bare.collect::<Result<_>>()?,
            intake: Arc::new(intake(&topology)?),
            channel,
            _topology: topology,
            by_trace: (Arc::new(intake(&by_trace)?), by_trace),
        })
    }
}

/// Starts the pipelines of a manifest.
fn start(folders: &Folders, text: String, workers: usize) -> Result<(Manifest, Topology)> {
    let mut loader = folders.loader()?;
    let source = Source::new("the bench", text);
    let manifest = parse(source, ".".as_ref(), &|_| None)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?
        .manifest;
    let mut plugins = loader
        .load_all(&manifest)
        .map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let bounds = Bounds::of(&manifest.limits, Losses::default());
    let count = WorkerCount::new(Some(workers));
    let mut topology = Topology::start(count, bounds, None)?;
    let prepared = topology.prepare(&manifest, &mut plugins)?;
    topology.commit(&manifest, prepared, &Exporters::new(), 0)?;
    Ok((manifest, topology))
}

async fn accept(intake: &Intake, batch: Bytes) -> Result<(), Refusal> {
    let memory = intake.admit(Signal::Traces)?;
    let request = Received::new(Signal::Traces, batch, memory);
    intake.accept(request).await
}

/// Sends a batch again until there is room for it.
async fn patiently(intake: &Intake, batch: Bytes) -> Result<()> {
    loop {
        match accept(intake, batch.clone()).await {
            Err(refusal) if refusal.is_retryable() => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            other => return Ok(other?),
        }
    }
}

/// The reference pipeline, its redaction so many times, and before it a stage that asks for whole traces, or not. Spans go
/// nowhere but into spanmetrics.
fn manifest(redactions: usize, by_trace: bool) -> String {
    let names: Vec<String> = (0..redactions)
        .map(|number| format!("redaction/{number}"))
        .collect();
    let redaction: String = names
        .iter()
        .map(|name| {
            format!(
                r"
  {name}:
    allow_all_keys: true
    summary: silent
    blocked_values:
      - '[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{{2,}}'
      - '4[0-9]{{3}} [0-9]{{4}} [0-9]{{4}} [0-9]{{4}}'
      - 'eyJ[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+'"
            )
        })
        .collect();
    let first = match by_trace {
        true => "probe, ",
        false => "",
    };
    let probe = reference::plugin_folder().join("../bench/probe.wasm");
    let probe = probe.display();
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
plugins:
  probe: {{file: "{probe}"}}
processors:
  probe: {{reads: [], by_trace: true}}
  filter: {{traces: {{span: ['attributes["http.route"] == "/healthz"']}}}}{redaction}
  probabilistic_sampler: {{sampling_percentage: 50}}
connectors:
  spanmetrics: {{dimensions: [{{name: http.route}}]}}
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [{first}filter, {}, probabilistic_sampler]
      exporters: [spanmetrics]
    metrics: {{receivers: [spanmetrics], exporters: [debug]}}
"#,
        names.join(", ")
    )
}

async fn send(channel: Channel, batch: Bytes) -> Result<()> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let path = PathAndQuery::from_static(TRACES);
    let answer = grpc
        .unary(tonic::Request::new(batch), path, RawCodec)
        .await?;
    ensure!(answer.into_inner().len() <= 2, "partial success");
    Ok(())
}
