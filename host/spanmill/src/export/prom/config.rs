//! Settings that both exporters share.

use spanmill_manifest::{Diagnostics, Section};

/// `resource_to_telemetry_conversion`: whether resource attributes become labels, and whether those that identify the service are left out.
pub(in crate::export) fn conversion(
    section: &mut Section<'_>,
    out: &mut Diagnostics,
) -> (bool, bool) {
    let Some(mut conversion) = section.section("resource_to_telemetry_conversion", out) else {
        return (false, false);
    };
    let flags = (
        conversion.flag("enabled", false, out),
        conversion.flag("exclude_service_attributes", false, out),
    );
    conversion.finish(out);
    flags
}

/// `translation_strategy`, which overrides `add_metric_suffixes`: whether names get their unit and `_total`.
pub(in crate::export) fn translation(
    section: &mut Section<'_>,
    known: &[(&str, bool)],
    out: &mut Diagnostics,
) -> Option<bool> {
    let node = section.value("translation_strategy")?;
    let found = known.iter().find(|(name, _)| *name == node.raw);
    match found {
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let what = "is none of the strategies there are";
            out.push(
                section
                    .wrong("translation_strategy", node, what)
                    .help(format!("one of: {}", names.join(", "))),
            );
        }
        Some((name, _)) if name.starts_with("No") => {
            let what = "scrapers get names with underscores, as those that do not ask for UTF-8 do everywhere";
            out.push(section.doubtful("translation_strategy", node, what));
        }
        Some(_) => {}
    }
    found.map(|(_, suffixes)| *suffixes)
}
