//! The process that speaks to servers, from the outside: started, asked, waited for, and killed when it is time. What servers
//! send is held whole by the libraries that read it; here it meets a limit that takes nothing else down.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spanmill_distribution::{FetchRequest, Fetched};

/// The command that fetches.
const COMMAND: &str = "fetch-plugin";

/// The longest that a plugin may take to come.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often one that takes long is logged.
const PROGRESS: Duration = Duration::from_secs(5);
/// Of what the process says on stderr, this much is read.
const MAX_WORDS: u64 = 16 * 1024;

/// At most one process at a time.
#[derive(Debug)]
pub(super) struct FetchProcess {
    program: PathBuf,
    turn: Mutex<()>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    is_stopped: bool,
    child: Option<Child>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FetchProcess {
    pub(super) fn new(program: PathBuf) -> Self {
        FetchProcess {
            program,
            turn: Mutex::default(),
            now: Mutex::default(),
        }
    }

    /// Kills what runs; nothing runs any more.
    pub(super) fn stop(&self) {
        let mut now = lock(&self.now);
        now.is_stopped = true;
        kill(&mut now);
    }

    /// Fetches a plugin, or says why not.
    pub(super) fn run(&self, request: &FetchRequest) -> Result<Fetched, String> {
        let asked = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        let _turn = lock(&self.turn);
        let (stdin, stdout, stderr) = {
            let mut now = lock(&self.now);
            if now.is_stopped {
                return Err("the service is shutting down".to_owned());
            }
            let mut child = self
                .start()
                .map_err(|error| format!("the process that fetches cannot start: {error}"))?;
            let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
            now.child = Some(child);
            pipes
        };
        let began = Instant::now();
        let (fetched, words, in_time) = std::thread::scope(|scope| {
            let (done, ended) = channel();
            if let Some(mut stdin) = stdin {
                // It is shorter than a pipe is; why a process ended that reads nothing is told below.
                let _ = stdin.write_all(&asked);
            }
            let words = scope.spawn(move || {
                let mut words = Vec::new();
                if let Some(stderr) = stderr {
                    // What was read until an error is what there is.
                    let _ = stderr.take(MAX_WORDS).read_to_end(&mut words);
                }
                words
            });
            let fetched = scope.spawn(move || {
                let fetched = match stdout {
                    Some(stdout) => Fetched::read(stdout),
                    None => Err(io::ErrorKind::BrokenPipe.into()),
                };
                let _ = done.send(());
                fetched
            });
            let in_time = loop {
                let left = PATIENCE.saturating_sub(began.elapsed());
                match ended.recv_timeout(left.min(PROGRESS)) {
                    Err(RecvTimeoutError::Timeout) if left > PROGRESS => tracing::info!(
                        plugin = %request.location,
                        "still fetching, {:.0?} of {PATIENCE:.0?} that it may take",
                        began.elapsed()
                    ),
                    waited => break waited != Err(RecvTimeoutError::Timeout),
                }
            };
            if !in_time {
                kill(&mut lock(&self.now));
            }
            let fetched = fetched
                .join()
                .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
            (fetched, words.join().unwrap_or_default(), in_time)
        });
        let (status, is_stopped) = {
            let mut now = lock(&self.now);
            let status = now.child.take().map(|mut child| child.wait());
            (status, now.is_stopped)
        };
        let succeeded = matches!(&status, Some(Ok(status)) if status.success());
        match fetched {
            Ok(fetched) if succeeded => Ok(fetched),
            _ if is_stopped => Err("the service is shutting down".to_owned()),
            _ if !in_time => Err(format!("it did not come within {PATIENCE:.0?}")),
            _ => {
                let words = String::from_utf8_lossy(&words);
                let words = words.trim();
                let words = words.strip_prefix("error: ").unwrap_or(words);
                Err(match (words, status) {
                    ("", Some(Ok(status))) => {
                        format!("the process that fetches it ended without a result ({status})")
                    }
                    ("", _) => "the process that fetches it ended without a result".to_owned(),
                    // As Rust's allocator says it.
                    (words, _) if words.starts_with("memory allocation of") => {
                        "the server sends more than is read of it".to_owned()
                    }
                    (words, _) => words.to_owned(),
                })
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(COMMAND)
            // With all of our environment: logins are found by programs that read their own of it.
            // The allocator takes memory in small steps, which the limit counts.
            .env("MIMALLOC_ARENA_RESERVE", "65536")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

fn kill(now: &mut Now) {
    if let Some(child) = &mut now.child {
        // It may have ended by itself.
        let _ = child.kill();
    }
}
