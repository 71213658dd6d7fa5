//! `extensions` and `service.extensions`. This version serves none, and says of each what to do instead.

use std::collections::BTreeMap;

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, Section, TextRange, did_you_mean};

use super::entries::component_entries;
use crate::component::ComponentKind;
use crate::components;

/// Those that `extensions:` defines.
pub(super) fn defined(
    root: &mut Section<'_>,
    out: &mut Diagnostics,
) -> BTreeMap<ComponentId, TextRange> {
    let mut defined = BTreeMap::new();
    let entries = component_entries(root, "extensions", &mut defined, out);
    drop(entries);
    defined
}

/// Checks what `service.extensions` names.
pub(super) fn check(
    service: &mut Section<'_>,
    defined: &BTreeMap<ComponentId, TextRange>,
    out: &mut Diagnostics,
) {
    let mut used = Vec::new();
    for item in service.list("extensions", out).unwrap_or_default() {
        let Ok(id) = ComponentId::parse(&item.raw) else {
            let message = "service: extensions: this is no component id";
            out.push(
                Diagnostic::error(item.place, message)
                    .help("ids are written `type` or `type/name`"),
            );
            continue;
        };
        if !defined.contains_key(&id) {
            let known = defined.keys().map(ComponentId::as_str);
            let message = format!("service: extensions: there is no extension {id}");
            out.push(
                Diagnostic::error(item.place, message)
                    .maybe_help(did_you_mean(id.as_str(), known))
                    .help("define it under `extensions:`, or remove it"),
            );
            continue;
        }
        let instead = components::instead_of(ComponentKind::Extension, id.kind());
        let help = instead.map_or_else(
            || {
                let known = components::absent_types(ComponentKind::Extension);
                let near = did_you_mean(id.kind(), known).unwrap_or_default();
                format!("remove it: extensions are not part of this version {near}")
            },
            str::to_owned,
        );
        let message = format!("extension {id} is not served in this version");
        out.push(Diagnostic::error(item.place, message).help(help.trim_end()));
        used.push(id);
    }
    for (id, place) in defined.iter().filter(|(id, _)| !used.contains(id)) {
        let message = format!("extension {id} is defined, but the service does not use it");
        out.push(Diagnostic::warning(*place, message));
    }
}
