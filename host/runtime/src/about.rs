//! What a plugin says of itself.

/// What a plugin says it is; texts without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The plugin's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does, in a line.
    pub summary: String,
    /// The JSON Schema of its settings, a JSON object; empty: none.
    pub settings_schema: String,
}

const NAME: usize = 64;
const VERSION: usize = 64;
const SUMMARY: usize = 200;
const SCHEMA: usize = 256 * 1024;

impl About {
    /// Checks what the contract says of each part.
    ///
    /// # Errors
    ///
    /// What is wrong, to be read behind "its `about` interface".
    pub(crate) fn checked(self) -> Result<Self, String> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !(1..=NAME).contains(&self.name.len()) || !self.name.bytes().all(is_name) {
            return Err(format!(
                "gives a name that is not 1 to {NAME} letters, digits, `_`, `-` and `.`"
            ));
        }
        for (what, text, most) in [
            ("version", &self.version, VERSION),
            ("summary", &self.summary, SUMMARY),
        ] {
            if text.chars().count() > most || text.chars().any(char::is_control) {
                return Err(format!(
                    "gives a {what} that is not one line of at most {most} characters"
                ));
            }
        }
        if self.settings_schema.len() > SCHEMA {
            let kib = SCHEMA / 1024;
            return Err(format!("gives a settings-schema of more than {kib} KiB"));
        }
        type Object = serde_json::Map<String, serde_json::Value>;
        if !self.settings_schema.is_empty()
            && let Err(error) = serde_json::from_str::<Object>(&self.settings_schema)
        {
            return Err(format!(
                "gives a settings-schema that is not a JSON object: {error}"
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str, version: &str, summary: &str, schema: &str) -> About {
        About {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            settings_schema: schema.to_owned(),
        }
    }

    #[test]
    fn a_description_is_short_and_its_schema_an_object() {
        let schema = format!(r#"{{"a": "{}"}}"#, "x".repeat(SCHEMA));
        let long = "x".repeat(SUMMARY + 1);
        for (given, wrong) in [
            (
                about(
                    "drop_routes-2.x",
                    "1.4.0",
                    "Drops routes. Über!",
                    r#"{"type": "object"}"#,
                ),
                None,
            ),
            (about("a", "", "", ""), None),
            (about("", "", "", ""), Some("1 to 64 letters")),
            (about("über", "", "", ""), Some("1 to 64 letters")),
            (about(&long, "", "", ""), Some("1 to 64 letters")),
            (
                about("a", &long, "", ""),
                Some("a version that is not one line"),
            ),
            (
                about("a", "1\n2", "", ""),
                Some("a version that is not one line"),
            ),
            (
                about("a", "", &long, ""),
                Some("a summary that is not one line"),
            ),
            (
                about("a", "", "\u{1b}[2J", ""),
                Some("a summary that is not one line"),
            ),
            (about("a", "", "", &schema), Some("more than 256 KiB")),
            (about("a", "", "", "true"), Some("not a JSON object")),
            (about("a", "", "", "{"), Some("not a JSON object")),
        ] {
            match (given.clone().checked(), wrong) {
                (Ok(checked), None) => assert_eq!(checked, given),
                (Err(why), Some(wrong)) => assert!(why.contains(wrong), "{why}"),
                (checked, wrong) => panic!("{checked:?}, not {wrong:?}"),
            }
        }
    }
}
