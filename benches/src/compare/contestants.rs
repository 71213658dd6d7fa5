//! The contestants: processes of their own between the load generator and a sink.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use spanmill_otlp::Signal;
use tempfile::TempDir;

use super::load::{Load, Wire};
use super::manifest::{Ends, Pipeline, manifest};
use super::sink::Sink;

/// What a contestant runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    NullProxy,
    Spanmill,
    /// The same with the plugins linked in: what it saves is the sandbox.
    Native,
    Collector,
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Program::NullProxy => "null proxy",
            Program::Spanmill => "Spanmill",
            Program::Native => "Spanmill, native plugins",
            Program::Collector => "Collector",
        })
    }
}

/// A program and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub program: Program,
    pub pipeline: Pipeline,
}

/// Where programs are, and what they share while they run.
pub struct Home {
    folder: TempDir,
    target: PathBuf,
}

impl Home {
    pub fn new() -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
            PathBuf::from,
        );
        Ok(Home {
            folder: tempfile::tempdir()?,
            target: std::fs::canonicalize(target)?,
        })
    }

    /// The binary of a program.
    pub fn binary(&self, program: Program) -> PathBuf {
        self.target.join(match program {
            Program::NullProxy => "release/null-proxy",
            Program::Spanmill => "release/spanmill",
            Program::Native => "release/spanmill-native",
            Program::Collector => "collector/otelcol",
        })
    }

    /// What a program says its version is.
    pub fn version(&self, program: Program) -> String {
        let said = Command::new(self.binary(program)).arg("--version").output();
        said.map_or_else(
            |error| error.to_string(),
            |said| {
                let said = String::from_utf8_lossy(&said.stdout);
                said.lines().next().unwrap_or_default().trim().to_owned()
            },
        )
    }
}

/// A running contestant; killed when dropped.
pub struct Contestant {
    pub entry: Entry,
    pub sink: Sink,
    pub load: Load,
    child: Running,
    log: PathBuf,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Contestant {
    /// Starts it, and waits until it takes connections. `keeps` is for its sink.
    pub async fn start(
        home: &Home,
        entry: Entry,
        signal: Signal,
        wire: Wire,
        flush: &str,
        keeps: bool,
    ) -> Result<Self> {
        let sink = Sink::start(keeps).await?;
        let listen = free()?;
        let folder = home.folder.path();
        let name = format!("{}", listen.port());
        let config = folder.join(format!("{name}.yaml"));
        let ends = Ends {
            listen,
            sink: sink.address,
            signal,
            wire,
            flush,
            probe: &home.target.join("release/bench/probe.wasm"),
        };
        std::fs::write(&config, manifest(entry.pipeline, &ends))?;
        let log = folder.join(format!("{name}.log"));
        let mut command = Command::new(home.binary(entry.program));
        match entry.program {
            Program::NullProxy => {
                command.args([listen.to_string(), sink.address.to_string()]);
            }
            Program::Spanmill | Program::Native => {
                command
                    .args(["run", "--admin", "off", "--no-watch", "--config"])
                    .arg(&config)
                    .env("SPANMILL_CACHE", folder.join("cache"));
            }
            Program::Collector => {
                command.arg("--config").arg(&config);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{}", home.binary(entry.program).display()))?;
        let mut child = Running(child);
        let began = Instant::now();
        while tokio::net::TcpStream::connect(listen).await.is_err() {
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = child.0.try_wait()? {
                bail!("{} ended with {status}:\n{}", entry.program, said());
            }
            let late = began.elapsed() > Duration::from_secs(60);
            ensure!(!late, "{} does not listen:\n{}", entry.program, said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Contestant {
            load: Load::connect(listen, signal, wire).await?,
            entry,
            sink,
            child,
            log,
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// What it logged, to be shown with what went wrong.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let from = log.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
        format!(
            "{} ({}):\n{}",
            self.entry.program,
            self.entry.pipeline,
            &log[from..]
        )
    }
}

/// An address that nobody listens on.
fn free() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
