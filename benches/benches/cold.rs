//! What a small batch costs in the chain while it is warm, after the thread has slept, and with nothing left in the caches: how far the
//! figures of batches one after the other hold for requests that come now and then.

use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use spanmill::bench::{Chain, Origin};
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::{cpu_time, machine, signals};
use spanmill_otlp::{Batch, Signal};
use spanmill_runtime::{Runtime, RuntimeConfig, Tries};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SPANS: usize = 10;
const BATCHES: u64 = 64;
const TIMES: usize = 400;
/// Between two requests of 2,000 a second.
const PAUSE: Duration = Duration::from_micros(400);
/// More than the caches of a core hold, and less than all cores share.
const OWN_CACHES: usize = 8 << 20;

/// What happens between two batches.
#[derive(Clone, Copy)]
enum Between {
    Nothing,
    Sleep,
    OtherWork,
}

impl Between {
    fn pass(self, memory: &mut [u64]) {
        match self {
            Between::Nothing => {}
            Between::Sleep => std::thread::sleep(PAUSE),
            // A line of each.
            Between::OtherWork => memory.iter_mut().step_by(8).for_each(|word| *word += 1),
        }
        black_box(memory);
    }
}

/// CPU us a batch, the median.
fn median(mut run: impl FnMut(Batch), between: Between, memory: &mut [u64]) -> f64 {
    let batches: Vec<_> = (0..BATCHES)
        .map(|seed| signals::encoded(Signal::Traces, SPANS, seed))
        .collect();
    let mut times: Vec<Duration> = batches
        .iter()
        .cycle()
        .take(TIMES)
        .map(|bytes| {
            between.pass(memory);
            let begun = cpu_time();
            run(Batch::parse(Signal::Traces, bytes.clone()).expect("own batch"));
            cpu_time() - begun
        })
        .collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn through(chain: &mut Chain, batch: &Batch) {
    let output = chain
        .run(batch, 1, Tries::Again, Origin::Sender, &())
        .expect("chain runs");
    for measured in output.measured {
        measured.commit();
    }
    black_box(output.spliced.items);
}

fn main() -> Result<()> {
    let runtime = Runtime::new(RuntimeConfig::default())?;
    let all = reference::stages(Patterns::Literal);
    let mut memory = vec![0; OWN_CACHES / size_of::<u64>()];
    println!("cold: CPU us a batch of {SPANS} spans; {}", machine());
    println!("| stages | one after the other | after a pause | after other work |");
    println!("|---|---|---|---|");
    for count in 0..=all.len() {
        let stages = &all[..count];
        let mut chain = reference::sandboxed(&runtime, stages)?;
        let mut taken = [Between::Nothing, Between::Sleep, Between::OtherWork].map(|between| {
            let run = |batch| through(&mut chain, &batch);
            median(run, between, &mut memory)
        });
        let names: Vec<&str> = stages.iter().map(|(name, _)| *name).collect();
        let names = match names.is_empty() {
            true => "none: checked and indexed".to_owned(),
            false => names.join(", "),
        };
        let [warm, paused, cold] = &mut taken;
        println!("| {names} | {warm:.1} | {paused:.1} | {cold:.1} |");
    }
    Ok(())
}
