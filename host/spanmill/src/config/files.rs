//! The files that a manifest names beside plugins: looked at before anything starts.

use super::manifest::Manifest;
use spanmill_manifest::Diagnostics;
use spanmill_net::tls::check_server;

/// Complains of certificates and keys that cannot be used. What was so in `before` is running with what it read then, and is
/// not asked again.
pub fn check_files(manifest: &Manifest, before: Option<&Manifest>, out: &mut Diagnostics) {
    for (id, config) in &manifest.receivers {
        if before.and_then(|before| before.receivers.get(id)) != Some(config) {
            config.check(id, out);
        }
    }
    for (id, config) in &manifest.exporters {
        if before.and_then(|before| before.exporters.get(id)) != Some(config) {
            config.check(id, out);
        }
    }
    for (id, config) in &manifest.extensions {
        if before.and_then(|before| before.extensions.get(id)) != Some(config) {
            config.check(id, out);
        }
    }
    // The admin API is what it was at the start.
    if before.is_none()
        && let Some(admin) = &manifest.admin
        && admin.enabled
        && let Some(tls) = &admin.tls
    {
        check_server("admin", tls, out);
    }
}
