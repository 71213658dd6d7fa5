//! What stands for variables.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::super::*;
use super::load_with;
use crate::config::tests::exporter_settings;
use crate::export::otlp_grpc::config::OtlpGrpcConfig;

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).unwrap()
}

fn filter(manifest: &Manifest) -> &PluginUse {
    match manifest.processors.get(&id("filter")) {
        Some(Processor::Plugin(plugin)) => plugin,
        other => panic!("{other:?}"),
    }
}

fn manifest_with(value: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
exporters: {{debug: }}
processors:
  filter:
    v: {value}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [filter], exporters: [debug]}}}}}}
"
    )
}

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "NUMBER" => "42",
        "OCTAL" => "0123",
        "FLAG" => "true",
        "TEXT" => "a #b: c",
        "TREE" => "{a: [1, '${env:NUMBER}'], b: '${env:TEXT}', c: x$$y}",
        "SHORT" => "${NUMBER}",
        "LINK" => "${env:SHORT}",
        "PARTS" => "${env:NUMBER}-${env:TEXT}",
        "NAME" => "NUMBER",
        "DOLLARS" => "pa$word $$5",
        "EMPTY" => "",
        "LOOP" => "${env:LOOP}",
        "TWICE" => "${env:TWICE}${env:TWICE}",
        "BROKEN" => "[1, ",
        _ => return None,
    };
    Some(value.to_owned())
}

/// What a plugin is given for a value.
fn value(text: &str) -> Json {
    let loaded = load_with(&manifest_with(text), &environment).unwrap_or_else(|m| panic!("{m}"));
    filter(&loaded.manifest).settings.json()["v"].clone()
}

#[test]
fn a_reference_alone_has_the_type_of_what_it_stands_for() {
    for quote in ["", "'", "\""] {
        let value = |reference: &str| value(&format!("{quote}{reference}{quote}"));
        assert_eq!(value("${env:NUMBER}"), json!(42));
        assert_eq!(value("${NUMBER}"), json!(42));
        assert_eq!(value("${env:OCTAL}"), json!(83));
        assert_eq!(value("${env:FLAG}"), json!(true));
        assert_eq!(value("${env:TEXT}"), json!("a #b: c"));
        assert_eq!(value("${env:LINK}"), json!(42));
        assert_eq!(value("${env:EMPTY}"), json!(null));
        assert_eq!(value("${env:BROKEN}"), json!("[1, "));
        assert_eq!(
            value("${env:TREE}"),
            json!({"a": [1, 42], "b": "a #b: c", "c": "x$y"})
        );
        assert_eq!(value("${env:NONE:-7}"), json!(7));
        assert_eq!(value("${env:NONE:-}"), json!(""));
        assert_eq!(value("n${env:NUMBER}"), json!("n42"));
        assert_eq!(value("${env:NUMBER}${env:NUMBER}"), json!("4242"));
    }
}

#[test]
fn references_stand_inside_others() {
    let cases = [
        ("'${env:NONE:-${env:NUMBER}}'", json!(42)),
        ("'${env:NONE:-${env:NONE2:-last}}'", json!("last")),
        (
            "'${env:NONE:-a ${env:NONE2:-b} ${env:NUMBER}}'",
            json!("a b 42"),
        ),
        ("'${env:${env:NAME}}'", json!(42)),
        ("'${env:${env:NONE:-NAME}:-x}'", json!("NUMBER")),
        ("'${env:NUMBER:-${env:NONE}}'", json!(42)),
        ("'${env:NONE:-[1, ${env:NUMBER}]}'", json!([1, 42])),
        ("'<${env:PARTS}>'", json!("<42-a #b: c>")),
        ("'${env:PARTS}'", json!("42-a #b: c")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn dollars_that_are_no_references() {
    let cases = [
        ("$$${env:NUMBER}", json!("$42")),
        ("$${env:NUMBER}", json!("${env:NUMBER}")),
        ("$$$${env:NUMBER}", json!("$${env:NUMBER}")),
        ("a$b $$ $", json!("a$b $ $")),
        ("${env:DOLLARS}", json!("pa$word $5")),
        ("x ${env:DOLLARS}", json!("x pa$word $5")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(&format!("'{text}'")), expected, "{text}");
    }
}

fn refused(text: &str) -> String {
    match load_with(&manifest_with(text), &environment) {
        Ok(_) => panic!("{text} was taken"),
        Err(mistakes) => mistakes.render(false),
    }
}

#[test]
fn what_has_no_end_is_refused() {
    for text in [
        "'${env:LOOP}'",
        "'x${env:TWICE}'",
        "'${env:NONE:-${env:LOOP}}'",
    ] {
        assert!(
            refused(text).contains("name each other more than 32 times"),
            "{text}"
        );
    }
    let many = "a${env:NONE:-".repeat(100) + &"}".repeat(100);
    assert!(refused(&format!("'{many}'")).contains("name each other more than 32 times"));
}

#[test]
fn of_very_many_mistakes_the_first_are_shown() {
    let value = format!("[{}]", vec!["'${env:NONE}'"; 20_000].join(", "));
    let text = manifest_with(&value).replace("{debug: }", "{debug: {verbosity: loud}}");
    let Err(mistakes) = load_with(&text, &environment) else {
        panic!()
    };
    assert_eq!(mistakes.iter().count(), 201);
    let said = mistakes.render(false);
    assert!(said.contains("error: exporter debug: verbosity"));
    assert!(said.contains("... and 19800 more"));
    assert!(said.ends_with("spanmill.yaml: 1 error, 20000 warnings\n"));
}

/// However often it is named and whatever repeats it, as much as a manifest may have stands for variables, and no more.
#[test]
fn what_variables_stand_for_is_counted_as_it_grows() {
    let tree = format!("[{}]", ["1"; 30_000].join(", "));
    let text = "x".repeat(1024 * 1024);
    let env = |name: &str| match name {
        "TREE" => Some(tree.clone()),
        "TEXT" => Some(text.clone()),
        _ => None,
    };
    let said = |value: &str| match load_with(&manifest_with(value), &env) {
        Ok(_) => String::new(),
        Err(mistakes) => mistakes.render(false),
    };
    let list = |item: &str, times| format!("[{}]", vec![item; times].join(", "));
    assert_eq!(said(&list("'${env:TREE}'", 3)), "");
    let too_many = said(&list("'${env:TREE}'", 3000));
    assert!(
        too_many.contains("more than 100000 values, counting what variables and aliases repeat")
    );
    assert_eq!(said(&list("'${env:TEXT}'", 15)), "");
    assert!(said(&list("'a ${env:TEXT}'", 3000)).contains("stand for more than 16 MiB"));
    let alias = format!("[&a {}, {}]", list("'${env:TREE}'", 2), list("*a", 100));
    assert!(said(&alias).contains("more than 100000 values"));
}

#[test]
fn the_environment_reaches_scalars() {
    let env = |name: &str| match name {
        "KEY" => Some("0123".to_owned()),
        "SIZE" => Some("7".to_owned()),
        "LIST" => Some("[a, 2]".to_owned()),
        "HASH" => Some("a #b: c".to_owned()),
        _ => None,
    };
    let text = "
receivers: {otlp: {protocols: {grpc: }}}
processors:
  batch: {send_batch_size: '${env:SIZE}', timeout: '${env:WAIT:-3}s'}
  filter:
    key: '${env:KEY}'
    bare: ${env:KEY}
    list: ${env:LIST}
    hash: ${env:HASH}
    size: ${SIZE}
    cost: $$5 $x
    url: http://${env:HOST:-h}:${SIZE}/
exporters:
  otlp: {endpoint: 'h:${SIZE}', headers: {k: '${env:KEY}'}}
service: {pipelines: {traces: {receivers: [otlp], processors: [batch, filter], exporters: [otlp]}}}
";
    let loaded = load_with(text, &env).unwrap_or_else(|m| panic!("{m}"));
    assert!(loaded.warnings.is_empty());
    let manifest = loaded.manifest;
    let filter = filter(&manifest);
    assert_eq!(
        *filter.settings.json(),
        json!({"key": 83, "bare": 83, "list": ["a", 2], "hash": "a #b: c", "size": 7, "cost": "$5 $x", "url": "http://h:7/"})
    );
    let Some(Processor::Host(HostProcessor::Batch(batch))) = manifest.processors.get(&id("batch"))
    else {
        panic!()
    };
    assert_eq!(
        (batch.send_batch_size, batch.timeout),
        (7, Duration::from_secs(3))
    );
    let otlp: &OtlpGrpcConfig = exporter_settings(&*manifest.exporters[&id("otlp")]);
    assert_eq!(otlp.uri, "https://h:7");
    assert_eq!(otlp.client.headers[0].1.reveal(), "0123");
    assert!(!format!("{otlp:?}").contains("0123"));
}
