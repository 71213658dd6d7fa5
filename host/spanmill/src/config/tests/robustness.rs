//! Whatever the text: an answer, and never a panic.

use super::{load, load_with};

const GATEWAY: &str = include_str!("collector/gateway.yaml");

/// Reads and renders, with and without colours.
fn survive(text: &str) {
    let env = |name: &str| {
        name.len()
            .is_multiple_of(2)
            .then(|| "é: [1, ${env:X}]".to_owned())
    };
    let said = match load_with(text, &env) {
        Ok(loaded) => loaded.warnings,
        Err(mistakes) => mistakes,
    };
    said.render(true);
    said.render(false);
}

#[test]
fn cut_off_anywhere() {
    for (at, _) in GATEWAY.char_indices() {
        survive(&GATEWAY[..at]);
        survive(&GATEWAY[at..]);
    }
}

#[test]
fn disturbed_anywhere() {
    let disturbances = [
        "",
        "é",
        "\t",
        "\r\n",
        "\0",
        "- ",
        ": ",
        "}",
        "${",
        "${env:AB}",
        "&a ",
        "*a",
        "'",
        "|\n",
        "---\n",
    ];
    for (at, character) in GATEWAY
        .char_indices()
        .filter(|(at, _)| at.is_multiple_of(7))
    {
        let (before, after) = (&GATEWAY[..at], &GATEWAY[at + character.len_utf8()..]);
        for disturbance in disturbances {
            survive(&format!("{before}{disturbance}{after}"));
        }
    }
}

#[test]
fn line_ends_and_marks_of_other_systems() {
    let text = include_str!("collector/tracing-guide.yaml");
    let plain = load(text).unwrap();
    for text in [text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        let loaded = load(&text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(
            loaded.manifest.pipelines.len(),
            plain.manifest.pipelines.len()
        );
    }
}
