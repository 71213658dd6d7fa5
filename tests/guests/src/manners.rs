//! What an instance does with every batch, whatever is in it. Each answer keeps the contract, but for `always-broken`.

use std::hint::black_box;

use crate::answers;
use crate::bindings::spanmill::plugin::telemetry::{Batch, Context, Outcome};
use crate::crimes;
use crate::state::Instance;

/// How much `leak` keeps of each batch.
const LEAK: usize = 64 << 10;

/// About 50 ms: each turn waits for the one before it, some five cycles.
const SLOW_TURNS: u64 = 35_000_000;

pub(crate) fn answer(instance: &mut Instance, batch: &Batch, name: &str) -> Option<Outcome> {
    let rows = answers::spans(batch) as usize;
    match instance.settings.behaviour.as_str() {
        // Good contracts, and none of the crimes.
        "well" | "reads-more" | "by-trace" | "whole" => {}
        "trap-after-1000" if instance.served > 1000 => crimes::trap(),
        "trap-after-1000" => {}
        // Written to, since a page that is not touched costs nothing.
        "leak" => instance.hoard.push(black_box(vec![1u8; LEAK])),
        "slow" => turn(SLOW_TURNS),
        "drop-all" => return Some(answers::verdicts(Context::Span, vec![1; rows])),
        "drop-odd" => {
            let odd = (0..rows).map(|row| (row % 2) as u8).collect();
            return Some(answers::verdicts(Context::Span, odd));
        }
        "always-broken" => return answers::broken(batch, "too-few-values"),
        "rename" => return Some(answers::named(batch, &instance.settings.name)),
        _ => return None,
    }
    Some(answers::named(batch, name))
}

/// Work whose length no optimizer foreshortens, and no clock decides.
fn turn(turns: u64) {
    let mut number = black_box(1u64);
    for _ in 0..turns {
        number = (number ^ (number >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    black_box(number);
}
