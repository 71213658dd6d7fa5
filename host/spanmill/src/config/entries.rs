//! The entries of a section of components.

use std::collections::BTreeMap;

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, Entry, Section, TextRange};

/// The entries of a section of components whose ids are valid; all of them are noted in `declared`.
pub(super) fn component_entries<'n>(
    root: &mut Section<'n>,
    key: &'static str,
    declared: &mut BTreeMap<ComponentId, TextRange>,
    out: &mut Diagnostics,
) -> Vec<(ComponentId, &'n Entry)> {
    let Some(section) = root.section(key, out) else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for entry in section.entries() {
        match ComponentId::parse(&entry.key) {
            Ok(id) => {
                // A second entry of the same key was complained of by the parser.
                if declared.insert(id.clone(), entry.key_place).is_none() {
                    entries.push((id, entry));
                }
            }
            Err(why) => {
                let message = format!("{key}: `{}` is no component id: {why}", entry.key);
                out.push(
                    Diagnostic::error(entry.key_place, message)
                        .help("ids are written `type` or `type/name`"),
                );
            }
        }
    }
    entries
}
