//! Other programs that tests run beside the binary: they are started, followed by their log, and killed at the end.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::collector::follow;
use crate::command::{Output, binary, output, prepared};
use crate::within;

/// Where `make clients` puts programs.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools");

/// Runs a program of a Debian package to its end, in a folder.
///
/// # Panics
///
/// If `make clients` has not put it there.
pub async fn tool(package: &str, name: &str, folder: &Path, arguments: &[&str]) -> Output {
    let path: PathBuf = Path::new(TOOLS).join(package).join("usr/bin").join(name);
    let mut command = Command::new(path);
    command.args(arguments).current_dir(folder);
    output(command).await
}

/// A running program, with a folder of its own.
pub struct Program {
    child: Child,
    /// Deleted with it.
    _folder: TempDir,
    log: watch::Receiver<Vec<String>>,
    /// What it wrote to stdout, where that is followed.
    stdout: Option<watch::Receiver<Vec<String>>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Starts a program of a Debian package.
    ///
    /// # Panics
    ///
    /// If `make clients` has not put it there.
    pub fn start(folder: TempDir, package: &str, name: &str, arguments: &[&str]) -> Self {
        let path: PathBuf = Path::new(TOOLS).join(package).join("usr/bin").join(name);
        let mut child = Command::new(&path)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; see `make clients`", path.display()));
        let log = follow(
            child.stderr.take().unwrap(),
            &Arc::new(AtomicBool::new(true)),
        );
        Program {
            child,
            _folder: folder,
            log,
            stdout: None,
        }
    }

    /// Starts the binary under test as another command than `run`.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn spanmill(folder: TempDir, arguments: &[&str]) -> Self {
        let mut child = prepared(binary())
            .args(arguments)
            .current_dir(folder.path())
            .env_remove("SPANMILL_ADMIN")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary; `make build` makes it");
        let reading = Arc::new(AtomicBool::new(true));
        Program {
            log: follow(child.stderr.take().unwrap(), &reading),
            stdout: Some(follow(child.stdout.take().unwrap(), &reading)),
            child,
            _folder: folder,
        }
    }

    /// Waits for a line on stdout with all of these in it.
    pub async fn said(&self, texts: &[&str]) -> String {
        let stdout = self.stdout.as_ref().expect("stdout is followed");
        Self::line(stdout, texts).await
    }

    /// Interrupts it, as Ctrl-C does, and waits for its end. Returns its exit code, or `None` if a signal ended it.
    pub async fn interrupt(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
        let mut log = self.log.clone();
        // Its output ends with it, and with what it has started.
        within("the end of its output", async {
            while log.changed().await.is_ok() {}
        })
        .await;
        self.child.wait().unwrap().code()
    }

    /// Waits for a log line with all of these in it.
    pub async fn logged(&self, texts: &[&str]) -> String {
        Self::line(&self.log, texts).await
    }

    async fn line(of: &watch::Receiver<Vec<String>>, texts: &[&str]) -> String {
        let mut log = of.clone();
        let found = |log: &Vec<String>| {
            let mut lines = log.iter();
            let line = lines.find(|line| texts.iter().all(|text| line.contains(text)));
            line.cloned()
        };
        within(&format!("{texts:?} in the log"), async {
            match log.wait_for(|log| found(log).is_some()).await {
                Ok(log) => found(&log).unwrap(),
                Err(_) => panic!("ended without {texts:?}:\n{}", of.borrow().join("\n")),
            }
        })
        .await
    }
}
