//! The compiler's process, from the outside: started, fed, waited for, and killed when it is time.

use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::compiler_config::CompilerConfig;
use crate::target::{CodeTarget, Machine};

/// The most code that is taken; the largest plugin comes to about a third of it.
const MAX_CODE: u64 = 512 * 1024 * 1024;
/// How often a compilation that goes on is logged.
const PROGRESS: Duration = Duration::from_secs(5);
/// Of what the compiler says on stderr, this much is read.
const MAX_WORDS: u64 = 16 * 1024;

/// How a compilation ended.
pub(super) enum Compiled {
    /// Well.
    Code(Vec<u8>),
    /// The compiler says what is wrong with the component.
    Refused(String),
    /// It ran out of memory.
    Memory,
    /// It ran out of time.
    Time,
    /// It ended in another way.
    Died(String),
    /// It was told to.
    Stopped,
    /// It never began.
    NotStarted(io::Error),
}

/// At most one process at a time.
#[derive(Default)]
pub(super) struct Process {
    turn: Mutex<()>,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    is_stopped: bool,
    child: Option<Child>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Process {
    /// Kills what runs; nothing runs any more.
    pub(super) fn stop(&self) {
        let mut now = lock(&self.now);
        now.is_stopped = true;
        if let Some(child) = &mut now.child {
            // It may have ended by itself.
            let _ = child.kill();
        }
    }

    pub(super) fn run(
        &self,
        program: &Path,
        config: &CompilerConfig,
        target: CodeTarget,
        name: &str,
        wasm: &[u8],
    ) -> Compiled {
        let _turn = lock(&self.turn);
        let began = Instant::now();
        let started = {
            let mut now = lock(&self.now);
            if now.is_stopped {
                return Compiled::Stopped;
            }
            start(program, config, target).map(|mut child| {
                let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
                now.child = Some(child);
                pipes
            })
        };
        let (mut stdin, stdout, stderr) = match started {
            Ok(pipes) => pipes,
            Err(error) => return Compiled::NotStarted(error),
        };
        let (code, words, in_time) = std::thread::scope(|scope| {
            let (done, ended) = channel();
            scope.spawn(move || {
                // A compiler that ended does not read on; why it ended is told below.
                if let Some(stdin) = &mut stdin {
                    let _ = stdin.write_all(wasm);
                }
                drop(stdin);
            });
            let words = scope.spawn(move || read(stderr, MAX_WORDS));
            let code = scope.spawn(move || {
                let code = read(stdout, MAX_CODE);
                let _ = done.send(());
                code
            });
            let in_time = loop {
                let left = config.timeout.saturating_sub(began.elapsed());
                let waited = ended.recv_timeout(left.min(PROGRESS));
                match waited {
                    Err(RecvTimeoutError::Timeout) if left > PROGRESS => {
                        let (so_far, most) = (began.elapsed(), config.timeout);
                        tracing::info!(
                            plugin = name,
                            "still compiling, {so_far:.0?} of {most:.0?} that it may take"
                        );
                    }
                    waited => break waited != Err(RecvTimeoutError::Timeout),
                }
            };
            // All that it has to say has been read, or its time is over.
            self.kill();
            (
                code.join().unwrap_or_default(),
                words.join().unwrap_or_default(),
                in_time,
            )
        });
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        self.ended(code, &words, in_time)
    }

    fn kill(&self) {
        let mut now = lock(&self.now);
        if let Some(child) = &mut now.child
            && !has_ended(child)
        {
            let _ = child.kill();
        }
    }

    fn ended(&self, code: Vec<u8>, words: &str, in_time: bool) -> Compiled {
        let (child, is_stopped) = {
            let mut now = lock(&self.now);
            (now.child.take(), now.is_stopped)
        };
        let status = child.map(|mut child| child.wait());
        match status {
            _ if is_stopped => Compiled::Stopped,
            _ if !in_time => Compiled::Time,
            Some(Ok(status)) if status.success() => Compiled::Code(code),
            Some(Ok(status)) => failed(status, words),
            Some(Err(error)) => Compiled::Died(format!("cannot be waited for: {error}")),
            None => Compiled::Stopped,
        }
    }
}

/// Waits a moment for a process that has closed its output to end.
fn has_ended(child: &mut Child) -> bool {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if began.elapsed() < Duration::from_secs(1) => {
                std::thread::sleep(Duration::from_millis(1))
            }
            Ok(status) => return status.is_some(),
            Err(_) => return false,
        }
    }
}

fn start(program: &Path, config: &CompilerConfig, target: CodeTarget) -> io::Result<Child> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = u64::try_from(threads).unwrap_or(1);
    // One more: the wall clock's limit is met first, and has the better message.
    let cpu = config
        .timeout
        .as_secs()
        .saturating_add(1)
        .saturating_mul(threads);
    let mut command = Command::new(program);
    command
        .arg(CompilerConfig::COMMAND)
        .arg(config.memory_mib.to_string())
        .arg(cpu.to_string())
        .arg(target.memory.name())
        .args(target.machine.map(Machine::name))
        // Nothing of ours, secrets least of all; and the allocator reserves address space in small steps.
        .env_clear()
        .env("MIMALLOC_ARENA_RESERVE", "65536")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if config.is_frugal {
        command
            .env("RAYON_NUM_THREADS", "1")
            .env("MIMALLOC_PURGE_DELAY", "0");
    }
    command.spawn()
}

fn read(from: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read until an error is what there is.
        let _ = from.take(most).read_to_end(&mut bytes);
    }
    bytes
}

fn failed(status: ExitStatus, words: &str) -> Compiled {
    // As Rust's allocator, the threads it cannot start, and `mmap` say it.
    let memory = [
        "memory allocation of",
        "Cannot allocate memory",
        "Resource temporarily unavailable",
    ];
    if memory.iter().any(|sign| words.contains(sign)) {
        return Compiled::Memory;
    }
    match status.code() {
        Some(1) if !words.is_empty() => {
            let words = words.strip_prefix("error: ").unwrap_or(words);
            Compiled::Refused(words.to_owned())
        }
        _ => Compiled::Died(format!("ended without a result ({status})")),
    }
}
