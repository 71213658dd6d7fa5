//! Counters that are called after what a manifest names.

use spanmill_sdk::{Contract, Counter};

/// Declares a counter whose name ends in that of a rule or policy, as far as the contract allows its letters.
pub fn counter_named(contract: &mut Contract, prefix: &str, name: &str) -> Counter {
    let allowed = |letter: char| match letter {
        'A'..='Z' => letter.to_ascii_lowercase(),
        'a'..='z' | '0'..='9' => letter,
        _ => '_',
    };
    let name: String = name.chars().take(64).map(allowed).collect();
    // Once an instance: counters live as long as it does.
    contract.counter(Box::leak(format!("{prefix}{name}").into_boxed_str()))
}
