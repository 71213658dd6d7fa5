//! What a core module exports.

use std::collections::BTreeSet;

use wasmparser::{Encoding, Parser, Payload};

use crate::Error;

/// What a module tells of itself.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    /// The interfaces whose functions it exports.
    pub(crate) interfaces: BTreeSet<String>,
    /// Whether it was built with bindings that left the world's name and type.
    pub(crate) has_metadata: bool,
}

/// Reads a module's exports: `spanmill:plugin/processor@0.1.0#process` is a function of the interface before the `#`.
pub(crate) fn read(core: &[u8]) -> Result<Exports, Error> {
    let mut found = Exports::default();
    for payload in Parser::new(0).parse_all(core) {
        match payload.map_err(malformed)? {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                return Err(Error::Component);
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let name = export.map_err(malformed)?.name;
                    if let Some((interface, _)) = name.split_once('#')
                        && !name.starts_with("cabi_post_")
                    {
                        found.interfaces.insert(interface.to_owned());
                    }
                }
            }
            Payload::CustomSection(section) => {
                found.has_metadata |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    Ok(found)
}

fn malformed(error: wasmparser::BinaryReaderError) -> Error {
    Error::Malformed(error.to_string())
}
