//! `service.extensions`: which of those under `extensions:` are used. Of those that this version does not have, it says what to do
//! instead.

use std::collections::BTreeMap;

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, Section, TextRange, did_you_mean};

use crate::component::ComponentKind;
use crate::components;

/// The extensions that `service.extensions` names.
pub(super) fn used(
    service: &mut Section<'_>,
    defined: &BTreeMap<ComponentId, TextRange>,
    out: &mut Diagnostics,
) -> Vec<ComponentId> {
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
        if components::extension(id.kind()).is_some() {
            used.push(id);
            continue;
        }
        let instead = components::instead_of(ComponentKind::Extension, id.kind());
        let help = instead.map_or_else(
            || {
                let known = components::absent_types(ComponentKind::Extension);
                let known = known.chain(components::type_names(ComponentKind::Extension));
                let near = did_you_mean(id.kind(), known).unwrap_or_default();
                format!("remove it: this version has `health_check` and `file_storage` {near}")
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
    used
}
