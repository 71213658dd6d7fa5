//! Manifests of several texts.

use std::path::Path;
use std::time::Duration;

use expect_test::expect;

use super::super::*;
use super::GOOD;
use crate::config::tests::exporter_settings;
use crate::export::debug::config::{DebugConfig, Verbosity};
use crate::export::otlp_grpc::config::OtlpGrpcConfig;

fn load(source: Source) -> Result<LoadedManifest, Diagnostics> {
    parse(source, Path::new("/conf"), &|_| None)
}

fn sources(texts: &[(&str, &str)]) -> Source {
    let mut texts = texts.iter().map(|(name, text)| Source::new(*name, *text));
    let mut whole = texts.next().unwrap();
    texts.for_each(|text| whole.push(text));
    whole
}

fn id(text: &str) -> ComponentId {
    ComponentId::parse(text).unwrap()
}

#[test]
fn later_texts_are_laid_over_earlier_ones() {
    let over = "
exporters:
  otlp: {endpoint: 'a:1', timeout: 9s}
service:
  pipelines:
    traces:
      exporters: [otlp]
";
    let keys = "exporters::otlp::timeout: 3s\nexporters::otlp::tls: {insecure: true}\n";
    let loaded = load(sources(&[
        ("a.yaml", GOOD),
        ("b.yaml", over),
        ("c.yaml", keys),
    ]));
    let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let pipeline = &loaded.manifest.pipelines[0];
    // Lists are replaced, mappings joined.
    assert_eq!(pipeline.exporters, [id("otlp")]);
    assert_eq!(pipeline.receivers, [id("otlp")]);
    let otlp: &OtlpGrpcConfig = exporter_settings(&*loaded.manifest.exporters[&id("otlp")]);
    assert_eq!(otlp.uri, "http://a:1");
    assert_eq!(otlp.client.timeout, Duration::from_secs(3));
    assert_eq!(loaded.manifest.source.name(), "a.yaml, b.yaml, c.yaml");
}

#[test]
fn each_mistake_is_shown_in_its_text() {
    let over =
        "# comment\nexporters:\n  debug: {verbosity: loud}\n  file:\nservice:\n  pipelines::x: 1\n";
    let twice = "processors:\n  batch:\n  batch:\n";
    let Err(mistakes) = load(sources(&[
        ("base.yaml", &GOOD.replace("[otlp]", "[otpl]")),
        ("over.yaml", over),
        ("twice.yaml", twice),
    ])) else {
        panic!()
    };
    expect![[r#"
        warning: receiver otlp is defined, but no pipeline uses it
         --> base.yaml:2:3
          |
        2 |   otlp:
          |   ^^^^

        error: pipeline traces: receivers: there is no receiver otpl
          --> base.yaml:10:19
           |
        10 |       receivers: [otpl]
           |                   ^^^^
           |
           = help: did you mean `otlp`?

        error: exporter debug: verbosity: this value is not known
         --> over.yaml:3:22
          |
        3 |   debug: {verbosity: loud}
          |                      ^^^^
          |
          = help: one of: basic, normal, detailed

        error: exporter file: path is missing
         --> over.yaml:4:3
          |
        4 |   file:
          |   ^^^^
          |
          = help: add `path:` with the file to write

        warning: exporter file is defined, but no pipeline uses it
         --> over.yaml:4:3
          |
        4 |   file:
          |   ^^^^

        error: service: unknown key `pipelines::x`
         --> over.yaml:6:3
          |
        6 |   pipelines::x: 1
          |   ^^^^^^^^^^^^
          |
          = help: did you mean `pipelines`?

        error: `batch` is there twice
         --> twice.yaml:3:3
          |
        2 |   batch:
          |   ----- first here
        3 |   batch:
          |   ^^^^^
          |
          = help: remove one of the two

        warning: processor batch is defined, but no pipeline uses it
         --> twice.yaml:3:3
          |
        3 |   batch:
          |   ^^^^^

        base.yaml, over.yaml, twice.yaml: 5 errors, 3 warnings
    "#]]
    .assert_eq(&mistakes.render(false));
}

#[test]
fn nothing_over_a_mapping_takes_it_away() {
    let over = "exporters:\n  otlp: {endpoint: 'a:1'}\nexporters::otlp: null\n";
    let text = GOOD.replace("debug", "otlp");
    let Err(mistakes) = load(sources(&[("a", &text), ("b", over)])) else {
        panic!()
    };
    assert!(mistakes.render(false).contains("endpoint is missing"));
    assert!(load(sources(&[("a", GOOD), ("b", ""), ("c", "~")])).is_ok());
}

#[test]
fn files_are_relative_to_the_text_that_names_them() {
    let over = "plugins: {mine: {file: mine.wasm}}\nprocessors: {mine: }\nservice::pipelines::traces::processors: [mine]\n";
    let mut whole = Source::new("a", GOOD).in_folder("/a");
    whole.push(Source::new("b", over).in_folder("/b"));
    let loaded = load(whole).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let Some(Processor::Plugin(used)) = loaded.manifest.processors.get(&id("mine")) else {
        panic!()
    };
    assert_eq!(used.spec.file.as_deref(), Some(Path::new("/b/mine.wasm")));
}

fn from(locations: &[&str], settings: &[&str]) -> Result<Source, String> {
    let owned = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let from =
        ManifestSource::from_arguments(&owned(locations), &owned(settings), ("built in", GOOD));
    from.and_then(|from| from.read())
        .map_err(|error| error.to_string())
}

#[test]
fn locations_have_schemes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.yaml");
    std::fs::write(&path, GOOD).unwrap();
    let path = path.to_str().unwrap();
    let verbosity = |source: Source| match load(source)
        .unwrap()
        .manifest
        .exporters
        .remove(&id("debug"))
    {
        Some(config) => exporter_settings::<DebugConfig>(&*config).verbosity,
        None => panic!(),
    };
    let file = format!("file:{path}");
    let yaml = "yaml:exporters::debug::verbosity: normal";
    assert_eq!(verbosity(from(&[path], &[]).unwrap()), Verbosity::Basic);
    assert_eq!(
        verbosity(from(&[&file, yaml], &[]).unwrap()),
        Verbosity::Normal
    );
    let set = ["exporters.debug.verbosity=detailed"];
    assert_eq!(
        verbosity(from(&[&file, yaml], &set).unwrap()),
        Verbosity::Detailed
    );
    assert_eq!(verbosity(from(&[], &set).unwrap()), Verbosity::Detailed);
    let Err(mistakes) = load(from(&[path], &["exporters.debug.verbosity=loud"]).unwrap()) else {
        panic!()
    };
    expect![[r#"
        error: exporter debug: verbosity: this value is not known
         --> --set exporters.debug.verbosity:1:30
          |
        1 | exporters::debug::verbosity: loud
          |                              ^^^^
          |
          = help: one of: basic, normal, detailed

        a.yaml, --set exporters.debug.verbosity: 1 error
    "#]]
    .assert_eq(&mistakes.render(false).replace(path, "a.yaml"));
    let refused = |location: &str| from(&[location], &[]).unwrap_err();
    assert!(refused("http://a/b").starts_with("`http:` is no kind of location"));
    assert!(
        refused("env:SPANMILL_NO_SUCH_VARIABLE")
            .contains("SPANMILL_NO_SUCH_VARIABLE, which is to hold the manifest")
    );
    assert!(refused("file:/nowhere").starts_with("cannot read the manifest /nowhere"));
    assert!(
        from(&[path], &["a"])
            .unwrap_err()
            .starts_with("`--set a` is not understood")
    );
    let files = |locations: &[&str]| {
        let owned: Vec<String> = locations.iter().map(|text| (*text).to_owned()).collect();
        let from = ManifestSource::from_arguments(&owned, &[], ("", "")).unwrap();
        from.files().cloned().collect::<Vec<_>>()
    };
    let one = ManifestSource::from_arguments(&["file:a".to_owned()], &[], ("", "")).unwrap();
    assert_eq!(one.only_file(), Some(Path::new("a")));
    let set = ["a.b=c".to_owned()];
    let more = ManifestSource::from_arguments(&["a".to_owned()], &set, ("", "")).unwrap();
    assert_eq!(more.only_file(), None);
    assert_eq!(
        files(&["a.yaml", yaml, "file:b"]),
        [Path::new("a.yaml"), Path::new("b")]
    );
}
