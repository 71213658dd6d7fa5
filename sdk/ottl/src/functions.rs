//! The table of functions that give values, a family a file.

mod case;
mod csv;
mod encode;
mod format;
mod formats;
mod grok;
mod hash;
mod id;
mod json;
mod kinds;
mod lambda;
mod list;
mod map;
mod murmur;
mod network;
mod number;
mod parse;
mod pattern;
mod severity;
mod strptime;
mod text;
mod time;
mod url;
mod xml;

use crate::function::Signature;

/// The function that a name most likely means: with the same letters, or one that it only makes longer or shorter.
pub(crate) fn meant(name: &str) -> Option<&'static str> {
    const ENOUGH: usize = 4;
    let lower = name.to_lowercase();
    let mut names = CONVERTERS
        .iter()
        .flat_map(|family| family.iter().map(|signature| signature.name));
    names.find(|known| {
        let known = known.to_lowercase();
        let begins = lower.starts_with(&known) || known.starts_with(&lower);
        known == lower || (begins && known.len().min(lower.len()) >= ENOUGH)
    })
}

/// Every function, by family.
pub(crate) static CONVERTERS: &[&[Signature]] = &[
    text::FUNCTIONS,
    pattern::FUNCTIONS,
    kinds::FUNCTIONS,
    number::FUNCTIONS,
    time::FUNCTIONS,
    hash::FUNCTIONS,
    encode::FUNCTIONS,
    id::FUNCTIONS,
    parse::FUNCTIONS,
    list::FUNCTIONS,
    map::FUNCTIONS,
    network::FUNCTIONS,
    severity::FUNCTIONS,
    grok::FUNCTIONS,
    formats::FUNCTIONS,
    xml::FUNCTIONS,
    lambda::FUNCTIONS,
];

#[cfg(test)]
mod tests;
