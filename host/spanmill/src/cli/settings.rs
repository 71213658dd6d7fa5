//! A plugin's settings, as commands are given them.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use spanmill_manifest::{Diagnostics, Source};

use super::files::read_text;
use super::output::{Failure, colour};
use crate::config;

/// The name of the option, as errors call it.
const OPTION: &str = "--settings";

/// What `--settings` says, as JSON: a mapping in JSON or YAML, or `@` and a YAML file. JSON is taken as it is; in YAML
/// `$$` stands for a dollar, as in a manifest.
///
/// # Errors
///
/// What is no mapping, with its place, and a file that cannot be read.
pub(super) fn of_option(text: &str) -> Result<String, Failure> {
    if let Some(file) = text.strip_prefix('@') {
        return Ok(of_file(Path::new(file))?.to_string());
    }
    if serde_json::from_str::<Map<String, Json>>(text).is_ok() {
        return Ok(text.to_owned());
    }
    if !text.contains(':') {
        return Err(Failure(format!(
            "error: {OPTION}: settings are a mapping, such as '{{routes: [/healthz]}}'; a file is named with an @: {OPTION} @settings.yaml"
        )));
    }
    Ok(mapping(OPTION, text.to_owned())?.to_string())
}

/// The settings in a YAML file.
///
/// # Errors
///
/// As for [`of_option`].
pub(super) fn of_file(file: &Path) -> Result<Json, Failure> {
    mapping(&file.display().to_string(), read_text(file)?)
}

fn mapping(name: &str, text: String) -> Result<Json, Failure> {
    let source = Arc::new(Source::new(name, text));
    let mut found = Diagnostics::new(source.clone());
    let root = spanmill_manifest::read(&source, &|_| None, &mut found);
    match root.as_ref().map(config::settings_json) {
        Some(json @ Json::Object(_)) if !found.has_errors() => Ok(json),
        Some(Json::Null) if !found.has_errors() => Ok(Json::Object(Map::new())),
        _ => Err(Failure(found.render(colour()))),
    }
}
