//! The trait of a plugin that says what it is.

/// What a plugin is, for people and editors: `spanmill inspect` shows it.
///
/// Register the plugin with `register_processor!(MyPlugin, about)` or `register_connector!(MyPlugin, about)`; the trait
/// alone exports nothing. A host asks before `configure`, or without it.
///
/// ```
/// # struct DropRoutes;
/// impl spanmill_sdk::About for DropRoutes {
///     const NAME: &'static str = "drop_routes";
///     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
///     const SUMMARY: &'static str = "Drops the spans of some routes";
///
///     // Or `include_str!("settings.schema.json")`.
///     const SETTINGS_SCHEMA: &'static str = r#"{
///         "type": "object",
///         "properties": {"routes": {"type": "array", "items": {"type": "string"}}},
///         "required": ["routes"]
///     }"#;
/// }
/// ```
pub trait About {
    /// The plugin's name: 1 to 64 letters, digits, `_`, `-` and `.`.
    const NAME: &'static str;

    /// Its version, of at most 64 characters.
    const VERSION: &'static str;

    /// What it does, in one line of at most 200 characters.
    const SUMMARY: &'static str;

    /// The JSON Schema of the settings, an object of at most 256 KiB as text; empty: none. The host does not hold settings
    /// against it: `configure` alone decides.
    const SETTINGS_SCHEMA: &'static str = "";
}
