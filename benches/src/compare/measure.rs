//! CPU time and memory of other processes, and contestants that take turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use spanmill_otlp::Signal;

use super::batches::Batches;
use super::contestants::Contestant;

/// What the kernel's ticks count: 100 a second on every Linux that matters.
const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process, by its threads and as a whole.
pub struct CpuTime {
    threads: Vec<(String, u64)>,
    ticks: u32,
}

impl CpuTime {
    pub fn of(pid: u32) -> Result<Self> {
        let mut threads = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?;
            // It may have ended since.
            let Ok(times) = std::fs::read_to_string(task.path().join("schedstat")) else {
                continue;
            };
            let on_cpu = times.split(' ').next().and_then(|ns| ns.parse().ok());
            let name = task.file_name().to_string_lossy().into_owned();
            threads.push((name, on_cpu.context("schedstat")?));
        }
        let ticks = ticks_of(&format!("/proc/{pid}/stat"), 11..13)?;
        Ok(CpuTime { threads, ticks })
    }

    /// From then till now. Threads know nanoseconds; the process as a whole knows of threads that have ended.
    pub fn until(&self, now: &CpuTime) -> Duration {
        let mut ns = 0;
        for (thread, time) in &now.threads {
            let before = self.threads.iter().find(|(name, _)| name == thread);
            ns += time.saturating_sub(before.map_or(0, |(_, time)| *time));
        }
        let fine = Duration::from_nanos(ns);
        let coarse = TICK * (now.ticks - self.ticks);
        // Two readings, each up to a tick early, of user and system time.
        match coarse.saturating_sub(fine) > TICK * 4 {
            true => coarse,
            false => fine,
        }
    }
}

/// The sum of some fields of a `stat` file, counted from after the name in brackets.
fn ticks_of(path: &str, fields: std::ops::Range<usize>) -> Result<u32> {
    let stat = std::fs::read_to_string(path)?;
    let (_, after) = stat.rsplit_once(") ").context("stat")?;
    let fields = after.split(' ').skip(fields.start).take(fields.len());
    Ok(fields.filter_map(|ticks| ticks.parse::<u32>().ok()).sum())
}

/// The most memory a process has had, in MiB.
pub fn peak_rss(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next());
    Ok(kib.context("VmHWM")?.parse::<f64>()? / 1024.0)
}

/// What the machine did for others.
pub struct Machine {
    began: Instant,
    busy: u64,
    stolen: u64,
    ours: u32,
}

impl Machine {
    pub fn now() -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("/proc/stat")?;
        let ticks: Vec<u64> = line.split(' ').filter_map(|n| n.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal
        let [user, nice, system, _, _, irq, soft, stolen, ..] = ticks[..] else {
            anyhow::bail!("/proc/stat: {line}");
        };
        Ok(Machine {
            began: Instant::now(),
            busy: user + nice + system + irq + soft,
            stolen,
            // With children that have ended: the contestants.
            ours: ticks_of("/proc/self/stat", 11..15)?,
        })
    }

    /// Cores that other processes kept busy since, and that the host of the virtual machine kept.
    pub fn others(&self) -> Result<(f64, f64)> {
        let now = Machine::now()?;
        let wall = self.began.elapsed().as_secs_f64() / TICK.as_secs_f64();
        let ours = u64::from(now.ours - self.ours);
        let others = (now.busy - self.busy).saturating_sub(ours);
        let stolen = now.stolen - self.stolen;
        Ok((others as f64 / wall, stolen as f64 / wall))
    }
}

/// A contestant at its batches: what survives of each is known.
pub struct Runner {
    pub contestant: Contestant,
    pub survivors: Vec<u64>,
    signal: Signal,
    expected: u64,
    /// CPU us an item, a figure a round.
    pub cpu: Vec<f64>,
    /// Items a second, a figure a round.
    pub rate: Vec<f64>,
    pub latency: Vec<Duration>,
    /// CPU us an item at a fixed rate, a figure a round, and how long the answers took.
    pub fixed_cpu: Vec<f64>,
    pub fixed_latency: Vec<Duration>,
    pub peak_rss: f64,
}

impl Runner {
    /// Sends every batch once, which warms, and shows how much of each arrives.
    pub async fn new(contestant: Contestant, batches: &Batches) -> Result<Self> {
        let signal = batches.shape.signal;
        let mut survivors = Vec::new();
        for batch in &batches.encoded {
            let before = contestant.sink.items(signal);
            let sent = contestant.load.send(batch.clone()).await;
            sent.with_context(|| contestant.log())?;
            // The sender is answered once the sink has been.
            survivors.push(contestant.sink.items(signal) - before);
        }
        Ok(Runner {
            signal,
            expected: survivors.iter().sum(),
            contestant,
            survivors,
            cpu: Vec::new(),
            rate: Vec::new(),
            latency: Vec::new(),
            fixed_cpu: Vec::new(),
            fixed_latency: Vec::new(),
            peak_rss: 0.0,
        })
    }

    /// Those of the first batches sent must be there, and nothing else.
    async fn arrived(&mut self, sent: usize) -> Result<()> {
        let all: u64 = self.survivors.iter().sum();
        let (rounds, rest) = (sent / self.survivors.len(), sent % self.survivors.len());
        self.expected += all * rounds as u64 + self.survivors[..rest].iter().sum::<u64>();
        let arrived = self
            .contestant
            .sink
            .expect(self.signal, self.expected)
            .await;
        arrived.with_context(|| self.contestant.log())
    }

    /// A turn in the closed loop.
    pub async fn saturate(
        &mut self,
        batches: &Arc<Batches>,
        slice: Duration,
        streams: usize,
        counts: bool,
    ) -> Result<()> {
        let before = CpuTime::of(self.contestant.pid())?;
        let began = Instant::now();
        let load = &self.contestant.load;
        let sent = load.saturate(batches, slice, streams).await;
        let sent = sent.with_context(|| self.contestant.log())?;
        let took = began.elapsed();
        self.arrived(sent).await?;
        let used = before.until(&CpuTime::of(self.contestant.pid())?);
        ensure!(sent > 0, "nothing was sent");
        let items = (sent * batches.shape.items) as f64;
        if counts {
            self.cpu.push(used.as_secs_f64() * 1e6 / items);
            self.rate.push(items / took.as_secs_f64());
        }
        self.peak_rss = peak_rss(self.contestant.pid())?;
        Ok(())
    }

    /// A turn at half of what it can do.
    pub async fn half_load(&mut self, batches: &Arc<Batches>, slice: Duration) -> Result<()> {
        let batches_a_second = median(&self.rate) / 2.0 / batches.shape.items as f64;
        let interval = Duration::from_secs_f64(1.0 / batches_a_second);
        let times = self.contestant.load.paced(batches, interval, slice).await;
        let times = times.with_context(|| self.contestant.log())?;
        self.arrived(times.len()).await?;
        self.latency.extend(times);
        self.peak_rss = peak_rss(self.contestant.pid())?;
        Ok(())
    }

    /// A turn with so many requests a second.
    pub async fn fixed_rate(
        &mut self,
        batches: &Arc<Batches>,
        requests: u32,
        slice: Duration,
    ) -> Result<()> {
        let before = CpuTime::of(self.contestant.pid())?;
        let interval = Duration::from_secs(1) / requests;
        let times = self.contestant.load.paced(batches, interval, slice).await;
        let times = times.with_context(|| self.contestant.log())?;
        self.arrived(times.len()).await?;
        let used = before.until(&CpuTime::of(self.contestant.pid())?);
        let items = (times.len() * batches.shape.items) as f64;
        self.fixed_cpu.push(used.as_secs_f64() * 1e6 / items);
        self.fixed_latency.extend(times);
        Ok(())
    }
}

/// The one in the middle; of none, not a number.
pub fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// In milliseconds; of none, not a number.
pub fn quantile(times: &[Duration], q: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len() as f64 * q).ceil() as usize;
    let time = times.get(at.saturating_sub(1));
    time.map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}
