//! Commands that end by themselves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::DEADLINE;

/// How a command ended.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The binary under test.
pub fn binary() -> PathBuf {
    let set = std::env::var_os("SPANMILL_BINARY").map(PathBuf::from);
    set.unwrap_or_else(|| root().join("target/release/spanmill"))
}

/// A command that shares compiled plugins with the other tests, and nothing with its user.
pub(crate) fn prepared(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env("SPANMILL_CACHE", root().join("target/tmp/plugin-cache"))
        // Plugins of some languages carry their runtime along, and take tens of megabytes.
        .env("SPANMILL_CACHE_MIB", "2048")
        .env("XDG_RUNTIME_DIR", runtime_folder())
        // Many of them run at once.
        .env("SPANMILL_ADMIN", "127.0.0.1:0")
        .env_remove("SPANMILL_ADMIN_TOKEN")
        .env_remove("SPANMILL_PLUGINS")
        .env("NO_COLOR", "1");
    command
}

/// Where services leave the tokens of their addresses.
fn runtime_folder() -> PathBuf {
    let folder = root().join("target/tmp/run");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The token that a service has left for its user's commands.
///
/// # Panics
///
/// If it has not.
pub fn admin_token(address: SocketAddr) -> String {
    let name = format!("spanmill/admin-{}.token", address.port());
    std::fs::read_to_string(runtime_folder().join(name)).unwrap()
}

/// As [`spanmill`], with other settings in its environment; an empty one counts as not set.
pub async fn spanmill_with(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    let mut command = prepared(binary());
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder);
    output(command).await
}

/// Runs `spanmill` to its end, in a folder.
pub async fn spanmill(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = prepared(binary());
    command.args(arguments).current_dir(folder);
    output(command).await
}

/// Runs any executable to its end, in a folder, with the environment of the binary under test and more.
pub async fn run_program(
    program: &Path,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    let mut command = prepared(program);
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder);
    output(command).await
}

/// Runs a command to its end, which must come before the deadline.
pub(crate) async fn output(mut command: Command) -> Output {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let what = format!("{command:?}");
    let child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let pid = rustix::process::Pid::from_child(&child);
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
    let Ok(output) = tokio::time::timeout(DEADLINE, waiting).await else {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("did not end: {what}");
    };
    let output = output.unwrap().unwrap();
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
