//! Settings read as what a plugin wants.

use serde::de::DeserializeOwned;

use crate::ConfigError;

/// Reads settings, with a pointer to the mistake if there is one. No settings at all (`null`, which an
/// empty YAML section becomes) are an empty object.
pub fn parse_settings<C: DeserializeOwned>(settings: &str) -> Result<C, ConfigError> {
    let settings = if settings.trim() == "null" {
        "{}"
    } else {
        settings
    };
    let mut json = serde_json::Deserializer::from_str(settings);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path().iter() {
            use serde_path_to_error::Segment;
            match segment {
                Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
                Segment::Map { key } => {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        // serde_json ends its messages with a place in the JSON, which no user ever sees.
        let message = error.into_inner().to_string();
        let message = match message.rfind(" at line ") {
            Some(end) => message[..end].to_owned(),
            None => message,
        };
        ConfigError::at(pointer, suggest(message))
    })
}

/// Turns serde's list of every known key into the one that was meant, if one is close.
fn suggest(message: String) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (Some(wrong), true) = (quoted.next(), message.starts_with("unknown field")) else {
        return message;
    };
    match crate::error::closest(wrong, quoted) {
        Some(meant) => format!("unknown key `{wrong}`; did you mean `{meant}`?"),
        None => message.replacen("unknown field", "unknown key", 1),
    }
}
