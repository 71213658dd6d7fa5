//! Manifests as text: YAML with the place of every value, several texts merged, variables replaced, sections read key by
//! key with every mistake collected. Which keys there are, and what they mean, is the reader's business: this crate knows
//! no component.

mod anchor;
mod component_id;
mod diagnostics;
mod duration;
mod env;
mod masked;
mod merge;
mod origin;
mod secret;
mod section;
mod source;
mod tree;
mod yaml;

pub use anchor::Anchor;
pub use component_id::ComponentId;
pub use diagnostics::{Diagnostic, Diagnostics, Severity, did_you_mean};
pub use duration::{DurationError, parse as parse_duration};
pub use env::Lookup;
pub use masked::MaskedText;
pub use origin::{ConfigError, MAX_BYTES, ManifestSource};
pub use secret::Secret;
pub use section::Section;
pub use source::{Position, Source, TextRange};
pub use tree::{Entry, Node, Value};

/// Reads a source's texts into one tree: later texts laid over earlier ones, variables replaced with what `env` finds.
/// `None` if nothing can be made of it; why is in `out`.
pub fn read(source: &Source, env: Lookup<'_>, out: &mut Diagnostics) -> Option<Node> {
    let mut root = Node::null(TextRange::default());
    for part in source.parts() {
        let text = yaml::parse(part.text(), part.base(), out);
        merge::lay_over(&mut root, text.unwrap_or(Node::null(part.start())), out);
    }
    if out.has_errors() && root.is_null() {
        return None;
    }
    env::substitute(&mut root, env, out);
    Some(root)
}
