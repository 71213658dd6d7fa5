//! Where a plugin's code is: a file, a registry or an address; and who must have signed it.

use std::path::Path;

use spanmill_distribution::{Digest, Location, LocationError};

use super::spec::PluginSpec;
use crate::components;
use spanmill_manifest::{Diagnostic, Diagnostics, Section, did_you_mean};

/// The ways to say it. At most one of them.
const SOURCES: [&str; 3] = ["file", "oci", "https"];

/// Reads `file`, `oci`, `https`, `digest` and `keys`. Files are relative to `folder`, or to that of the manifest they stand in.
pub(super) fn source(
    spec: &mut PluginSpec,
    section: &mut Section<'_>,
    folder: &Path,
    out: &mut Diagnostics,
) {
    let given: Vec<_> = SOURCES
        .into_iter()
        .filter_map(|key| section.value(key).map(|node| (key, node.place)))
        .collect();
    spec.source_place = given.first().map(|(_, place)| *place);
    if let [(first, place), (second, other), ..] = given.as_slice() {
        let owner = section.owner();
        out.push(
            Diagnostic::error(
                *other,
                format!("{owner}: {second}: it is in a {first} already"),
            )
            .related(*place, "here")
            .help("name one place"),
        );
    }
    let place = spec.source_place.unwrap_or(section.place());
    let folder = out.source().folder_at(place).unwrap_or(folder).to_owned();
    spec.file = section.text("file", out).map(|file| folder.join(file));
    let oci = location("oci", Location::oci, section, out);
    let https = location("https", Location::https, section, out);
    spec.digest = digest(section, out);
    let is_wrong = spec.digest.is_none() && section.value("digest").is_some();
    spec.location = match (oci, https, &spec.digest) {
        // That has been said.
        _ if is_wrong => None,
        // Behind an address there is only the file.
        (None, Some(https), Some(digest)) => Some(https.pinned(digest.clone())),
        (oci, https, _) => oci.or(https),
    };
    spec.keys_place = section.value("keys").map(|node| node.place);
    if let Some(keys) = section.texts("keys", out) {
        spec.keys = keys.iter().map(|key| folder.join(key)).collect();
        if let (true, Some(node)) = (keys.is_empty(), section.value("keys")) {
            let what = "no key is named, so no plugin could be signed by one";
            out.push(section.wrong("keys", node, what));
        }
    }
    if given.is_empty() {
        without_source(spec, section, out);
    }
}

/// Nothing says where the code is: it must be a built-in.
fn without_source(spec: &PluginSpec, section: &mut Section<'_>, out: &mut Diagnostics) {
    let place = spec.place.unwrap_or_default();
    if components::built_in_plugin(&spec.kind).is_none() {
        let names = components::built_in_plugins().map(|plugin| plugin.name);
        let owner = section.owner();
        out.push(
            Diagnostic::error(
                place,
                format!("{owner}: there is no built-in of this type, and nothing says where the plugin is"),
            )
            .maybe_help(did_you_mean(&spec.kind, names))
            .help("add `file:` with the path of the component, or `oci:` or `https:`"),
        );
    } else if let Some(node) = section.value("keys") {
        let what = "built-ins are not signed; name the plugin's `file:`, `oci:` or `https:`";
        out.push(section.wrong("keys", node, what));
    }
}

fn location(
    key: &'static str,
    read: fn(&str) -> Result<Location, LocationError>,
    section: &mut Section<'_>,
    out: &mut Diagnostics,
) -> Option<Location> {
    let text = section.text(key, out)?;
    match read(&text) {
        Ok(location) => Some(location),
        Err(why) => {
            if let Some(node) = section.value(key) {
                out.push(section.wrong(key, node, why));
            }
            None
        }
    }
}

fn digest(section: &mut Section<'_>, out: &mut Diagnostics) -> Option<Digest> {
    let text = section.text("digest", out)?;
    // Without the name of its kind as well, which earlier versions wrote.
    let digest = text.parse().or_else(|_| format!("sha256:{text}").parse());
    if let (Err(_), Some(node)) = (&digest, section.value("digest")) {
        let what = "must be `sha256:` and 64 hexadecimal digits in lower case";
        out.push(
            section
                .wrong("digest", node, what)
                .help("`spanmill inspect` shows a file's digest"),
        );
    }
    digest.ok()
}
