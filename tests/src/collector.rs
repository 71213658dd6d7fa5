//! The real binary under a manifest of the test's.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::{Mutex, watch};

use crate::command::{binary, prepared};
use crate::{DEADLINE, within};

/// A running `spanmill run`; killed when dropped.
pub struct Spanmill {
    child: Arc<Mutex<Child>>,
    pid: Pid,
    folder: TempDir,
    addresses: BTreeMap<String, SocketAddr>,
    log: watch::Receiver<Vec<String>>,
    stdout: watch::Receiver<Vec<String>>,
    reading: Arc<AtomicBool>,
}

/// What is left of a process that ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its log, a JSON object a line.
    pub log: Vec<String>,
    /// What it wrote to stdout.
    pub stdout: Vec<String>,
}

impl Drop for Spanmill {
    fn drop(&mut self) {
        if let Ok(mut child) = self.child.try_lock() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        } else {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}

impl Spanmill {
    /// Runs a manifest, and waits until it is ready.
    pub async fn start(manifest: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), Some(manifest), &[]).await
    }

    /// Runs a manifest in a folder that has files of the test's in it already.
    pub async fn start_in(folder: TempDir, manifest: Option<&str>, arguments: &[&str]) -> Self {
        Self::start_with(folder, manifest, arguments, &[]).await
    }

    /// As [`Spanmill::start_in`], with other settings in its environment; an empty one counts as not set.
    pub async fn start_with(
        folder: TempDir,
        manifest: Option<&str>,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = prepared(binary());
        command.envs(environment.iter().copied());
        Self::spawn(command, folder, manifest, arguments).await
    }

    /// Runs another executable, with its own manifest, by a command that is its path, or ends with it.
    pub async fn start_program(
        command: &[&str],
        folder: TempDir,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let [program, rest @ ..] = command else {
            panic!("no program");
        };
        let mut command = prepared(program);
        command.args(rest).envs(environment.iter().copied());
        Self::spawn(command, folder, None, arguments).await
    }

    /// Runs a manifest by way of another program, which is given the binary and its arguments.
    pub(crate) async fn launch(folder: TempDir, manifest: &str, launcher: &[&str]) -> Self {
        let command = match launcher {
            [] => prepared(binary()),
            [program, arguments @ ..] => {
                let mut command = prepared(program);
                command.args(arguments).arg(binary());
                command
            }
        };
        Self::spawn(command, folder, Some(manifest), &[]).await
    }

    async fn spawn(
        mut command: Command,
        folder: TempDir,
        manifest: Option<&str>,
        arguments: &[&str],
    ) -> Self {
        command.args(["run", "--log-format", "json"]);
        if let Some(manifest) = manifest {
            let path = folder.path().join("manifest.yaml");
            std::fs::write(&path, manifest).unwrap();
            command.arg("--config").arg(path);
        }
        command.args(arguments).current_dir(folder.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary; `make build` makes it");
        let reading = Arc::new(AtomicBool::new(true));
        let log = follow(child.stderr.take().unwrap(), &reading);
        let stdout = follow(child.stdout.take().unwrap(), &reading);
        let pid = Pid::from_child(&child);
        let mut spanmill = Spanmill {
            child: Arc::new(Mutex::new(child)),
            pid,
            folder,
            addresses: BTreeMap::new(),
            log,
            stdout,
            reading,
        };
        spanmill.logged("spanmill is ready").await;
        spanmill.addresses = spanmill
            .log()
            .iter()
            .filter_map(|line| address(line))
            .collect();
        spanmill
    }

    /// From now on nobody reads what it writes to its standard output and error.
    pub fn stop_reading(&self) {
        self.reading.store(false, Relaxed);
    }

    /// Waits for the end, and gives the exit code; `None` if a signal ended it.
    pub async fn exit_code(&self) -> Option<i32> {
        let child = Arc::clone(&self.child);
        let waiting = tokio::task::spawn_blocking(move || child.blocking_lock().wait());
        within("the end of the process", waiting)
            .await
            .unwrap()
            .unwrap()
            .code()
    }

    /// What is listened on: `receiver otlp grpc`, `exporter prometheus http`.
    pub fn address(&self, of: &str) -> SocketAddr {
        let found = self.addresses.get(of).copied();
        found.unwrap_or_else(|| panic!("no `{of}` in {:?}", self.addresses))
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.pid.as_raw_pid().unsigned_abs()
    }

    /// The most memory that it has had, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// The folder of the manifest, for files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the manifest's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// The log so far.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Waits for a log line with a text in it, and gives it.
    pub async fn logged(&self, text: &str) -> String {
        let mut log = self.log.clone();
        let found = |log: &Vec<String>| log.iter().rfind(|line| line.contains(text)).cloned();
        within(&format!("`{text}` in the log"), async {
            match log.wait_for(|log| found(log).is_some()).await {
                Ok(log) => found(&log).unwrap(),
                Err(_) => panic!("ended without `{text}`:\n{}", self.log().join("\n")),
            }
        })
        .await
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        kill_process(self.pid, Signal::HUP).unwrap();
    }

    /// Puts other text in the place of the manifest, at once.
    pub fn edit(&self, manifest: &str) {
        let draft = self.file("manifest.yaml.new");
        std::fs::write(&draft, manifest).unwrap();
        std::fs::rename(draft, self.file("manifest.yaml")).unwrap();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        kill_process(self.pid, Signal::TERM).unwrap();
    }

    /// Waits for the end.
    pub async fn ended(self) -> Ended {
        let child = Arc::clone(&self.child);
        let waiting = tokio::task::spawn_blocking(move || child.blocking_lock().wait());
        let Ok(status) = tokio::time::timeout(DEADLINE, waiting).await else {
            let _ = kill_process(self.pid, Signal::KILL);
            panic!("did not end:\n{}", self.log().join("\n"));
        };
        // Both end with the process, and then everything in them has been read.
        let mut streams = [self.log.clone(), self.stdout.clone()];
        for stream in &mut streams {
            within("the end of the output", async {
                while stream.changed().await.is_ok() {}
            })
            .await;
        }
        Ended {
            code: status.unwrap().unwrap().code(),
            log: self.log(),
            stdout: self.stdout.borrow().clone(),
        }
    }

    /// Sends SIGTERM, and waits for an end without loss.
    pub async fn stop(self) -> Ended {
        self.terminate();
        let ended = self.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
        ended
    }
}

/// Reads lines in a thread of its own; the channel closes at the end.
pub(crate) fn follow(
    stream: impl std::io::Read + Send + 'static,
    reading: &Arc<AtomicBool>,
) -> watch::Receiver<Vec<String>> {
    let (lines, receiver) = watch::channel(Vec::new());
    let reading = Arc::clone(reading);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            while !reading.load(Relaxed) {
                // With the stream open, as a stopped terminal has it.
                std::thread::park();
            }
            lines.send_modify(|lines| lines.push(line));
        }
    });
    receiver
}

/// Reads `receiver otlp grpc 127.0.0.1:4317` of a log line.
fn address(line: &str) -> Option<(String, SocketAddr)> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let (name, address) = line.get("message")?.as_str()?.rsplit_once(' ')?;
    let known = [
        "receiver ",
        "exporter ",
        "extension ",
        "telemetry ",
        "admin ",
    ]
    .iter()
    .any(|role| name.starts_with(role));
    Some((name.to_owned(), address.parse().ok()?)).filter(|_| known)
}
