//! What the benches share: telemetry with real entropy, CPU time, and medians of alternating runs.

pub mod compare;
pub mod counts;
pub mod native;
pub mod reference;
pub mod saturate;
pub mod signals;
pub mod spans;
pub mod values;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time that this thread has used.
pub fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// One contestant: a name, and what it does once.
pub struct Contestant<'a> {
    /// What it is called in the table.
    pub name: String,
    /// One run over one batch.
    pub run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contestant<'a> {
    /// A contestant.
    pub fn new(name: impl Into<String>, run: impl FnMut() + 'a) -> Self {
        Contestant {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// Runs the contestants in turn, `rounds` times, each for about `slice` of CPU time a turn.
/// Gives each one's median time a run. A turn that is slow for one is slow for its neighbours as well.
pub fn race(contestants: &mut [Contestant<'_>], rounds: usize, slice: Duration) -> Vec<Duration> {
    let repeats: Vec<u32> = contestants
        .iter_mut()
        .map(|contestant| {
            // Warm, then find how many runs fill a slice.
            (contestant.run)();
            let begun = cpu_time();
            let mut runs = 0u32;
            while cpu_time() - begun < slice / 4 {
                (contestant.run)();
                runs += 1;
            }
            (runs * 4).max(1)
        })
        .collect();
    let mut times = vec![Vec::with_capacity(rounds); contestants.len()];
    for _ in 0..rounds {
        for ((contestant, repeats), times) in contestants.iter_mut().zip(&repeats).zip(&mut times) {
            let begun = cpu_time();
            for _ in 0..*repeats {
                (contestant.run)();
            }
            times.push((cpu_time() - begun) / *repeats);
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort();
            times[times.len() / 2]
        })
        .collect()
}

/// The machine, as far as it says.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    format!(
        "{}, {cores} cores",
        model.trim_start_matches(['\t', ' ', ':'])
    )
}
