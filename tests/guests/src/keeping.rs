//! What the stateful ones hand on, and how that goes wrong.

use crate::crimes;
use crate::state::INSTANCE;

const FORMAT: u32 = 1;

/// Why a saved state was not taken; the bindings of each world have a type of their own for it.
pub enum Refusal {
    /// A layout that is not known, or `refuse-format`.
    Format,
    /// Data that are no count, or `refuse-data`.
    Data(String),
}

/// The number of batches.
pub fn snapshot() -> (u32, Vec<u8>) {
    INSTANCE.with_borrow(|instance| {
        let data = match instance.settings.behaviour.as_str() {
            "panic-in-snapshot" => panic!("nobody is to know"),
            "loop-in-snapshot" => crimes::spin(),
            "giant-snapshot" => crimes::hoard(instance.settings.size(256)),
            _ => instance.batches.to_le_bytes().to_vec(),
        };
        (FORMAT, data)
    })
}

/// Goes on counting where another instance was.
pub fn restore(format: u32, data: &[u8]) -> Result<(), Refusal> {
    INSTANCE.with_borrow_mut(|instance| {
        match instance.settings.behaviour.as_str() {
            "panic-in-restore" => panic!("nothing is to be learned from others"),
            "loop-in-restore" => crimes::spin(),
            "refuse-format" => return Err(Refusal::Format),
            "refuse-data" => return Err(Refusal::Data("I do not like this state".to_owned())),
            _ => {}
        }
        if format != FORMAT {
            return Err(Refusal::Format);
        }
        let count = data.try_into().map_err(|_| {
            Refusal::Data(format!("a count has 8 bytes, and there are {}", data.len()))
        })?;
        instance.batches = u64::from_le_bytes(count);
        Ok(())
    })
}
