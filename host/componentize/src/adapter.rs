//! WASI preview 1 for plugins.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The module whose imports the adapter answers.
pub(crate) const NAME: &str = "wasi_snapshot_preview1";

const TEXT: &str = include_str!("preview1.wat");
/// What the adapter itself imports.
const WORLD: &str = "package spanmill:plugin@0.1.0;
interface log {
  enum level { debug, info, warn, error }
  log: func(level: level, message: string);
}
world adapter { import log; }";

/// The adapter, with its type.
pub(crate) fn module() -> anyhow::Result<Vec<u8>> {
    let mut module = wat::parse_str(TEXT)?;
    let mut resolve = Resolve::default();
    let package = resolve.push_source("adapter.wit", WORLD)?;
    let world = resolve.select_world(&[package], Some("adapter"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(module)
}
