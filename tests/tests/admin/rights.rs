//! A version that comes in another's place may read and write what that one did, and no more unless an operator says so.

use serde_json::{Value, json};
use spanmill_tests::guest;

use crate::operator::{Operated, spans};

fn manifest(terms: &str, settings: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: mine.wasm{terms}}}
processors:
  mine: {settings}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#
    )
}

const MORE: &str = "{behaviour: well, v2: reads-more}";
const SECRET: &str = r#"span.attributes["secret"]"#;

async fn start() -> Operated {
    super::start_beside(&manifest("", MORE), |folder| {
        std::fs::copy(guest("hostile"), folder.join("mine.wasm")).unwrap();
    })
    .await
}

fn v2() -> String {
    guest("hostile_v2").display().to_string()
}

async fn status(mine: &Operated) -> Value {
    mine.told(&["status"]).await[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_reads_more_needs_a_word_of_the_operators() {
    let mine = start().await;
    let before = status(&mine).await["version"]["hash"].clone();
    for command in ["swap", "shadow"] {
        let refused = mine.refused(&[command, "mine", &v2()]).await;
        for part in [
            SECRET,
            "reads",
            "writes",
            "--allow-more",
            "`plugins: mine: allow:`",
        ] {
            assert!(refused.contains(part), "no {part} in {refused}");
        }
    }
    assert_eq!(status(&mine).await["version"]["hash"], before);
    // To look is not to take over: promoting asks again.
    mine.told(&[
        "shadow",
        "mine",
        &v2(),
        "--for",
        "10m",
        "--detach",
        "--allow-more",
    ])
    .await;
    mine.told(&["shadow", "mine", "--stop"]).await;
    let refused = mine.refused(&["promote", "mine"]).await;
    assert!(refused.contains("--allow-more"), "{refused}");
    let swapped = mine.told(&["promote", "mine", "--allow-more"]).await;
    let more = json!([format!("reads `{SECRET}`"), format!("writes `{SECRET}`")]);
    assert_eq!(swapped["components"][0]["allowed_more"], more);
    let now = status(&mine).await;
    assert_eq!(now["version"]["allowed_more"], more);
    assert_eq!(now["history"][0]["allowed_more"], json!([]));
    let told = mine.spanmill.logged("as it was allowed to").await;
    assert!(told.contains("secret"), "{told}");
    // What ran last is what the next one is held to: less is no question.
    let first = guest("hostile").display().to_string();
    mine.told(&["swap", "mine", &first]).await;
    mine.refused(&["swap", "mine", &v2()]).await;
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_reads_more_does_not_take_over_by_itself() {
    let mine = start().await;
    let file = mine.spanmill.file("mine.wasm");
    let new = mine.spanmill.file("new.wasm");
    std::fs::copy(guest("hostile_v2"), &new).unwrap();
    std::fs::rename(&new, &file).unwrap();
    let refused = mine.spanmill.logged("is not taken over").await;
    for part in [
        "mine.wasm has changed and now reads",
        "secret",
        "--allow-more",
        "allow:",
    ] {
        assert!(refused.contains(part), "no {part} in {refused}");
    }
    mine.send(spans(0..1, "a")).await;
    assert_eq!(mine.names(1).await, ["batch 1"]);
    // As it says.
    let named = file.display().to_string();
    mine.told(&["swap", "mine", &named, "--allow-more"]).await;
    let now = status(&mine).await;
    assert_eq!(
        now["differs_from_manifest"], false,
        "the file says the same"
    );
    assert_eq!(mine.told(&["reload"]).await["changes"], json!([]));
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_grants_more_is_enough() {
    let mine = start().await;
    let whole = std::fs::read_to_string(mine.spanmill.file("manifest.yaml")).unwrap();
    let granted =
        format!(", allow: {{reads: [span.name, '{SECRET}'], writes: [span.name, '{SECRET}']}}");
    std::fs::copy(guest("hostile_v2"), mine.spanmill.file("mine.wasm")).unwrap();
    let refused = mine.refused(&["reload"]).await;
    assert!(refused.contains("secret"), "{refused}");
    mine.spanmill
        .edit(&whole.replace("mine.wasm", &format!("mine.wasm{granted}")));
    mine.told_at_last(&["status"], |told| told[0]["swaps"] == 1)
        .await;
    mine.spanmill.stop().await;
}

/// The operator's own edit of settings leads to more being read: the code is the same.
#[tokio::test(flavor = "multi_thread")]
async fn other_settings_of_the_same_plugin_may_read_more() {
    let settings = |name: &str| format!("{{actions: [{{key: {name}, action: update, value: x}}]}}");
    let manifest = |name: &str| {
        manifest("", "{}")
            .replace("plugins:\n  mine: {file: mine.wasm}\n", "")
            .replace("  mine: {}", &format!("  attributes: {}", settings(name)))
            .replace("processors: [mine]", "processors: [attributes]")
    };
    let mine = Operated::start(&manifest("first")).await;
    let whole = std::fs::read_to_string(mine.spanmill.file("manifest.yaml")).unwrap();
    mine.spanmill
        .edit(&whole.replace("key: first", "key: second"));
    mine.told_at_last(&["status"], |told| told[0]["swaps"] == 1)
        .await;
    mine.spanmill.stop().await;
}

/// Names of counters reach whoever may look at the status: they are fixed before the plugin sees a span.
#[tokio::test(flavor = "multi_thread")]
async fn counters_have_the_names_they_were_declared_by() {
    let plugin = guest("hostile");
    let settings = manifest("", "{behaviour: count}");
    let mine = super::start_beside(&settings, |folder| {
        std::fs::copy(plugin, folder.join("mine.wasm")).unwrap();
    })
    .await;
    mine.send(spans(0..1, "misbehave")).await;
    let now = status(&mine).await;
    assert_eq!(now["version"]["counters"], json!({"declared": 1}));
    let told = mine
        .spanmill
        .logged("did not name while it was configured")
        .await;
    assert!(told.contains("mine"), "{told}");
    let ended = mine.spanmill.stop().await;
    assert!(
        !ended.log.join("\n").contains("jane.doe"),
        "a value in the log"
    );
}

/// Messages and names of 16 MiB: looked at no more often than they may be logged.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_shouts_is_not_listened_to() {
    let settings = manifest("", "{behaviour: shout}");
    let mine = super::start_beside(&settings, |folder| {
        std::fs::copy(guest("hostile"), folder.join("mine.wasm")).unwrap();
    })
    .await;
    for number in 0..5 {
        mine.send(spans(number..number + 1, "misbehave")).await;
    }
    let now = status(&mine).await;
    let version = &now["version"];
    assert_eq!(version["calls"], 5);
    assert_eq!(version["faults"], json!({}));
    assert_eq!(version["counters"], json!({}));
    // At most one a second is long enough to close the window.
    let dropped = version["log_lines_dropped"].as_u64().unwrap();
    assert!((80..100).contains(&dropped), "{dropped}");
    let table = mine.plugin(&["status"]).await.stdout;
    assert!(table.contains("log lines dropped"), "{table}");
    let peak = mine.spanmill.peak_kib();
    assert!(peak < 200 << 10, "{peak} KiB");
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_go_on_without_a_plugin_are_counted() {
    let settings = manifest(", on_error: pass", "{behaviour: trap}");
    let mine = super::start_beside(&settings, |folder| {
        std::fs::copy(guest("hostile"), folder.join("mine.wasm")).unwrap();
    })
    .await;
    mine.send(spans(0..3, "fine")).await;
    // One alone, since several would be tried by halves, and count again.
    mine.send(spans(3..4, "misbehave")).await;
    assert_eq!(mine.names(4).await.len(), 4);
    let version = status(&mine).await["version"].clone();
    let counts =
        ["items_in", "items_out", "items_dropped", "items_passed"].map(|name| &version[name]);
    assert_eq!(counts, [&json!(4), &json!(3), &json!(0), &json!(1)]);
    let table = mine.plugin(&["status"]).await.stdout;
    assert!(table.contains("1 items passed on without it"), "{table}");
    mine.spanmill.stop().await;
}
