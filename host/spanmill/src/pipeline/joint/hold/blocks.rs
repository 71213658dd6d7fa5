//! Bytes in chains of blocks. Held traces grow by pieces of all lengths, and there are millions of them: an allocation for each
//! piece would waste an eighth of the memory, and copying what is there whenever more comes would cost as much time.

/// Bytes of a block.
const BLOCK: usize = 128;
/// Blocks that are allocated and given back together.
const PER_SLAB: u32 = 512;
/// No block.
const NONE: u32 = u32::MAX;
/// What a block takes: its bytes, and the number of the one behind it.
const BLOCK_MEMORY: usize = BLOCK + 4;

/// A list of bytes. Only the [`Blocks`] that made it can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    first: u32,
    last: u32,
    length: usize,
}

impl Chain {
    pub(super) const EMPTY: Chain = Chain {
        first: NONE,
        last: NONE,
        length: 0,
    };

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// What a chain of so many bytes takes.
    pub(super) fn memory_for(length: usize) -> usize {
        length.div_ceil(BLOCK).saturating_mul(BLOCK_MEMORY)
    }

    pub(super) fn memory(&self) -> usize {
        Self::memory_for(self.length)
    }
}

/// Blocks that lie next to each other.
struct Slab {
    bytes: Box<[u8]>,
    /// Of each block the one behind it in its chain, or among those that are free.
    next: Box<[u32]>,
    /// Blocks that were given back, and how many have never been taken.
    free: u32,
    fresh: u32,
    used: u32,
    /// Where it stands among the slabs that have free blocks, if it is one.
    open_at: usize,
}

impl Slab {
    fn new() -> Self {
        Slab {
            bytes: vec![0; BLOCK * PER_SLAB as usize].into(),
            next: vec![NONE; PER_SLAB as usize].into(),
            free: NONE,
            fresh: PER_SLAB,
            used: 0,
            open_at: 0,
        }
    }

    /// A free block's place.
    fn take(&mut self) -> Option<u32> {
        let place = match self.next.get(self.free as usize) {
            Some(next) => std::mem::replace(&mut self.free, *next),
            None => {
                self.fresh = self.fresh.checked_sub(1)?;
                self.fresh
            }
        };
        self.used += 1;
        Some(place)
    }

    fn has_free(&self) -> bool {
        self.used < PER_SLAB
    }

    fn block(&mut self, place: u32) -> Option<&mut [u8]> {
        let start = place as usize * BLOCK;
        self.bytes.get_mut(start..start + BLOCK)
    }
}

/// Where chains lie.
#[derive(Default)]
pub(super) struct Blocks {
    slabs: Vec<Option<Slab>>,
    /// Slabs that have free blocks, the one to take from last.
    open: Vec<u32>,
    /// Places in `slabs` that are empty.
    vacant: Vec<u32>,
    /// A slab that is not used: kept so that one is not given back and taken again by turns.
    spare: Option<Slab>,
}

impl Blocks {
    /// Appends bytes to a chain. Returns whether all fitted: half a terabyte does.
    pub(super) fn append(&mut self, chain: &mut Chain, bytes: &[u8]) -> bool {
        let mut left = bytes;
        while !left.is_empty() {
            let at = chain.length % BLOCK;
            if at == 0 {
                let Some(block) = self.take() else {
                    return false;
                };
                match chain.length {
                    0 => chain.first = block,
                    _ => self.link(chain.last, block),
                }
                chain.last = block;
            }
            let (now, rest) = left.split_at(left.len().min(BLOCK - at));
            if let Some(room) = self.block(chain.last)
                && let Some(room) = room.get_mut(at..at + now.len())
            {
                room.copy_from_slice(now);
            }
            chain.length += now.len();
            left = rest;
        }
        true
    }

    /// Adds the bytes of a chain to `out`.
    pub(super) fn read(&self, chain: &Chain, out: &mut Vec<u8>) {
        out.reserve(chain.length);
        let (mut block, mut left) = (chain.first, chain.length);
        while left > 0
            && let Some((slab, place)) = self.find(block)
        {
            let start = place as usize * BLOCK;
            let now = left.min(BLOCK);
            out.extend_from_slice(slab.bytes.get(start..start + now).unwrap_or(&[]));
            left -= now;
            block = slab.next.get(place as usize).copied().unwrap_or(NONE);
        }
    }

    /// Gives a chain's blocks back, and leaves it empty.
    pub(super) fn clear(&mut self, chain: &mut Chain) {
        let Chain { first, length, .. } = std::mem::replace(chain, Chain::EMPTY);
        let mut block = first;
        for _ in 0..length.div_ceil(BLOCK) {
            block = self.give_back(block);
        }
    }

    fn find(&self, block: u32) -> Option<(&Slab, u32)> {
        let slab = self.slabs.get((block / PER_SLAB) as usize)?.as_ref()?;
        Some((slab, block % PER_SLAB))
    }

    fn find_mut(&mut self, block: u32) -> Option<(&mut Slab, u32)> {
        let slab = self.slabs.get_mut((block / PER_SLAB) as usize)?.as_mut()?;
        Some((slab, block % PER_SLAB))
    }

    fn block(&mut self, block: u32) -> Option<&mut [u8]> {
        let (slab, place) = self.find_mut(block)?;
        slab.block(place)
    }

    fn link(&mut self, block: u32, next: u32) {
        if let Some((slab, place)) = self.find_mut(block)
            && let Some(link) = slab.next.get_mut(place as usize)
        {
            *link = next;
        }
    }

    /// A block that is free, at the end of a chain.
    fn take(&mut self) -> Option<u32> {
        if self.open.is_empty() {
            self.add_slab()?;
        }
        let number = *self.open.last()?;
        let slab = self.slabs.get_mut(number as usize)?.as_mut()?;
        let place = slab.take()?;
        *slab.next.get_mut(place as usize)? = NONE;
        if !slab.has_free() {
            self.open.pop();
        }
        Some(number * PER_SLAB + place)
    }

    fn add_slab(&mut self) -> Option<()> {
        let slab = self.spare.take().unwrap_or_else(Slab::new);
        let number = match self.vacant.pop() {
            Some(number) => {
                *self.slabs.get_mut(number as usize)? = Some(slab);
                number
            }
            None => {
                let number = u32::try_from(self.slabs.len()).ok()?;
                // Its last block has a number of its own, too.
                number.checked_add(1)?.checked_mul(PER_SLAB)?;
                self.slabs.push(Some(slab));
                number
            }
        };
        self.open(number);
        Some(())
    }

    /// Notes that a slab has free blocks.
    fn open(&mut self, number: u32) {
        if let Some(Some(slab)) = self.slabs.get_mut(number as usize) {
            slab.open_at = self.open.len();
            self.open.push(number);
        }
    }

    /// Frees a block. Returns the one that stood behind it.
    fn give_back(&mut self, block: u32) -> u32 {
        let number = block / PER_SLAB;
        let Some((slab, place)) = self.find_mut(block) else {
            return NONE;
        };
        let was_full = !slab.has_free();
        let free = slab.free;
        let Some(link) = slab.next.get_mut(place as usize) else {
            return NONE;
        };
        let next = std::mem::replace(link, free);
        slab.free = place;
        slab.used = slab.used.saturating_sub(1);
        let is_unused = slab.used == 0;
        if was_full {
            self.open(number);
        }
        if is_unused {
            self.remove_slab(number);
        }
        next
    }

    /// Removes a slab that is not used.
    fn remove_slab(&mut self, number: u32) {
        let slab = self.slabs.get_mut(number as usize);
        let Some(mut slab) = slab.and_then(Option::take) else {
            return;
        };
        let at = slab.open_at;
        if self.open.get(at) == Some(&number) {
            self.open.swap_remove(at);
            if let Some(moved) = self.open.get(at)
                && let Some(Some(moved)) = self.slabs.get_mut(*moved as usize)
            {
                moved.open_at = at;
            }
        }
        (slab.free, slab.fresh) = (NONE, PER_SLAB);
        self.spare = Some(slab);
        self.vacant.push(number);
        if self.vacant.len() == self.slabs.len() {
            // Nothing is held.
            let spare = self.spare.take();
            *self = Blocks {
                spare,
                ..Blocks::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Append(usize, usize),
        Clear(usize),
    }

    const CHAINS: usize = 6;

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            4 => (0..CHAINS, 0usize..40_000).prop_map(|(chain, length)| Operation::Append(chain, length)),
            2 => (0..CHAINS, 0usize..300).prop_map(|(chain, length)| Operation::Append(chain, length)),
            2 => (0..CHAINS).prop_map(Operation::Clear),
        ]
    }

    fn used(blocks: &Blocks) -> usize {
        let slabs = blocks.slabs.iter().flatten();
        slabs.map(|slab| slab.used as usize).sum()
    }

    proptest! {
        #[test]
        fn chains_have_what_was_appended_and_take_no_more_blocks_than_that(
            operations in prop::collection::vec(operation(), 1..60),
        ) {
            let mut blocks = Blocks::default();
            let mut chains = [Chain::EMPTY; CHAINS];
            let mut model = vec![Vec::new(); CHAINS];
            let mut next = 0u8;
            for operation in operations {
                match operation {
                    Operation::Append(chain, length) => {
                        let bytes: Vec<u8> = (0..length).map(|_| {
                            next = next.wrapping_mul(5).wrapping_add(3);
                            next
                        }).collect();
                        prop_assert!(blocks.append(&mut chains[chain], &bytes));
                        model[chain].extend(bytes);
                    }
                    Operation::Clear(chain) => {
                        blocks.clear(&mut chains[chain]);
                        model[chain].clear();
                    }
                }
                for (chain, expected) in chains.iter().zip(&model) {
                    let mut read = Vec::new();
                    blocks.read(chain, &mut read);
                    prop_assert!(read == *expected);
                    prop_assert_eq!(chain.is_empty(), expected.is_empty());
                }
                let expected: usize = model.iter().map(|bytes| bytes.len().div_ceil(BLOCK)).sum();
                prop_assert_eq!(used(&blocks), expected);
                // Slabs that nothing lies in are given back.
                prop_assert!(blocks.slabs.iter().flatten().all(|slab| slab.used > 0));
                let open: std::collections::BTreeSet<_> = blocks.open.iter().collect();
                prop_assert_eq!(open.len(), blocks.open.len(), "a slab is open twice");
            }
            for chain in &mut chains {
                blocks.clear(chain);
            }
            prop_assert!(blocks.slabs.is_empty() && blocks.open.is_empty());
        }
    }
}
