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
