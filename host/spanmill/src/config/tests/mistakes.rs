//! A mistake a test, and what is said of it. `UPDATE_EXPECT=1` rewrites the texts.

mod exporters;
mod pipelines;
mod processors;
mod receivers;
mod text;
mod unsupported;

use expect_test::Expect;

use super::load;

fn check(text: &str, expected: Expect) {
    let said = match load(text) {
        Ok(loaded) => loaded.warnings.render(false),
        Err(mistakes) => mistakes.render(false),
    };
    expected.assert_eq(&said);
}

/// Checks sections of a manifest. Those that are left out are standard: an `otlp` receiver, a `debug` exporter, and a
/// traces pipeline through every component.
fn check_sections(sections: &str, expected: Expect) {
    check(&completed(sections), expected);
}

fn completed(sections: &str) -> String {
    let mut text = sections.to_owned();
    for standard in [
        "receivers:\n  otlp:\n    protocols:\n      grpc:\n",
        "exporters:\n  debug:\n",
    ] {
        let key = standard.lines().next().unwrap();
        if !sections.lines().any(|line| line == key) {
            text.push_str(standard);
        }
    }
    let list = |role: &str| format!("{role}: [{}]", ids(&text, role).join(", "));
    let lists = ["receivers", "processors", "exporters"]
        .map(list)
        .join(", ");
    format!("{text}service: {{pipelines: {{traces: {{{lists}}}}}}}\n")
}

/// The ids below a section's key.
fn ids<'t>(text: &'t str, role: &str) -> Vec<&'t str> {
    let below = text
        .lines()
        .skip_while(|line| line.trim_end_matches(':') != role);
    let section = below.skip(1).take_while(|line| line.starts_with(' '));
    let keys = section.filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    let keys = keys
        .map(|(id, _)| id)
        .filter(|id| !id.starts_with([' ', '#']));
    keys.collect()
}
