//! A core module made into a component.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::error::Error;
use crate::world::{self, World};
use crate::{adapter, exports};

/// The component of a core module.
///
/// # Errors
///
/// If `core` is no core module, exports no role of the contract, lacks a function of an interface that it exports, or imports
/// what no plugin has.
pub fn componentize(core: &[u8], world: &World<'_>) -> Result<Vec<u8>, Error> {
    let exports = exports::read(core)?;
    let mut module = core.to_vec();
    // A module that was built with generated bindings says itself which world it is of.
    if !exports.has_metadata {
        let (resolve, id) = world::resolve(world, &exports)?;
        embed_component_metadata(&mut module, &resolve, id, StringEncoding::UTF8)
            .map_err(Error::encode)?;
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|encoder| encoder.adapter(adapter::NAME, &adapter::module()?))
        .and_then(|mut encoder| encoder.encode())
        .map_err(Error::encode)
}
