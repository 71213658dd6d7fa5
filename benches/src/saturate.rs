//! As many batches as are taken in a time, and the CPU time of the threads that take them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use spanmill::bench::{Chain, Origin};
use spanmill_otlp::{Batch, Signal};
use spanmill_runtime::Tries;
use tokio::task::JoinSet;

/// A turn.
pub struct Turn {
    /// Batches a second.
    pub rate: f64,
    /// Cores kept busy by `workers`, by `network` and by `sender`.
    pub cores: BTreeMap<&'static str, f64>,
}

/// So many tasks that send a batch each, then the next.
pub async fn tasks<F: Future<Output = Result<()>> + Send + 'static>(
    batches: &Arc<[Bytes]>,
    streams: usize,
    slice: Duration,
    send: impl Fn(Bytes) -> F + Clone + Send + 'static,
) -> Result<Turn> {
    settled(batches, streams, slice, send, std::future::ready(())).await
}

/// The same; the turn ends when `settled` does, after the last batch was sent.
pub async fn settled<F: Future<Output = Result<()>> + Send + 'static>(
    batches: &Arc<[Bytes]>,
    streams: usize,
    slice: Duration,
    send: impl Fn(Bytes) -> F + Clone + Send + 'static,
    settled: impl Future<Output = ()>,
) -> Result<Turn> {
    let taken = Arc::new(AtomicU64::new(0));
    let (before, began) = (cpu_times()?, Instant::now());
    let mut tasks = JoinSet::new();
    for stream in 0..streams {
        let (batches, taken, send) = (Arc::clone(batches), Arc::clone(&taken), send.clone());
        tasks.spawn(async move {
            for batch in batches.iter().cycle().skip(stream) {
                if began.elapsed() >= slice {
                    break;
                }
                send(batch.clone()).await?;
                taken.fetch_add(1, SeqCst);
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    settled.await;
    turn(taken.load(SeqCst), &before, began)
}

/// The same without queue, network or common totals: a chain a thread.
pub fn bare(chains: &mut [Chain], batches: &[Bytes], slice: Duration) -> Result<Turn> {
    let (before, began) = (cpu_times()?, Instant::now());
    let (taken, cores) = std::thread::scope(|scope| {
        let threads: Vec<_> = chains
            .iter_mut()
            .map(|chain| scope.spawn(move || on_a_thread(chain, batches, began, slice)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        let mut sum = (0, Duration::ZERO);
        for (taken, used) in joined.map(|thread| thread.expect("a chain")) {
            sum = (sum.0 + taken, sum.1 + used);
        }
        sum
    });
    let mut turn = turn(taken, &before, began)?;
    let busy = cores.as_secs_f64() / began.elapsed().as_secs_f64();
    turn.cores.insert("workers", busy);
    Ok(turn)
}

fn on_a_thread(
    chain: &mut Chain,
    batches: &[Bytes],
    began: Instant,
    slice: Duration,
) -> (u64, Duration) {
    let mut taken = 0;
    for batch in batches.iter().cycle() {
        if began.elapsed() >= slice {
            break;
        }
        let batch = Batch::parse(Signal::Traces, batch.clone()).expect("own batch");
        let output = chain
            .run(&batch, 1, Tries::Again, Origin::Sender, &())
            .expect("chain runs");
        for measured in output.measured {
            measured.commit();
        }
        taken += 1;
    }
    (taken, crate::cpu_time())
}

fn turn(batches: u64, before: &BTreeMap<&str, u64>, began: Instant) -> Result<Turn> {
    let wall = began.elapsed();
    let cores = cpu_times()?.into_iter().map(|(name, now)| {
        let used = now.saturating_sub(before[name]) as f64;
        (name, used / wall.as_nanos() as f64)
    });
    Ok(Turn {
        rate: batches as f64 / wall.as_secs_f64(),
        cores: cores.collect(),
    })
}

/// CPU time of this process's threads in ns, by what they do.
fn cpu_times() -> Result<BTreeMap<&'static str, u64>> {
    let mut times = BTreeMap::from([("workers", 0), ("network", 0), ("sender", 0)]);
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        let what = match name.trim() {
            "sender" => "sender",
            name if name.starts_with("worker-") => "workers",
            _ => "network",
        };
        let Ok(stat) = std::fs::read_to_string(path.join("schedstat")) else {
            continue;
        };
        let ns: u64 = stat.split(' ').next().context("schedstat")?.parse()?;
        *times.entry(what).or_default() += ns;
    }
    Ok(times)
}
