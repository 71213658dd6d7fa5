//! The JSON Schema of a plugin's settings, held to the settings themselves.

use serde_json::Value;

/// Holds the schema that a plugin shows to the one derived from its settings, and panics if they differ. With `UPDATE=1` in
/// the environment it writes the derived one to `file` instead.
///
/// Call it in a unit test of the plugin, with `schemars::schema_for!(Settings)`: the derive stands behind
/// `cfg_attr(test, ..)`, so that guests do not carry it.
pub fn check_schema(derived: &Value, shown: &str, file: &str) {
    let text = format!("{derived:#}\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, text).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    let shown: Value = serde_json::from_str(shown)
        .unwrap_or_else(|error| panic!("{file} is not JSON: {error}; run the test with UPDATE=1"));
    assert_eq!(
        &shown, derived,
        "{file} is not the schema of the settings; run the test with UPDATE=1"
    );
}
