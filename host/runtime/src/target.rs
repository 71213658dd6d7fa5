//! What code is compiled for: a machine, and how plugins' memories are laid out there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wasmtime::Config;

/// Machines that code can be compiled for ahead of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Machine {
    /// x86-64 with SSE 4.2 and POPCNT: every such machine since about 2009.
    #[serde(rename = "x86_64-linux")]
    X86_64,
    /// x86-64 with AVX2, BMI and FMA as well: since about 2015, but for some small ones.
    #[serde(rename = "x86_64-v3-linux")]
    X86_64V3,
    /// 64-bit ARM, ARMv8.0 on.
    #[serde(rename = "aarch64-linux")]
    Aarch64,
}

impl Machine {
    /// All of them; of one architecture, the ones that ask for more come first.
    pub const ALL: [Machine; 3] = [Machine::X86_64V3, Machine::X86_64, Machine::Aarch64];

    /// Its name, as `--target` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Machine::X86_64 => "x86_64-linux",
            Machine::X86_64V3 => "x86_64-v3-linux",
            Machine::Aarch64 => "aarch64-linux",
        }
    }

    /// The architecture, as Rust names it.
    pub fn architecture(self) -> &'static str {
        match self {
            Machine::X86_64 | Machine::X86_64V3 => "x86_64",
            Machine::Aarch64 => "aarch64",
        }
    }

    /// Whether this machine runs code for it.
    pub fn is_this(self) -> bool {
        cfg!(target_os = "linux")
            && self.architecture() == std::env::consts::ARCH
            && self.has_features()
    }

    #[cfg(target_arch = "x86_64")]
    fn has_features(self) -> bool {
        use std::arch::is_x86_feature_detected as has;
        let v2 =
            has!("sse3") && has!("ssse3") && has!("sse4.1") && has!("sse4.2") && has!("popcnt");
        let v3 = has!("avx") && has!("avx2") && has!("bmi1") && has!("bmi2") && has!("fma");
        match self {
            Machine::X86_64V3 => v2 && v3 && has!("lzcnt"),
            _ => v2,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn has_features(self) -> bool {
        true
    }

    /// The features that its code uses, as Cranelift names them.
    #[cfg(feature = "compiler")]
    pub(crate) fn flags(self) -> &'static [&'static str] {
        const FLAGS: [&str; 11] = [
            "has_sse3",
            "has_ssse3",
            "has_sse41",
            "has_sse42",
            "has_popcnt",
            "has_avx",
            "has_avx2",
            "has_bmi1",
            "has_bmi2",
            "has_lzcnt",
            "has_fma",
        ];
        match self {
            Machine::X86_64 => FLAGS.first_chunk::<5>().map_or(&[], |flags| flags),
            Machine::X86_64V3 => &FLAGS,
            Machine::Aarch64 => &[],
        }
    }

    /// What the compiler calls it.
    #[cfg(feature = "compiler")]
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Machine::X86_64 | Machine::X86_64V3 => "x86_64-unknown-linux-gnu",
            Machine::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Machine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Machine::ALL.into_iter();
        all.find(|machine| machine.name() == text).ok_or_else(|| {
            let names = Machine::ALL.map(Machine::name).join(", ");
            format!("there is no target `{text}`; the targets: {names}")
        })
    }
}

/// How the memory of a plugin's instance lies in the address space. Code is compiled for one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginMemory {
    /// Behind it 4 GiB of addresses are reserved, which cost nothing, and the processor itself meets what goes beyond: no access
    /// is checked.
    Guarded,
    /// It takes the addresses that it uses, and each access is checked.
    Checked,
}

/// Below this limit on a process's address space, plugins cannot have 4 GiB each.
const AMPLE: u64 = 1 << 40;

impl PluginMemory {
    /// Both, the faster one first.
    pub const ALL: [PluginMemory; 2] = [PluginMemory::Guarded, PluginMemory::Checked];

    /// Its name, as settings have it.
    pub fn name(self) -> &'static str {
        match self {
            PluginMemory::Guarded => "guarded",
            PluginMemory::Checked => "checked",
        }
    }

    /// What the system allows: `ulimit -v` may leave too few addresses.
    pub fn of_this_process() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::As).current;
        match limit.is_some_and(|limit| limit < AMPLE) {
            true => PluginMemory::Checked,
            false => PluginMemory::Guarded,
        }
    }

    pub(crate) fn configure(self, config: &mut Config) {
        if self == PluginMemory::Checked {
            config.memory_reservation(0);
            config.memory_guard_size(0);
            config.guard_before_linear_memory(false);
            config.memory_may_move(true);
            config.memory_reservation_for_growth(GROWTH);
        }
    }
}

/// What a checked memory reserves beyond what it has, so that it need not move each time it grows.
const GROWTH: u64 = 1024 * 1024;

impl fmt::Display for PluginMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PluginMemory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = PluginMemory::ALL.into_iter();
        let found = all.find(|memory| memory.name() == text);
        found.ok_or_else(|| format!("`{text}` is neither guarded nor checked"))
    }
}

/// What code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeTarget {
    /// The machine; `None`: the one that compiles, with all that it can do.
    pub machine: Option<Machine>,
    /// How memories lie there.
    pub memory: PluginMemory,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for machine in Machine::ALL {
            assert_eq!(machine.name().parse(), Ok(machine));
            let json = serde_json::to_string(&machine).unwrap();
            assert_eq!(json, format!("\"{machine}\""));
        }
        for memory in PluginMemory::ALL {
            assert_eq!(memory.name().parse(), Ok(memory));
            let json = serde_json::to_string(&memory).unwrap();
            assert_eq!(json, format!("\"{memory}\""));
        }
        let wrong = "sparc".parse::<Machine>().unwrap_err();
        assert_eq!(
            wrong,
            "there is no target `sparc`; the targets: x86_64-v3-linux, x86_64-linux, aarch64-linux"
        );
    }
}
