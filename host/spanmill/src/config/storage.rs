//! Whether the extensions that store what plugins hold are there.

use super::manifest::{Manifest, Processor};
use spanmill_manifest::{Diagnostic, Diagnostics, TextRange};

/// Complains of components whose storage is not there.
pub(super) fn check_storage(manifest: &Manifest, out: &mut Diagnostics) {
    let mut complained: Vec<TextRange> = Vec::new();
    for (id, processor) in &manifest.processors {
        let Processor::Plugin(plugin) = processor else {
            continue;
        };
        let Some((storage, place)) = &plugin.storage else {
            continue;
        };
        let stores = manifest
            .extensions
            .get(storage)
            .map(|extension| extension.storage().is_some());
        let (what, help) = match stores {
            Some(true) => continue,
            Some(false) => ("stores nothing", "name a `file_storage` extension"),
            None => (
                "is not among those that the service uses",
                "define it under `extensions:`, with its `directory`, and name it in `service.extensions`",
            ),
        };
        if !complained.contains(place) {
            complained.push(*place);
            let message = format!("processor {id}: storage: the extension {storage} {what}");
            out.push(Diagnostic::error(*place, message).help(help));
        }
    }
}
