//! The table of settings in a plugin's README, made from the JSON Schema of its settings.

use serde_json::Value;

use crate::rows::{Rows, rows};

/// Two tests, for a module of tests: they hold the plugin's `settings.schema.json` and the table in its README to its settings.
/// Keys that the README explains outside of the table follow the type; see [`check_table`](crate::check_table).
#[macro_export]
macro_rules! settings_tests {
    ($settings:ty $(, $elsewhere:literal)*) => {
        fn schema() -> serde_json::Value {
            serde_json::to_value(schemars::schema_for!($settings)).unwrap()
        }

        #[test]
        fn the_schema_is_that_of_the_settings() {
            spanmill_sdk::testing::check_schema(
                &schema(),
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/settings.schema.json")),
                concat!(env!("CARGO_MANIFEST_DIR"), "/settings.schema.json"),
            );
        }

        #[test]
        fn the_readme_has_the_table_of_the_settings() {
            let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
            $crate::check_table(&schema(), readme, &[$($elsewhere),*]);
        }
    };
}

/// Where the table begins and ends.
const START: &str =
    "<!-- settings: made from their schema; the tests of this plugin with UPDATE=1 write it -->";
const END: &str = "<!-- end of settings -->";

const HEAD: &str = "| key | type | default | meaning |\n|---|---|---|---|\n";

/// Holds the table between two comments of a README to the schema, and panics if they differ. With `UPDATE=1` in the
/// environment it writes the table instead. Rows keep their order.
///
/// The meaning of a key is its doc comment. What is below the keys `elsewhere`, such as `policies`, has no rows; the README
/// must name each of those keys in some other place.
pub fn check_table(schema: &Value, file: &str, elsewhere: &[&str]) {
    let readme = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let made = made(schema, &readme, elsewhere).unwrap_or_else(|why| panic!("{file} {why}"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, made).unwrap_or_else(|error| panic!("{file}: {error}"));
        return;
    }
    assert!(
        made == readme,
        "the table of settings in {file} is not that of the schema; run the test with UPDATE=1"
    );
}

/// A README with the table of a schema.
fn made(schema: &Value, readme: &str, elsewhere: &[&str]) -> Result<String, String> {
    let parts = readme.split_once(START).and_then(|(before, rest)| {
        let (table, after) = rest.split_once(END)?;
        Some((before, table, after))
    });
    let Some((before, table, after)) = parts else {
        return Err(format!(
            "has no place for the table of settings: write {START} and {END}"
        ));
    };
    let order: Vec<&str> = table.lines().filter_map(first_cell).collect();
    let Rows {
        rows,
        named,
        untold,
    } = rows(schema, &order, elsewhere);
    if !untold.is_empty() {
        let keys = untold.join(", ");
        return Err(format!("cannot tell what {keys} mean: write doc comments"));
    }
    let is_missing = |key: &&String| !names(readme, key);
    let missing: Vec<&str> = named
        .iter()
        .filter(is_missing)
        .map(|it| it.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(format!("does not name {}", missing.join(", ")));
    }
    let rows = in_order(rows, &order);
    let lines: String = rows.into_iter().map(|(_, line)| line).collect();
    Ok(format!("{before}{START}\n{HEAD}{lines}{END}{after}"))
}

/// Rows in the order that the README has; a new one stands behind those of the same object.
fn in_order(rows: Vec<(String, String)>, order: &[&str]) -> Vec<(String, String)> {
    let place = |key: &str| order.iter().position(|known| *known == key);
    let (mut rows, new): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|(key, _)| place(key).is_some());
    rows.sort_by_key(|(key, _)| place(key));
    for row in new {
        let parent = row.0.rsplit_once('.').map_or("", |(parent, _)| parent);
        let parent = parent.trim_end_matches("[]").trim_end_matches(".*");
        let is_beside = |(key, _): &(String, String)| key.starts_with(parent);
        let last = rows.iter().rposition(is_beside);
        rows.insert(last.map_or(rows.len(), |last| last + 1), row);
    }
    rows
}

/// The key that a line of a table is about.
fn first_cell(line: &str) -> Option<&str> {
    let cell = line.strip_prefix("| `")?;
    cell.split_once("` |").map(|(key, _)| key)
}

/// Whether a text has a key in code, maybe with something around it.
fn names(readme: &str, key: &str) -> bool {
    let code = readme.split('`').skip(1).step_by(2);
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    code.flat_map(|code| code.split(move |it| !is_word(it)))
        .any(|word| word == key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "properties": {
                "both": {"$ref": "#/$defs/Pair", "description": "Two\n  of them."},
                "limit": {"type": ["integer", "null"], "default": 3, "description": "At most | so many."},
                "mode": {"enum": ["", "a", "b"], "default": "a", "description": "How."},
                "pair": {"anyOf": [{"$ref": "#/$defs/Pair"}, {"type": "null"}], "description": "One more."},
                "rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}, "description": "In order."},
                "wait": {"$ref": "#/$defs/Duration", "default": "2s", "description": "How long."},
            },
            "$defs": {
                "Duration": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
                "Pair": {
                    "type": "object",
                    "properties": {"one": {"type": "string", "description": "This one."}},
                    "required": ["one"],
                },
                "Rule": {"type": "object", "properties": {"deep": {"type": "array", "items": {"$ref": "#/$defs/Rule"}}}},
            },
        })
    }

    fn readme(table: &str) -> String {
        format!("before\n{START}\n{table}{END}\nafter: `rules[].deep`\n")
    }

    #[test]
    fn a_table_has_a_row_for_each_key_in_the_order_that_is_there() {
        let order = "| `wait` | | | |\n| `pair.one` | x | y | z |\n| `pair` | | | |\n";
        let made = made(&schema(), &readme(order), &["rules"]).unwrap();
        let table = "| key | type | default | meaning |\n|---|---|---|---|\n\
            | `wait` | duration | `2s` | How long |\n\
            | `pair.one` | string | required | This one |\n\
            | `pair` | object | | One more |\n\
            | `both` | object, as `pair` | | Two of them |\n\
            | `limit` | integer | `3` | At most \\| so many |\n\
            | `mode` | `a`, `b` | `a` | How |\n\
            | `rules` | list | | In order |\n";
        assert_eq!(made, readme(table));
        assert_eq!(super::made(&schema(), &made, &["rules"]), Ok(made));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |schema: &Value, readme: &str| made(schema, readme, &["rules"]).unwrap_err();
        assert!(error(&schema(), "no table").contains(START));
        let elsewhere = readme("").replace("deep", "shallow");
        assert_eq!(error(&schema(), &elsewhere), "does not name deep");
        let untold = json!({"properties": {"a": {"type": "string"}, "b": {"type": "string"}}});
        assert_eq!(
            error(&untold, &readme("")),
            "cannot tell what `a`, `b` mean: write doc comments"
        );
    }
}
