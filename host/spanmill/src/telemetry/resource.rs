//! `service.telemetry.resource`: what the service's own telemetry is of.

use std::sync::OnceLock;

use spanmill_manifest::{Diagnostics, Section};

/// The attributes: those of the service, and what the section says.
pub(crate) fn resource(
    telemetry: &mut Section<'_>,
    out: &mut Diagnostics,
) -> Vec<(String, String)> {
    static INSTANCE: OnceLock<String> = OnceLock::new();
    // The same however often a manifest is read.
    let instance = INSTANCE.get_or_init(|| format!("{:032x}", rand::random::<u128>()));
    let mut attributes = vec![
        ("service.name".to_owned(), "spanmill".to_owned()),
        (
            "service.version".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
        ("service.instance.id".to_owned(), instance.clone()),
    ];
    let mut set = |key: &str, value: Option<String>| {
        attributes.retain(|(known, _)| known != key);
        attributes.extend(value.map(|value| (key.to_owned(), value)));
    };
    let Some(mut resource) = telemetry.section("resource", out) else {
        return attributes;
    };
    for node in resource.list("attributes", out).unwrap_or_default() {
        let owner = format!("{}: attributes", resource.owner());
        let mut attribute = Section::open(&node, node.place, owner, out);
        let name = attribute.text("name", out).unwrap_or_default();
        let value = attribute.value("value").map(|node| node.raw.clone());
        attribute.ignore(&["type"], out);
        attribute.finish(out);
        set(&name, value);
    }
    for entry in resource.entries() {
        if !matches!(
            entry.key.as_str(),
            "attributes" | "schema_url" | "detectors" | "attributes_list"
        ) {
            // Without a value, the attribute goes.
            let value = Some(entry.value.raw.clone()).filter(|_| !entry.value.is_null());
            set(&entry.key, value);
        }
    }
    attributes
}
