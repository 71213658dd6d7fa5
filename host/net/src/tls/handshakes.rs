//! The handshakes under way: bounded in number, with room for new ones. A client that opens connections and then says
//! nothing cannot keep others out.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio_util::sync::CancellationToken;

/// Handshakes at once. Each holds some 100 KiB.
pub(super) const MOST: usize = 512;

/// The handshakes of some listeners.
pub(super) struct Handshakes {
    under_way: Mutex<UnderWay>,
    most: usize,
}

#[derive(Default)]
struct UnderWay {
    /// In the order in which they began.
    by_number: BTreeMap<u64, (IpAddr, CancellationToken)>,
    next: u64,
}

/// A handshake under way, as long as it is held.
pub(super) struct Handshake {
    table: Arc<Handshakes>,
    number: u64,
    /// Another one needs its room.
    pub end: CancellationToken,
}

impl Handshakes {
    /// Those of all listeners of this process.
    pub fn of_process() -> Arc<Self> {
        static TABLE: OnceLock<Arc<Handshakes>> = OnceLock::new();
        Arc::clone(TABLE.get_or_init(|| Arc::new(Self::new(MOST))))
    }

    fn new(most: usize) -> Self {
        Handshakes {
            under_way: Mutex::default(),
            most,
        }
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one. When there are too many, the oldest of the address that has the most ends.
    pub fn begin(self: &Arc<Self>, address: IpAddr) -> Handshake {
        let mut under_way = self.under_way();
        if under_way.by_number.len() >= self.most
            && let Some(number) = under_way.to_end()
            && let Some((_, end)) = under_way.by_number.remove(&number)
        {
            end.cancel();
        }
        let number = under_way.next;
        under_way.next = number.wrapping_add(1);
        let end = CancellationToken::new();
        under_way.by_number.insert(number, (address, end.clone()));
        Handshake {
            table: Arc::clone(self),
            number,
            end,
        }
    }
}

impl UnderWay {
    fn to_end(&self) -> Option<u64> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (address, _) in self.by_number.values() {
            *counts.entry(*address).or_default() += 1;
        }
        let (busiest, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        let mut of_busiest = self
            .by_number
            .iter()
            .filter(|(_, (address, _))| *address == busiest);
        of_busiest.next().map(|(number, _)| *number)
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.table.under_way().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_the_busiest_address_makes_room() {
        let table = Arc::new(Handshakes::new(3));
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let quiet = table.begin(other);
        let first = table.begin(one);
        let second = table.begin(one);
        let third = table.begin(one);
        let ended = |handshake: &Handshake| handshake.end.is_cancelled();
        assert!(ended(&first) && !ended(&second) && !ended(&third) && !ended(&quiet));
        drop(second);
        let fourth = table.begin(one);
        assert!(!ended(&third) && !ended(&fourth) && !ended(&quiet));
    }
}
