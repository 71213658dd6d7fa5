//! Runs of items that have been quiet for a while, compressed with a dictionary that is learned from what is held.

use std::sync::{Arc, Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};

/// Levels beyond cost more than they save.
const LEVEL: i32 = 1;

/// What a dictionary is made of: items as they came.
const DICTIONARY: usize = 64 * 1024;

/// After so many runs it is looked at whether the dictionary still fits.
const WINDOW: usize = 4096;

/// A compressed run.
#[derive(Clone)]
pub(super) struct PackedRun {
    dictionary: Arc<Dictionary>,
    length: u32,
    /// For each item its scope, and then what was compressed.
    data: Box<[u8]>,
    items: u32,
}

/// A dictionary, and memory to decompress what was compressed with it.
struct Dictionary(Mutex<Decompressor<'static>>);

impl PackedRun {
    /// About how much memory it takes.
    pub fn memory(&self) -> usize {
        std::mem::size_of::<Self>() + self.data.len()
    }

    /// The scope of each item.
    pub fn scopes(&self) -> impl Iterator<Item = u32> {
        let scopes = self.data.get(..self.items as usize * 4).unwrap_or(&[]);
        let (scopes, _) = scopes.as_chunks::<4>();
        scopes.iter().map(|scope| u32::from_le_bytes(*scope))
    }

    /// The run as it was; empty if the memory for it is not what was written into it.
    pub fn unpacked(&self) -> Vec<u8> {
        let data = self.data.get(self.items as usize * 4..).unwrap_or(&[]);
        let mut dictionary = self
            .dictionary
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let unpacked = dictionary.decompress(data, self.length as usize);
        unpacked.unwrap_or_default()
    }
}

/// Compresses runs, and learns its dictionary from them.
pub(super) struct Packer {
    /// How many bytes a dictionary is made of.
    dictionary: usize,
    current: Option<(Compressor<'static>, Arc<Dictionary>)>,
    /// What the next dictionary is made of.
    samples: Vec<u8>,
    /// Bytes of the runs of this window, before and after.
    raw: usize,
    packed: usize,
    runs: usize,
    /// The best share of a window so far with this dictionary.
    best: f64,
}

impl Default for Packer {
    fn default() -> Self {
        Packer::with_dictionary(DICTIONARY)
    }
}

impl Packer {
    /// A packer whose dictionaries are made of so many bytes.
    pub fn with_dictionary(dictionary: usize) -> Self {
        Packer {
            dictionary,
            current: None,
            samples: Vec::new(),
            raw: 0,
            packed: 0,
            runs: 0,
            best: f64::MAX,
        }
    }

    /// Compresses a run of items; `scopes` has the scope of each. `None` while the dictionary is being learned, and of what
    /// would not become smaller.
    pub fn pack(&mut self, run: &[u8], scopes: &[u32]) -> Option<PackedRun> {
        if self.current.is_none() && !self.learn(run) {
            return None;
        }
        let (compressor, dictionary) = self.current.as_mut()?;
        let compressed = compressor.compress(run).ok()?;
        let mut data = Vec::with_capacity(scopes.len() * 4 + compressed.len());
        scopes
            .iter()
            .for_each(|scope| data.extend_from_slice(&scope.to_le_bytes()));
        data.extend_from_slice(&compressed);
        let packed = PackedRun {
            dictionary: Arc::clone(dictionary),
            length: u32::try_from(run.len()).ok()?,
            items: u32::try_from(scopes.len()).ok()?,
            data: data.into(),
        };
        self.judge(run.len(), packed.data.len());
        (packed.memory() < run.len()).then_some(packed)
    }

    /// Takes in samples; returns whether there is a dictionary now.
    fn learn(&mut self, run: &[u8]) -> bool {
        let room = self.dictionary.saturating_sub(self.samples.len());
        self.samples
            .extend_from_slice(run.get(..run.len().min(room)).unwrap_or(&[]));
        if self.samples.len() < self.dictionary {
            return false;
        }
        let samples = std::mem::take(&mut self.samples);
        let compressor = Compressor::with_dictionary(LEVEL, &samples);
        let decompressor = Decompressor::with_dictionary(&samples);
        let (Ok(compressor), Ok(decompressor)) = (compressor, decompressor) else {
            return false;
        };
        self.current = Some((compressor, Arc::new(Dictionary(Mutex::new(decompressor)))));
        self.best = f64::MAX;
        true
    }

    /// Learns another dictionary where this one has come to fit worse: telemetry changes.
    fn judge(&mut self, raw: usize, packed: usize) {
        self.raw += raw;
        self.packed += packed;
        self.runs += 1;
        if self.runs < WINDOW {
            return;
        }
        let share = self.packed as f64 / self.raw.max(1) as f64;
        (self.raw, self.packed, self.runs) = (0, 0, 0);
        if share > self.best * 1.25 {
            self.current = None;
        }
        self.best = self.best.min(share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let words = [
            "GET /api/orders",
            "http.route",
            "SELECT id FROM orders",
            "shop",
            "Mozilla/5.0",
        ];
        let mut out = Vec::new();
        while out.len() < length {
            out.extend_from_slice(words[usize::from(next()) % words.len()].as_bytes());
            out.push(next());
        }
        out
    }

    #[test]
    fn what_is_packed_comes_out_as_it_was_whatever_dictionary_is_learned_meanwhile() {
        let mut packer = Packer::default();
        let mut packed = Vec::new();
        for number in 0..12_000 {
            let mut raw = run(number, 300);
            if number > 6_000 {
                // Other telemetry: a dictionary of its own.
                raw.iter_mut().for_each(|byte| *byte ^= 0x55);
            }
            if let Some(one) = packer.pack(&raw, &[7, number as u32]) {
                packed.push((number, raw, one));
            }
        }
        assert!(packed.len() > 10_000, "{}", packed.len());
        let dictionaries: std::collections::HashSet<_> = packed
            .iter()
            .map(|(_, _, one)| Arc::as_ptr(&one.dictionary))
            .collect();
        assert!(dictionaries.len() > 1);
        for (number, raw, one) in &packed {
            assert_eq!(one.unpacked(), *raw);
            assert_eq!(one.scopes().collect::<Vec<_>>(), [7, *number as u32]);
        }
    }

    #[test]
    fn what_would_not_become_smaller_stays_as_it_is() {
        let mut packer = Packer::default();
        let mut state = 1u64;
        let mut noise = || -> Vec<u8> {
            (0..4096)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state as u8
                })
                .collect()
        };
        // The last of these is a part of the dictionary, and so becomes smaller.
        for _ in 0..16 {
            packer.pack(&noise(), &[1]);
        }
        assert!(packer.current.is_some());
        for _ in 0..40 {
            assert!(packer.pack(&noise(), &[1]).is_none());
        }
    }
}
