//! The table of fields in the contract's text and `FIELDS` say the same.

use std::collections::BTreeMap;

use spanmill_model::{Context, FIELDS};

const TEXT: &str = include_str!("../../../wit/telemetry.wit");

/// Each path of the table, and whether it is marked as writable. Attributes are left out.
fn documented() -> BTreeMap<&'static str, bool> {
    let mut paths = BTreeMap::new();
    for line in TEXT.lines() {
        let Some(row) = line.trim().strip_prefix("/// | `") else {
            continue;
        };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let writable = cells.contains(&"W");
        let first = cells.first().copied().unwrap_or_default();
        for path in first.split('`').filter(|part| part.contains('.')) {
            let is_list = path.contains(".attributes") || path.contains(".metadata");
            let context = path.split('.').next().unwrap_or_default();
            if !is_list && Context::with_prefix(context).is_some() {
                assert!(
                    paths.insert(path, writable).is_none(),
                    "{path} is there twice"
                );
            }
        }
    }
    paths
}

#[test]
fn every_field_is_documented_and_no_other() {
    let fields: Vec<(String, bool)> = FIELDS
        .iter()
        .map(|field| {
            let path = format!("{}.{}", field.context.prefix(), field.name);
            (path, field.writable)
        })
        .collect();
    let documented = documented();
    for (path, writable) in &fields {
        assert_eq!(documented.get(path.as_str()), Some(writable), "{path}");
    }
    for path in documented.keys() {
        assert!(fields.iter().any(|(known, _)| known == path), "{path}");
    }
}
