//! The texts of a batch, and those that came in while statements ran.

use hashbrown::HashTable;
use spanmill_sdk::{ABSENT, Texts};

/// The texts of a batch, and new ones behind them.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    base: Texts<'a>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// New texts by content.
    index: HashTable<u32>,
    /// The batch's own texts by content, once several were looked for.
    own: HashTable<u32>,
    searches: u32,
}

/// After so many searches through all texts, a table is worth it.
const SEARCHES: u32 = 8;

/// A quick hash of some bytes, which nobody outside sees.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(FACTOR);
        product as u64 ^ (product >> 64) as u64
    };
    let hash = words
        .iter()
        .fold(bytes.len() as u64 ^ FACTOR, |hash, word| {
            mix(hash, u64::from_le_bytes(*word))
        });
    let last = rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(mix(hash, last), FACTOR)
}

/// A hash for the tables of a pool alone. WebAssembly has no product of 128 bits, which [`hash`] takes.
fn table_hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| {
        mix(hash, u64::from_le_bytes(*word))
    });
    let last = rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    let hash = mix(hash, last);
    hash ^ hash >> 32
}

/// Whether two texts are the same. A sandbox's own comparison looks at one byte after the other.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (others, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    one.len() == other.len()
        && words
            .iter()
            .zip(others)
            .all(|(word, other)| u64::from_le_bytes(*word) == u64::from_le_bytes(*other))
        && rest.iter().zip(other_rest).all(|(one, other)| one == other)
}

impl<'a> Pool<'a> {
    pub(crate) fn new(base: Texts<'a>) -> Self {
        Pool {
            base,
            ends: Vec::new(),
            bytes: Vec::new(),
            index: HashTable::new(),
            own: HashTable::new(),
            searches: 0,
        }
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.base.len() + self.ends.len()
    }

    /// How many of them came in while statements ran.
    pub(crate) fn added_count(&self) -> usize {
        self.ends.len()
    }

    /// Whether a text came with the batch.
    pub(crate) fn is_original(&self, index: u32) -> bool {
        (index as usize) < self.base.len()
    }

    /// The bytes of a text; empty beyond the pool.
    #[inline]
    pub(crate) fn bytes(&self, index: u32) -> &[u8] {
        match (index as usize).checked_sub(self.base.len()) {
            None => self.base.bytes(index),
            Some(new) => self.added(new),
        }
    }

    fn added(&self, new: usize) -> &[u8] {
        let Some(&end) = self.ends.get(new) else {
            return &[];
        };
        let before = new.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = before.copied().unwrap_or(0);
        self.bytes.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// A text; empty where it is no UTF-8.
    #[inline]
    pub(crate) fn text(&self, index: u32) -> &str {
        std::str::from_utf8(self.bytes(index)).unwrap_or("")
    }

    /// The index of some bytes that need not have come with the batch.
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> u32 {
        let hashed = table_hash(bytes);
        let base = self.base.len();
        let known = |&index: &u32| is_same(self.added((index as usize) - base), bytes);
        if let Some(&index) = self.index.find(hashed, known) {
            return index;
        }
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len() as u32);
        let index = (self.len() - 1) as u32;
        let (ends, all) = (&self.ends, &self.bytes);
        self.index.insert_unique(hashed, index, |&index| {
            let new = index as usize - base;
            let end = ends.get(new).copied().unwrap_or(0) as usize;
            let start = match new {
                0 => 0,
                new => ends.get(new - 1).copied().unwrap_or(0) as usize,
            };
            table_hash(all.get(start..end).unwrap_or(&[]))
        });
        index
    }

    /// The index of a text that is a key: that of the batch's own text, if it has it.
    pub(crate) fn key(&mut self, text: &str) -> u32 {
        match self.own(text.as_bytes()) {
            Some(index) => index,
            None => self.intern(text.as_bytes()),
        }
    }

    fn own(&mut self, wanted: &[u8]) -> Option<u32> {
        if self.searches < SEARCHES {
            self.searches += 1;
            return self.original(wanted);
        }
        let base = self.base;
        if self.own.is_empty() {
            self.own.reserve(base.len(), |_| 0);
            for index in 0..base.len() as u32 {
                let hashed = table_hash(base.bytes(index));
                self.own
                    .insert_unique(hashed, index, |&index| table_hash(base.bytes(index)));
            }
        }
        let is_wanted = |&index: &u32| is_same(base.bytes(index), wanted);
        self.own.find(table_hash(wanted), is_wanted).copied()
    }

    /// Where some bytes stand among the batch's own texts.
    #[inline(never)]
    fn original(&self, wanted: &[u8]) -> Option<u32> {
        let mut start = 0;
        for (index, &end) in self.base.ends.iter().enumerate() {
            if (end - start) as usize == wanted.len()
                && self.base.bytes.get(start as usize..end as usize) == Some(wanted)
            {
                return Some(index as u32);
            }
            start = end;
        }
        None
    }

    /// The indices of some texts; absent for those that the batch does not have.
    pub(crate) fn find(&self, wanted: &[String]) -> Vec<u32> {
        let index = |wanted: &String| self.original(wanted.as_bytes()).unwrap_or(ABSENT);
        wanted.iter().map(index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_texts_stand_behind_those_of_the_batch_each_once() {
        let base = Texts {
            ends: &[1, 3],
            bytes: b"abc",
        };
        let mut pool = Pool::new(base);
        let first = pool.intern(b"new");
        assert_eq!(first, 2);
        assert_eq!(pool.intern(b"new"), first);
        assert_eq!(pool.intern(b""), 3);
        for number in 0..100 {
            pool.intern(format!("text {number}").as_bytes());
        }
        assert_eq!(pool.intern(b"text 7"), 11);
        assert_eq!(
            (pool.text(0), pool.text(1), pool.text(2), pool.text(3)),
            ("a", "bc", "new", "")
        );
        assert_eq!(pool.len(), 104);
        assert_eq!((pool.key("bc"), pool.key("new")), (1, 2));
        assert_eq!(pool.find(&["bc".into(), "x".into()]), [1, ABSENT]);
    }
}
