//! How a run ends: by a signal, in good order; at once, if that takes too long or a second signal comes; and with a last
//! line that says what was not delivered.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::output::Failure;
use crate::console::Console;
use crate::losses::{Loss, Losses};
use crate::service::GRACE;
use spanmill_model::Signal;

/// What may hang in spite of the grace period has this much longer.
const BEYOND_GRACE: Duration = Duration::from_secs(5);
/// How long the last line may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Cancels `shutdown` at the first SIGTERM or SIGINT, and ends the process at the second, or when a shutdown takes too
/// long. In a thread of its own: whatever hangs elsewhere, this does not.
pub(super) fn watch(
    shutdown: CancellationToken,
    losses: Losses,
    stderr: Console,
) -> Result<Ending, Failure> {
    let ending = Ending::default();
    let said = ending.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = shutdown.cancelled() => {}
            }
            tracing::info!(
                "shutting down: no more requests are taken, those under way are finished; a second signal ends it at once"
            );
            shutdown.cancel();
            let why = tokio::select! {
                _ = terminate.recv() => "a second signal came",
                _ = interrupt.recv() => "a second signal came",
                () = tokio::time::sleep(GRACE.saturating_add(BEYOND_GRACE)) => {
                    "the time to shut down is over"
                }
            };
            end_at_once(why, &said, &losses, stderr)
        })
    })?;
    Ok(ending)
}

/// What the run has come to, once that is known: what is left to be cleaned up then changes nothing of it.
#[derive(Clone, Default)]
pub(super) struct Ending(Arc<OnceLock<Result<(), String>>>);

/// Ends the process with what is known of losses.
fn end_at_once(why: &str, ending: &Ending, losses: &Losses, mut stderr: Console) -> ! {
    let (line, code) = match ending.0.get() {
        Some(Ok(())) => (String::new(), 0),
        Some(Err(line)) => (format!("{line}\n"), 1),
        None => {
            let losses = losses.report_of_all();
            let held = match losses.is_empty() {
                true => "nothing was held".to_owned(),
                false => not_delivered(&losses),
            };
            (format!("error: ended at once: {why}; {held}\n"), 1)
        }
    };
    // Nothing can be done about a closed stderr.
    let _ = stderr.write_all(line.as_bytes());
    stderr.flush_within(LAST_WORDS);
    std::process::exit(code)
}

impl Ending {
    /// The last line. What was lost is an error, what the manifest wants to be dropped is not.
    pub(super) fn report(&self, losses: &[Loss]) -> Result<(), Failure> {
        let said = match losses.iter().any(|loss| !loss.reason.is_asked_for()) {
            true => Err(format!("error: ended; {}", not_delivered(losses))),
            false => Ok(()),
        };
        let said = self.0.get_or_init(|| said);
        match (said, losses) {
            (Err(line), _) => return Err(Failure(line.clone())),
            (Ok(()), []) => tracing::info!("ended; everything that was accepted was delivered"),
            (Ok(()), dropped) => tracing::info!("ended; {}", not_delivered(dropped)),
        }
        Ok(())
    }
}

/// What was accepted and not delivered, in a line.
fn not_delivered(losses: &[Loss]) -> String {
    let total = |signal: Signal| -> u64 {
        let items = losses.iter().filter(|loss| loss.signal == signal);
        items.fold(0, |total, loss| total.saturating_add(loss.items))
    };
    let totals: Vec<String> = Signal::ALL
        .into_iter()
        .filter(|signal| total(*signal) > 0)
        .map(|signal| format!("{} {}", total(signal), signal.items()))
        .collect();
    let each: Vec<String> = losses.iter().map(Loss::to_string).collect();
    format!(
        "{} were accepted and not delivered: {}",
        totals.join(", "),
        each.join("; ")
    )
}
