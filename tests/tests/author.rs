//! `spanmill plugin new`, `build`, `test`, `bench` and `dev`: what those who write plugins use. What the templates of each
//! language need besides, `tests/five-minutes` goes through.

use std::path::{Path, PathBuf};

use spanmill_tests::{Output, Program, built_in, guest, request, span, spanmill, text, version};
use tempfile::TempDir;

fn write(folder: &Path, path: &str, text: &str) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).unwrap()
}

/// A folder with one case: two spans, one of them a health check.
fn case(settings: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "cases/one/settings.yaml", settings);
    let spans = vec![
        span(1, "probe", vec![text("http.route", "/healthz")]),
        span(2, "order", vec![text("http.route", "/orders")]),
    ];
    let input = serde_json::to_string(&request("shop", spans)).unwrap();
    write(folder.path(), "cases/one/input.json", &input);
    folder
}

async fn test_cases(folder: &Path, plugin: &str, more: &[&str]) -> Output {
    let arguments = ["plugin", "test", "--plugin", plugin];
    spanmill(folder, &[&arguments, more].concat()).await
}

#[tokio::test]
async fn a_case_passes_fails_with_a_diff_and_is_written_down() {
    let folder = case(
        "error_mode: ignore\ntraces: {span: ['attributes[\"http.route\"] == \"/healthz\"']}\n",
    );
    let filter = built_in("filter").display().to_string();
    let out = test_cases(folder.path(), &filter, &["--update"]).await;
    assert_eq!(
        (out.code, out.stdout.contains("written down")),
        (Some(0), true),
        "{}",
        out.stderr
    );
    let expected = read(folder.path(), "cases/one/expected.json");
    assert!(
        expected.contains("\"order\"") && !expected.contains("\"probe\""),
        "{expected}"
    );

    // However its numbers and spaces are written.
    let value: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let other = value
        .to_string()
        .replace("\"kind\":2", "\"kind\":\"SPAN_KIND_SERVER\"");
    assert_ne!(value.to_string(), other);
    write(folder.path(), "cases/one/expected.json", &other);
    let out = test_cases(folder.path(), &filter, &[]).await;
    assert_eq!(
        (out.code, out.stdout.as_str()),
        (
            Some(0),
            "ok    one                      2 items in\n1 case passed\n"
        )
    );

    write(
        folder.path(),
        "cases/one/expected.json",
        &other.replace("\"order\"", "\"orders\""),
    );
    let out = test_cases(folder.path(), &filter, &[]).await;
    assert_eq!(out.code, Some(1));
    assert!(
        out.stdout.contains(
            "-              \"name\": \"orders\",\n+              \"name\": \"order\",\n"
        ),
        "{}",
        out.stdout
    );
    assert!(
        out.stderr.contains("error: 1 of 1 case failed"),
        "{}",
        out.stderr
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_case_is_told_with_its_file() {
    let folder = case("trace: {}\n");
    let filter = built_in("filter").display().to_string();
    write(folder.path(), "cases/one/expected.json", "{}");
    let out = test_cases(folder.path(), &filter, &[]).await;
    assert_eq!(out.code, Some(1));
    for told in ["FAIL  one", "trace", "cases/one/settings.yaml"] {
        assert!(out.stdout.contains(told), "{told}: {}", out.stdout);
    }
    write(
        folder.path(),
        "cases/one/settings.yaml",
        "traces: {span: []}\n",
    );
    write(folder.path(), "cases/one/expected.json", "{\"spans\": []}");
    let out = test_cases(folder.path(), &filter, &[]).await;
    assert!(
        out.stdout
            .contains("expected.json: an OTLP request begins with resourceSpans"),
        "{}",
        out.stdout
    );
    write(
        folder.path(),
        "cases/one/input.json",
        "{\"resourceSpans\": 5}",
    );
    let out = test_cases(folder.path(), &filter, &[]).await;
    assert!(
        out.stdout.contains("cases/one/input.json"),
        "{}",
        out.stdout
    );
    write(folder.path(), "cases/one/input.json", "{}");
    write(folder.path(), "cases/two/settings.yaml", "{}");
    let out = test_cases(folder.path(), &filter, &[]).await;
    for told in [
        "input.json: there is nothing in it",
        "FAIL  two",
        "cases/two/input.json",
    ] {
        assert!(out.stdout.contains(told), "{told}: {}", out.stdout);
    }
    assert!(
        out.stderr.contains("error: 2 of 2 cases failed"),
        "{}",
        out.stderr
    );
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("cases")).unwrap();
    let out = test_cases(empty.path(), &filter, &[]).await;
    assert!(
        out.stderr
            .contains("there are no cases; a case is a folder with settings.yaml"),
        "{}",
        out.stderr
    );
}

#[tokio::test]
async fn a_case_in_which_the_plugin_fails_leads_to_its_fault() {
    let folder = case("behaviour: always-broken\n");
    let hostile = guest("hostile").display().to_string();
    let out = test_cases(folder.path(), &hostile, &[]).await;
    assert_eq!(out.code, Some(1), "{}", out.stderr);
    assert!(
        out.stdout
            .contains("a plugin's call failed; the log has its fault, on stderr"),
        "{}",
        out.stdout
    );
    assert!(out.stderr.contains("plugin fault;"), "{}", out.stderr);
}

#[tokio::test]
async fn connectors_and_routers_have_cases_too() {
    let folder = case("{}");
    let out = test_cases(
        folder.path(),
        &built_in("count").display().to_string(),
        &["--update"],
    )
    .await;
    assert_eq!(out.code, Some(0), "{}{}", out.stdout, out.stderr);
    let counted = read(folder.path(), "cases/one/expected.json");
    assert!(
        counted.contains("\"trace.span.count\"") && counted.contains("\"asInt\": \"2\""),
        "{counted}"
    );

    let settings = "default_pipelines: [traces/others]
table: [{context: span, condition: 'attributes[\"http.route\"] == \"/orders\"', pipelines: [traces/orders]}]\n";
    let folder = case(settings);
    let routing = built_in("routing").display().to_string();
    let out = test_cases(folder.path(), &routing, &[]).await;
    assert!(
        out.stdout
            .contains("an empty ./cases/one/expected.traces.eu.json means the pipeline traces/eu"),
        "{}",
        out.stdout
    );
    for file in ["expected.traces.orders.json", "expected.traces.others.json"] {
        write(folder.path(), &format!("cases/one/{file}"), "");
    }
    let out = test_cases(folder.path(), &routing, &["--update"]).await;
    assert_eq!(out.code, Some(0), "{}{}", out.stdout, out.stderr);
    assert!(read(folder.path(), "cases/one/expected.traces.orders.json").contains("\"order\""));
    assert!(read(folder.path(), "cases/one/expected.traces.others.json").contains("\"probe\""));
    assert_eq!(test_cases(folder.path(), &routing, &[]).await.code, Some(0));
}

#[tokio::test]
async fn a_plugin_is_measured_beside_another_and_beside_one_that_does_nothing() {
    let folder = case("routes: [/healthz]\n");
    let plugin = guest("drop_routes").display().to_string();
    let out = spanmill(
        folder.path(),
        &["plugin", "bench", &plugin, "--beside", &plugin],
    )
    .await;
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    let header = out
        .stdout
        .lines()
        .find(|line| line.contains("no-op"))
        .unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["spans", "plugin", "beside", "no-op"]
    );
    for size in ["10", "100", "1000", "8192"] {
        let line = out
            .stdout
            .lines()
            .find(|line| line.split_whitespace().next() == Some(size))
            .unwrap();
        let figures: Vec<f64> = line
            .split_whitespace()
            .skip(1)
            .map(|figure| figure.parse().unwrap())
            .collect();
        assert!(
            figures.len() == 3 && figures.iter().all(|ns| *ns > 0.0),
            "{line}"
        );
    }
    let input = folder
        .path()
        .join("cases/one/input.json")
        .display()
        .to_string();
    let out = spanmill(
        folder.path(),
        &["plugin", "bench", &plugin, "--input", &input],
    )
    .await;
    assert_eq!(out.code, Some(0), "{}", out.stderr);
}

#[tokio::test]
async fn a_new_folder_has_the_name_everywhere_and_nothing_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    for (name, language, kind) in [
        ("keep_errors", "rust", "processor"),
        ("slow_calls", "rust", "connector"),
        ("keep_js", "js", "processor"),
        ("slow_ts", "ts", "connector"),
        ("keep_python", "python", "processor"),
        ("slow_go", "go", "connector"),
        ("keep_c", "c", "processor"),
    ] {
        let out = spanmill(
            folder.path(),
            &["plugin", "new", name, "--lang", language, "--kind", kind],
        )
        .await;
        assert_eq!(out.code, Some(0), "{}", out.stderr);
        let made = folder.path().join(name);
        assert!(read(&made, "README.md").starts_with(&format!("# {name}\n")));
        assert!(read(&made, "plugin.yaml").contains(&format!("{name}.wasm\n")));
        let sdk = ["spanmill_sdk", "vendor/spanmill/sdk/rust"];
        let described = sdk
            .iter()
            .find_map(|sdk| std::fs::read_to_string(made.join(sdk).join("README.md")).ok());
        assert!(described.is_some_and(|text| text.contains("SDK")), "{name}");
        for file in files(&made) {
            let text = std::fs::read_to_string(&file).unwrap();
            let inside = file.strip_prefix(&made).unwrap();
            let carried = ["vendor", "spanmill_sdk", "wit/deps"];
            let is_carried = carried.iter().any(|folder| inside.starts_with(folder));
            for foreign in [
                env!("CARGO_MANIFEST_DIR"),
                "drop_routes",
                "route_calls",
                "DropRoutes",
                "RouteCalls",
            ] {
                let is_name = !foreign.starts_with('/');
                assert!(
                    !text.contains(foreign) || (is_name && is_carried),
                    "{foreign} in {}",
                    file.display()
                );
            }
        }
    }
    let out = spanmill(
        folder.path(),
        &["plugin", "new", "slow_calls", "--lang", "rust"],
    )
    .await;
    assert!(
        out.stderr.contains("cannot make the folder slow_calls"),
        "{}",
        out.stderr
    );
    let out = spanmill(
        folder.path(),
        &["plugin", "new", "Slow-Calls", "--lang", "rust"],
    )
    .await;
    assert!(
        out.stderr
            .contains("words of lower-case letters and digits"),
        "{}",
        out.stderr
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

/// A folder whose build takes a component that lies there already.
fn folder_of(plugin: &str, output: &str) -> TempDir {
    let folder = case("routes: [/healthz]\n");
    std::fs::copy(guest(plugin), folder.path().join("made.wasm")).unwrap();
    let project =
        format!("build: [[cp, made.wasm, {output}]]\noutput: {output}\nsources: [source.txt]\n");
    write(folder.path(), "plugin.yaml", &project);
    write(folder.path(), "source.txt", "");
    folder
}

#[tokio::test]
async fn a_build_shows_what_was_built_and_says_what_is_missing() {
    let folder = folder_of("drop_routes", "plugin.wasm");
    let out = spanmill(folder.path(), &["plugin", "build"]).await;
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    for told in [
        "$ cp made.wasm plugin.wasm",
        "KiB",
        "spanmill:plugin/processor@0.1.0",
    ] {
        assert!(out.stdout.contains(told), "{told}: {}", out.stdout);
    }
    for (project, told) in [
        (
            "build: [[no-such-folder/go]]\noutput: a.wasm\n",
            "`no-such-folder/go` was not found\nhelp: install Go",
        ),
        (
            "build: [[program-that-is-not-there]]\noutput: a.wasm\n",
            "`program-that-is-not-there`: No such file",
        ),
        (
            "build: [[sh, -c, 'exit 3']]\noutput: a.wasm\n",
            "`sh -c exit 3` failed: exit status: 3",
        ),
        (
            "build: [['false']]\noutput: a.wasm\n",
            "`false` failed: exit status: 1",
        ),
        (
            "build: [['true']]\noutput: a.wasm\n",
            "the build made no ./a.wasm",
        ),
        ("build: [['true']]\noutput: source.txt\n", "source.txt"),
        ("build: true\nlanguage: cobol\n", "plugin.yaml:2:11"),
    ] {
        write(folder.path(), "plugin.yaml", project);
        let out = spanmill(folder.path(), &["plugin", "build"]).await;
        assert_eq!(out.code, Some(1), "{project}");
        assert!(out.stderr.contains(told), "{told}: {}", out.stderr);
    }
    std::fs::remove_file(folder.path().join("plugin.yaml")).unwrap();
    let out = spanmill(folder.path(), &["plugin", "build"]).await;
    assert!(
        out.stderr
            .contains("`spanmill plugin new` makes a folder that has one"),
        "{}",
        out.stderr
    );
}

#[tokio::test]
async fn cases_of_a_component_that_is_older_than_its_sources_come_with_a_warning() {
    let folder = folder_of("drop_routes", "mine.wasm");
    let run = async |arguments: &[&str]| {
        let out = spanmill(folder.path(), arguments).await;
        assert_eq!(out.code, Some(0), "{}{}", out.stdout, out.stderr);
        out.stderr
    };
    let age = || {
        let output = std::fs::File::options()
            .append(true)
            .open(folder.path().join("mine.wasm"))
            .unwrap();
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        output.set_modified(long_ago).unwrap();
    };
    run(&["plugin", "build"]).await;
    let told = run(&["plugin", "test", "--update"]).await;
    assert!(!told.contains("warning"), "{told}");

    age();
    let told = run(&["plugin", "test"]).await;
    assert!(
        told.contains("warning: ./source.txt has changed since ./mine.wasm was built\nhelp: `spanmill plugin build`"),
        "{told}"
    );
    run(&["plugin", "build"]).await;
    let told = run(&["plugin", "test"]).await;
    assert!(!told.contains("warning"), "{told}");

    // Tools such as cargo leave the component as it is if it would be the same.
    let project = "build: [['true']]\noutput: mine.wasm\nsources: ['*.txt']\n";
    write(folder.path(), "plugin.yaml", project);
    age();
    let told = run(&["plugin", "test"]).await;
    assert!(told.contains("source.txt has changed since"), "{told}");
    run(&["plugin", "build"]).await;
    let told = run(&["plugin", "test"]).await;
    assert!(!told.contains("warning"), "{told}");

    let project = project.replace("*.txt", "*/source.txt");
    write(folder.path(), "plugin.yaml", &project);
    let out = spanmill(folder.path(), &["plugin", "test"]).await;
    assert!(
        out.stderr
            .contains("sources: */source.txt is not a pattern"),
        "{}",
        out.stderr
    );
}

/// A manifest for `plugin dev`, on free ports.
const MANIFEST: &str = r#"
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:0"}}}
plugins:
  mine: {file: mine.wasm}
processors:
  mine: {routes: [/healthz]}
exporters:
  debug:
service:
  pipelines:
    traces: {receivers: [otlp], processors: [mine], exporters: [debug]}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn each_version_that_is_saved_runs_and_one_that_cannot_be_built_does_not() {
    let folder = folder_of("drop_routes", "mine.wasm");
    write(folder.path(), "manifest.yaml", MANIFEST);
    let path = folder.path().to_owned();
    let dev = Program::spanmill(folder, &["plugin", "dev"]);
    dev.logged(&["spanmill is ready"]).await;
    dev.said(&["watching"]).await;
    let second = version(&guest("drop_routes"), "second");
    std::fs::write(path.join("made.wasm"), second).unwrap();
    write(&path, "source.txt", "second");
    dev.said(&["source.txt has changed"]).await;
    dev.logged(&["plugin mine reloaded"]).await;
    std::fs::remove_file(path.join("made.wasm")).unwrap();
    write(&path, "source.txt", "third");
    dev.said(&["`cp made.wasm mine.wasm` failed"]).await;
    dev.said(&["the version before goes on"]).await;
    assert_eq!(dev.interrupt().await, Some(0));
}
