//! What is shown of manifests, and above all what is not.

use super::MaskedText;
use crate::{Source, TextRange};

fn masked(text: &str) -> String {
    let mut all = Source::new("m.yaml", text).masked();
    let MaskedText { name, text } = all.remove(0);
    assert_eq!(name, "m.yaml");
    text
}

#[test]
fn secrets_are_masked_and_all_else_stays() {
    let text = r#"
admin: {endpoint: "127.0.0.1:4319", token: hunter2}
exporters:
  otlp:
    endpoint: https://me:hidden-pass@tempo:4317/path?sig=hidden-sig   # the store
    tls: {key_file: key.pem, insecure: true}
    headers:
      x-scope: hidden-scope
      authorization: "Bearer hidden-bearer"
      from-env: ${env:TENANT}
      with-default: ${env:TENANT:-hidden-default}
processors:
  attributes:
    actions:
      - {key: api.token, value: hidden-value, action: insert}
      - {key: team, value: platform, action: insert}
  redaction: {hash_key: 123456789, blocked_key_patterns: [".*token.*"]}
plugins:
  resourcedetection: {environment: {NODE: hidden-node}}
service:
  telemetry:
    metrics:
      readers:
        - periodic: {exporter: {otlp: {headers: [{name: tenant, value: hidden-tenant}]}}}
"#;
    let expected = r#"
admin: {endpoint: "127.0.0.1:4319", token: ***}
exporters:
  otlp:
    endpoint: https://***@tempo:4317/path?***   # the store
    tls: {key_file: key.pem, insecure: true}
    headers:
      x-scope: ***
      authorization: ***
      from-env: ${env:TENANT}
      with-default: ***
processors:
  attributes:
    actions:
      - {key: api.token, value: ***, action: insert}
      - {key: team, value: platform, action: insert}
  redaction: {hash_key: ***, blocked_key_patterns: [".*token.*"]}
plugins:
  resourcedetection: {environment: {NODE: ***}}
service:
  telemetry:
    metrics:
      readers:
        - periodic: {exporter: {otlp: {headers: [{name: tenant, value: ***}]}}}
"#;
    assert_eq!(masked(text), expected);
}

#[test]
fn a_secret_of_several_lines_leaves_as_many() {
    let text = "tls:\n  key_pem: |\n    hidden one\n    hidden two\n  min_version: \"1.2\"\nlast: 'a\n  b'\n";
    let shown = masked(text);
    assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
    assert!(!shown.contains("hidden"), "{shown}");
    assert_eq!(shown.lines().nth(4), Some("  min_version: \"1.2\""));
    for quoted in [
        "password: 'hidden\n  hidden'\nend: 1\n",
        "password: >-\n  hidden\n\n  hidden\nend: 1\n",
        "password: hidden\n  hidden\nend: 1\n",
        "password: \"hidden\\\n  hidden\"\nend: 1\n",
        "ä: ö\npassword: hidden\nend: 1\n",
    ] {
        let shown = masked(quoted);
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.ends_with("end: 1\n"), "{shown}");
        assert_eq!(shown.lines().count(), quoted.lines().count(), "{shown}");
    }
}

#[test]
fn a_secret_is_masked_wherever_it_stands() {
    // By an anchor under another name, and in a text of several.
    let shown = masked("x: &mine abc\nadmin: {token: *mine}\ny: abcd\n");
    assert_eq!(shown, "x: ***\nadmin: {token: ***}\ny: abcd\n");
    let shown = masked("x: &mine {a: hidden1}\nheaders: *mine\n");
    assert_eq!(shown, "x: &mine {a: ***}\nheaders: *mine\n");
    let shown = masked("password: hidden1\nstatement: set(a, \"hidden1\") # hidden1, hidden12\n");
    assert_eq!(
        shown,
        "password: ***\nstatement: set(a, \"***\") # ***, hidden12\n"
    );
    // In another text that it is laid over.
    let mut source = Source::new("one", "admin: {token: hidden1}");
    source.push(Source::new("--set x", "admin::token: hidden2"));
    let texts: Vec<String> = source.masked().into_iter().map(|one| one.text).collect();
    assert_eq!(texts, ["admin: {token: ***}", "admin::token: ***"]);
}

#[test]
fn comments_tell_no_secrets_either() {
    let text = "a: 1 # token: hidden\n#headers:\n#  Authorization: 'Bearer hidden1'\n# Bearer hidden-token\n# see http://me:hidden@host\nb: 'c # password: d'\n# api_key=hidden and more\n# the token: \n";
    let expected = "a: 1 # token: ***\n#headers:\n#  Authorization: ***\n# ***\n# see http://***@host\nb: 'c # password: d'\n# api_key=***\n# the token: \n";
    assert_eq!(masked(text), expected);
}

#[test]
fn what_is_not_yaml_is_not_shown() {
    assert_eq!(masked("a: [token: hidden\nb: }"), "");
    assert_eq!(masked(""), "");
}

#[test]
fn places_are_lines_and_columns_of_their_text() {
    let mut source = Source::new("one.yaml", "a: 1\nbä: 2\n");
    source.push(Source::new("two.yaml", "c: 3\nd: 4"));
    let at = |start: usize| {
        let position = source.position(TextRange { start, end: start });
        (position.text.to_owned(), position.line, position.column)
    };
    assert_eq!(at(0), ("one.yaml".to_owned(), 1, 1));
    assert_eq!(at(5), ("one.yaml".to_owned(), 2, 1));
    // After a character of two bytes.
    assert_eq!(at(8), ("one.yaml".to_owned(), 2, 3));
    assert_eq!(at(13), ("two.yaml".to_owned(), 1, 1));
    assert_eq!(at(18), ("two.yaml".to_owned(), 2, 1));
    assert_eq!(at(1000), ("two.yaml".to_owned(), 2, 5));
}
