//! Spanmill with five plugins before anything is sent: how long until it is ready to receive, and how much memory it
//! holds then; with nothing in the cache of compiled plugins, and with everything there.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use spanmill_benches::machine;

const MANIFEST: &str = r#"
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
processors:
  filter: {traces: {span: ['attributes["http.route"] == "/healthz"']}}
  redaction: {allow_all_keys: true, blocked_values: ["[a-z]+@[a-z]+"]}
  attributes: {actions: [{key: deployment.environment.name, value: bench, action: insert}]}
  probabilistic_sampler: {sampling_percentage: 50}
connectors: {spanmetrics: {}}
exporters: {otlp: {endpoint: "127.0.0.1:9", tls: {insecure: true}}}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [filter, redaction, attributes, probabilistic_sampler]
      exporters: [otlp, spanmetrics]
    metrics: {receivers: [spanmetrics], exporters: [otlp]}
"#;

/// What a start took.
struct Start {
    ready: Duration,
    rss_kib: u64,
    anonymous_kib: u64,
}

/// Ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Path) -> Result<Start> {
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/spanmill");
    let began = Instant::now();
    let child = Command::new(&binary)
        .args(["run", "--admin", "off", "--config"])
        .arg(folder.join("manifest.yaml"))
        .env("XDG_CACHE_HOME", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}: run `make build` first", binary.display()))?;
    let mut running = Running(child);
    let log = running.0.stderr.take().context("its log")?;
    let mut said = String::new();
    for line in BufReader::new(log).lines() {
        let line = line?;
        if line.contains("spanmill is ready") {
            let ready = began.elapsed();
            let status = std::fs::read_to_string(format!("/proc/{}/status", running.0.id()))?;
            return Ok(Start {
                ready,
                rss_kib: field(&status, "VmRSS:")?,
                anonymous_kib: field(&status, "RssAnon:")?,
            });
        }
        said.push_str(&line);
        said.push('\n');
    }
    bail!("it ended before it was ready:\n{said}")
}

fn field(status: &str, name: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.context("a line of /proc")?.parse()?)
}

fn median<T: Ord + Copy>(of: impl Iterator<Item = T>) -> Result<T> {
    let mut all: Vec<T> = of.collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().context("no starts")
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("manifest.yaml"), MANIFEST)?;
    println!("rest: five plugins, {}", machine());
    println!("| compiled plugins | ready ms | RSS MiB | of it anonymous |");
    println!("|---|---|---|---|");
    let cold = start(folder.path())?;
    let warm = (0..15)
        .map(|_| start(folder.path()))
        .collect::<Result<Vec<_>>>()?;
    let warm = Start {
        ready: median(warm.iter().map(|start| start.ready))?,
        rss_kib: median(warm.iter().map(|start| start.rss_kib))?,
        anonymous_kib: median(warm.iter().map(|start| start.anonymous_kib))?,
    };
    for (name, start) in [
        ("none, one start", cold),
        ("all, median of 15 starts", warm),
    ] {
        println!(
            "| {name} | {:.0} | {:.1} | {:.1} |",
            start.ready.as_secs_f64() * 1000.0,
            start.rss_kib as f64 / 1024.0,
            start.anonymous_kib as f64 / 1024.0
        );
    }
    Ok(())
}
