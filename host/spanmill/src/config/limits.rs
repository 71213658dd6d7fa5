//! `limits`: what the process and one request may hold. A section of our own; every key has a default.

use spanmill_manifest::{Diagnostics, Section};

use spanmill_otlp::ItemLimits;
use spanmill_runtime::PluginMemory;

/// What the process and one request may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The memory that the process may use, in MiB; `None`: its control group's limit, or the machine's memory.
    pub memory_mib: Option<u64>,
    /// What requests under way may hold together, in MiB; `None`: a quarter of the memory, at most 256 MiB.
    pub in_flight_mib: Option<u64>,
    /// What the exporters' queues may hold together, in MiB; `None`: a quarter of the memory.
    pub queues_mib: Option<u64>,
    /// What plugins may hold until they decide on it, in MiB; `None`: a quarter of the memory.
    pub held_mib: Option<u64>,
    /// Whether what plugins hold is compressed once its trace has been quiet for a while.
    pub held_compression: bool,
    /// How plugins' memories lie in the address space; `None`: as the system allows.
    pub plugin_memory: Option<PluginMemory>,
    /// What one request may hold.
    pub request: ItemLimits,
}

const MIB: u64 = 1024 * 1024;
const LARGEST_IN_FLIGHT: u64 = 256 * MIB;
const SMALLEST: u64 = 16 * MIB;

impl Limits {
    /// The memory that the process may use, in bytes; `None` if neither the manifest nor the system says.
    pub fn memory(&self) -> Option<u64> {
        let set = self.memory_mib.map(|mib| mib.saturating_mul(MIB));
        set.or_else(crate::memory::available_bytes)
    }

    /// What requests under way may hold together, in bytes.
    pub fn in_flight(&self) -> u64 {
        self.share(self.in_flight_mib)
            .min(match self.in_flight_mib {
                Some(_) => u64::MAX,
                None => LARGEST_IN_FLIGHT,
            })
    }

    /// What the exporters' queues may hold together, in bytes.
    pub fn queues(&self) -> u64 {
        self.share(self.queues_mib)
    }

    /// What plugins may hold until they decide on it, in bytes.
    pub fn held(&self) -> u64 {
        self.share(self.held_mib)
    }

    fn share(&self, set: Option<u64>) -> u64 {
        match set {
            Some(mib) => mib.saturating_mul(MIB),
            None => (self.memory().unwrap_or(u64::MAX) / 4).max(SMALLEST),
        }
    }
}

pub(super) fn limits(mut section: Section<'_>, out: &mut Diagnostics) -> Limits {
    let request = ItemLimits::default();
    let mut mib = |key: &'static str| {
        section.value(key)?;
        Some(section.positive(key, 1, out))
    };
    let (memory_mib, in_flight_mib) = (mib("memory_mib"), mib("in_flight_mib"));
    let (queues_mib, held_mib) = (mib("queues_mib"), mib("held_mib"));
    let compressions = [("none", false), ("zstd", true)];
    let held_compression = section.choice("held_compression", &compressions, out);
    let layouts = PluginMemory::ALL.map(|memory| (memory.name(), memory));
    let plugin_memory = section.choice("plugin_memory", &layouts, out);
    let mut count = |key: &'static str, default: usize| {
        let default = u64::try_from(default).unwrap_or(u64::MAX);
        usize::try_from(section.positive(key, default, out)).unwrap_or(usize::MAX)
    };
    let limits = Limits {
        memory_mib,
        in_flight_mib,
        queues_mib,
        held_mib,
        held_compression: held_compression.unwrap_or(false),
        plugin_memory,
        request: ItemLimits {
            spans: count("request_spans", request.spans),
            items: count("request_items", request.items),
        },
    };
    section.finish(out);
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_shares_of_the_memory_unless_they_are_set() {
        let limits = Limits {
            memory_mib: Some(400),
            ..Limits::default()
        };
        assert_eq!(
            (limits.in_flight(), limits.queues()),
            (100 * MIB, 100 * MIB)
        );
        let large = Limits {
            memory_mib: Some(64 * 1024),
            ..Limits::default()
        };
        assert_eq!(
            (large.in_flight(), large.queues()),
            (256 * MIB, 16 * 1024 * MIB)
        );
        let small = Limits {
            memory_mib: Some(32),
            ..Limits::default()
        };
        assert_eq!((small.in_flight(), small.queues()), (16 * MIB, 16 * MIB));
        let set = Limits {
            in_flight_mib: Some(1000),
            queues_mib: Some(1),
            ..small
        };
        assert_eq!((set.in_flight(), set.queues()), (1000 * MIB, MIB));
    }
}
