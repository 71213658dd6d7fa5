//! The `nop` exporter: takes everything, and does nothing with it.

use super::{Accepted, Attempt, Export, Payload};

pub(super) struct Nop;

impl Export for Nop {
    fn export<'a>(&'a self, _payload: &'a Payload) -> Attempt<'a> {
        Box::pin(async { Ok(Accepted::default()) })
    }
}
