//! `extensions` and `service.extensions`. This version serves none, and says of each what to do instead.

use std::collections::BTreeMap;

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, Place, Section, did_you_mean};

/// What to do without an extension, by its type.
const INSTEAD: [(&str, &str); 14] = [
    ("health_check", HEALTH),
    ("healthcheck", HEALTH),
    ("healthcheckv2", HEALTH),
    ("pprof", "remove it; `perf` shows where the time goes"),
    (
        "zpages",
        "remove it; `spanmill plugin status` and the admin API show what runs",
    ),
    (
        "file_storage",
        "remove it, and `storage:` where it is named: queues are kept in memory in this version",
    ),
    (
        "db_storage",
        "remove it, and `storage:` where it is named: queues are kept in memory in this version",
    ),
    ("memory_limiter", "use the `memory_limiter` processor"),
    ("memory_ballast", "remove it: there is no garbage collector"),
    ("basicauth", CREDENTIALS),
    ("bearertokenauth", CREDENTIALS),
    ("headers_setter", CREDENTIALS),
    ("oauth2client", CREDENTIALS),
    ("opamp", "remove it; the admin API changes what runs"),
];

const HEALTH: &str =
    "remove it, and probe the admin API or a receiver's port: it is open once everything runs";
const CREDENTIALS: &str = "send credentials under `headers:` of the exporter; in front of receivers, put an authenticating proxy";

/// Those that `extensions:` defines.
pub(super) fn defined(
    root: &mut Section<'_>,
    out: &mut Diagnostics,
) -> BTreeMap<ComponentId, Place> {
    let mut defined = BTreeMap::new();
    let entries = super::components(root, "extensions", &mut defined, out);
    drop(entries);
    defined
}

/// Checks what `service.extensions` names.
pub(super) fn check(
    service: &mut Section<'_>,
    defined: &BTreeMap<ComponentId, Place>,
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
        let instead = INSTEAD.iter().find(|(kind, _)| *kind == id.kind());
        let help = instead.map_or_else(
            || {
                let known: Vec<&str> = INSTEAD.iter().map(|(kind, _)| *kind).collect();
                let near = did_you_mean(id.kind(), known).unwrap_or_default();
                format!("remove it: extensions are not part of this version {near}")
            },
            |(_, help)| (*help).to_owned(),
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
