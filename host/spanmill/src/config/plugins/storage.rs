//! `storage`: which extension stores what a plugin holds. It stands in the settings of components that are built in and hold
//! rows, and under `plugins:` for all components of a type.

use crate::config::settings::Settings;
use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, Node, Section, TextRange, Value};

/// Reads it under `plugins:`.
pub(super) fn read(
    section: &mut Section<'_>,
    out: &mut Diagnostics,
) -> Option<(ComponentId, TextRange)> {
    let node = section.value("storage")?.clone();
    parse(&node, section.owner(), out)
}

/// Takes it out of a component's settings.
pub(super) fn take(
    settings: &mut Settings,
    out: &mut Diagnostics,
) -> Option<(ComponentId, TextRange)> {
    let node = settings.take("storage")?;
    if matches!(node.value, Value::Null) {
        return None;
    }
    parse(&node, settings.owner(), out)
}

fn parse(node: &Node, owner: &str, out: &mut Diagnostics) -> Option<(ComponentId, TextRange)> {
    match ComponentId::parse(&node.raw) {
        Ok(id) if matches!(node.value, Value::Text(_)) => Some((id, node.place)),
        _ => {
            let message = format!("{owner}: storage: this is no component id");
            out.push(
                Diagnostic::error(node.place, message)
                    .help("name an extension, as in `storage: file_storage`"),
            );
            None
        }
    }
}
