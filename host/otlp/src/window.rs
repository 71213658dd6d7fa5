//! The first 32 bytes of a text as four words, without a branch on its length: most texts fit, and are
//! compared, hashed and copied so in a few instructions.

/// How many bytes a window holds.
pub(crate) const WIDTH: usize = 32;

/// A text's first bytes, zeros after its end.
#[derive(Clone, Copy, Debug, Default, Eq)]
pub(crate) struct Window([u64; 4]);

impl PartialEq for Window {
    /// In registers, where the derived one would have both in memory.
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        let (Window([a, b, c, d]), Window([e, f, g, h])) = (self, other);
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0
    }
}

/// Keeps the first bytes of a window, by their number.
const MASKS: [[u64; 4]; WIDTH + 1] = masks();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn masks() -> [[u64; 4]; WIDTH + 1] {
    let mut masks = [[0u64; 4]; WIDTH + 1];
    let mut length = 0;
    while length <= WIDTH {
        let mut at = 0;
        while at < length {
            masks[length][at / 8] |= 0xff << (at % 8 * 8);
            at += 1;
        }
        length += 1;
    }
    masks
}

impl Window {
    /// The window of the text that `from` begins with. Fast if `from` runs on beyond the text.
    #[inline(always)]
    pub(crate) fn new(from: &[u8], length: usize) -> Self {
        let words = match from.first_chunk::<WIDTH>() {
            Some(bytes) => words(bytes),
            None => short(from),
        };
        let [a, b, c, d] = words;
        let [e, f, g, h] = MASKS.get(length).copied().unwrap_or([u64::MAX; 4]);
        Window([a & e, b & f, c & g, d & h])
    }

    /// A hash that nobody can foresee without the seed.
    #[inline(always)]
    fn hash(self, seed: &Seed, state: u64) -> u64 {
        let Window([a, b, c, d]) = self;
        let &Seed([e, f, g, h]) = seed;
        fold(a ^ e ^ state, b ^ f) ^ fold(c ^ g, d ^ h ^ state).rotate_left(32)
    }

    /// The window and what of it counts, to be compared with others' bytes.
    pub(crate) fn masked(self, length: usize) -> Pattern {
        Pattern {
            window: self,
            mask: MASKS.get(length).copied().unwrap_or([u64::MAX; 4]),
        }
    }

    /// The bytes of the window.
    #[inline]
    pub(crate) fn bytes(self) -> [u8; WIDTH] {
        let mut bytes = [0; WIDTH];
        for (to, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *to = word.to_le_bytes();
        }
        bytes
    }
}

/// A text to be recognised where it stands: what comes behind it does not count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pattern {
    window: Window,
    mask: [u64; 4],
}

impl Pattern {
    /// Whether some bytes begin with the text.
    #[inline(always)]
    pub(crate) fn begins(&self, bytes: &[u8; WIDTH]) -> bool {
        let ([a, b, c, d], Window([e, f, g, h])) = (words(bytes), self.window);
        let [i, j, k, l] = self.mask;
        (a ^ e) & i | (b ^ f) & j | (c ^ g) & k | (d ^ h) & l == 0
    }

    pub(crate) fn window(&self) -> Window {
        self.window
    }
}

#[inline]
fn words(bytes: &[u8; WIDTH]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// At the end of a request.
#[cold]
fn short(from: &[u8]) -> [u64; 4] {
    let mut bytes = [0; WIDTH];
    for (to, byte) in bytes.iter_mut().zip(from) {
        *to = *byte;
    }
    words(&bytes)
}

/// The product's halves mixed, which depends on every bit of both.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// What hashes depend on, so that texts that collide cannot be made in advance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed([u64; 4]);

impl Seed {
    /// A seed drawn at random.
    pub(crate) fn random() -> Self {
        use std::hash::BuildHasher;
        let random = std::hash::RandomState::new();
        Seed([1u8, 2, 3, 4].map(|word| random.hash_one(word)))
    }

    /// The hash of a text's length and first window; the rest of the text is not looked at.
    #[inline(always)]
    pub(crate) fn hash(&self, window: Window, length: usize) -> u32 {
        window.hash(self, length as u64) as u32
    }

    /// The hash of a text, whatever its length.
    pub(crate) fn hash_all(&self, window: Window, text: &[u8]) -> u32 {
        self.long(self.hash(window, text.len()), text)
    }

    /// The hash of a text that may be longer than a window, if `hash` is that of its first.
    pub(crate) fn long(&self, hash: u32, text: &[u8]) -> u32 {
        if text.len() <= WIDTH {
            return hash;
        }
        // The first is in already; the last overlaps the one before.
        let mut hash = u64::from(hash);
        for chunk in text.as_chunks::<WIDTH>().0.iter().skip(1) {
            hash = Window(words(chunk)).hash(self, hash);
        }
        match text.last_chunk::<WIDTH>() {
            Some(last) => Window(words(last)).hash(self, hash) as u32,
            None => hash as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_text_and_nothing_behind_it() {
        let long: Vec<u8> = (1..=100).collect();
        for length in 0..=WIDTH {
            let alone = Window::new(&long[..length], length);
            assert_eq!(alone, Window::new(&long, length));
            assert_eq!(alone.bytes()[..length], long[..length]);
            assert!(alone.bytes()[length..].iter().all(|&byte| byte == 0));
        }
        assert_eq!(Window::new(&long, 33).bytes()[..], long[..32]);
    }

    #[test]
    fn a_hash_depends_on_every_byte_and_the_length() {
        let seed = Seed::random();
        let hash = |text: &[u8]| seed.hash_all(Window::new(text, text.len()), text);
        for length in 1..150 {
            let text = vec![0u8; length];
            assert_ne!(hash(&text), hash(&text[1..]));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = 1;
                assert_ne!(hash(&text), hash(&other), "{length} {at}");
            }
        }
    }
}
