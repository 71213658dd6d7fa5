//! The series this instance has named, by what they are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use spanmill_sdk::{Cell, Emission, SeriesAttribute};

/// Multiply and rotate over words of eight bytes: keys are long, and looked up by the thousand.
#[derive(Debug, Default)]
pub(crate) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        for word in words.iter().chain([&last]) {
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(*word))
                .wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// Series by key.
pub(crate) type SeriesMap = HashMap<Vec<u8>, u32, BuildHasherDefault<WordHasher>>;

/// The texts that data points have in common, made at most once a batch.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, u32>);

impl Names {
    pub(crate) fn start(&mut self) {
        self.0.clear();
    }

    pub(crate) fn text(&mut self, text: &str, emission: &mut Emission) -> u32 {
        match self.0.get(text) {
            Some(&index) => index,
            None => {
                let index = emission.text(text);
                self.0.insert(text.to_owned(), index);
                index
            }
        }
    }
}

/// Puts an attribute; one of the same name gets the new value.
pub(crate) fn put(attributes: &mut Vec<SeriesAttribute>, name: u32, value: Cell) {
    match attributes.iter_mut().find(|(known, _)| *known == name) {
        Some(known) => known.1 = value,
        None => attributes.push((name, value)),
    }
}
