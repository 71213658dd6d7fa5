//! How shadows begin, fare, fail and end, and take over.

use serde_json::{Value, json};
use spanmill_tests::{guest, version};

use super::{batches, count, differences, one, v2};
use crate::operator::{Operated, spans};

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_that_fails_only_shows_in_its_report() {
    for (crime, kind, why) in [
        ("trap", "trap", "unreachable"),
        ("loop", "deadline", "did not return within 200ms"),
        ("grow", "memory", "16 MiB"),
        ("batch-error", "refused", "this batch is not for me"),
        ("too-many-verdicts", "contract", "verdicts"),
    ] {
        let settings = format!("{{behaviour: well, v2: {crime}}}");
        let manifest = one(&settings).replace("timeout: 5s", "timeout: 200ms");
        let mine = Operated::start(&manifest).await;
        mine.shadow("mine", &v2()).await;
        mine.send(spans(1..3, "misbehave")).await;
        let report = mine.report("mine", 1).await;
        assert_eq!(report["faults"], json!({ kind: 1 }), "{crime}: {report}");
        let last = report["last_fault"].as_str().unwrap();
        assert!(last.contains(why), "{crime}: {last}");
        assert_eq!(count(&report, "batches"), 0, "{crime}: {report}");
        assert_eq!(differences(&report), [0, 0, 0], "{crime}: {report}");
        // A fault costs it its instance, not the shadow.
        mine.send(spans(3..5, "fine")).await;
        let report = mine.report("mine", 2).await;
        assert_eq!(count(&report, "batches"), 1, "{crime}: {report}");
        assert_eq!(
            mine.names(4).await,
            ["batch 1", "batch 1", "batch 2", "batch 2"],
            "{crime}"
        );
        let status = mine.told(&["status", "mine"]).await;
        assert_eq!(status[0]["version"]["faults"], json!({}), "{crime}");
        assert_eq!(status[0]["state"], "running", "{crime}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_in_quarantine_keeps_the_books() {
    let mine = Operated::start(&one("{behaviour: well, v2: trap}")).await;
    mine.shadow("mine", &v2()).await;
    let report = mine.send_slowly("mine", batches(20, &["misbehave"])).await;
    assert_eq!(count(&report, "batches"), 0, "{report}");
    // Those that the document knows; a batch that was not shown is one that was skipped.
    let faults: Vec<&String> = report["faults"].as_object().unwrap().keys().collect();
    assert_eq!(faults, ["trap"], "{report}");
    assert_eq!(mine.names(20).await.len(), 20);
    mine.holds_to_the_document(&["shadow", "mine", "--report"], "ShadowReport")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_shadow_is_not_waited_for() {
    let mine = Operated::start(&one("{behaviour: rename, name: one, v2: slow}")).await;
    mine.shadow("mine", &v2()).await;
    for batch in batches(60, &["a"]) {
        mine.send(batch).await;
    }
    assert_eq!(mine.names(60).await, ["one"; 60]);
    let report = mine.report("mine", 60).await;
    let (seen, skipped) = (count(&report, "batches"), count(&report, "batches_skipped"));
    assert_eq!(seen + skipped, 60, "{report}");
    assert!(seen > 0 && skipped > 0, "{report}");
}

/// What waits when a shadow ends is in its report, or counts as skipped: who decides by it has all there is.
#[tokio::test(flavor = "multi_thread")]
async fn an_ended_report_is_final() {
    let mine = Operated::start(&one("{behaviour: rename, name: one, v2: slow}")).await;
    mine.shadow("mine", &v2()).await;
    for batch in batches(20, &["a"]) {
        mine.send(batch).await;
    }
    let ended = mine.told(&["shadow", "mine", "--stop"]).await;
    assert_eq!(ended["state"], "ended");
    assert_eq!(mine.report("mine", 20).await, ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_by_itself_and_can_be_promoted() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.send(spans(1..3, "a")).await;
    let output = mine
        .plugin(&["shadow", "mine", &v2(), "--for", "300ms"])
        .await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    for part in [
        "mine: shadowed by ",
        "for 300ms",
        "0 batches, 0 spans",
        "verdicts that differ 0, edits that differ 0",
        "to swap it in: spanmill plugin promote mine",
    ] {
        assert!(
            output.stdout.contains(part),
            "no {part} in:\n{}",
            output.stdout
        );
    }
    mine.send(spans(3..5, "a")).await;
    let ended = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(
        (&ended["state"], count(&ended, "batches")),
        (&json!("ended"), 0)
    );
    assert!(ended["until"].as_str() > ended["since"].as_str(), "{ended}");

    let promoted = mine.told(&["promote", "mine"]).await;
    let to = &promoted["components"][0]["to"];
    assert_eq!(
        (&promoted["components"][0]["component"], to),
        (&json!("mine"), &ended["hash"])
    );
    mine.send(spans(5..7, "a")).await;
    let names = [
        "batch 1",
        "batch 1",
        "batch 2",
        "batch 2",
        "v2 batch 1",
        "v2 batch 1",
    ];
    assert_eq!(mine.names(6).await, names);
    let status = mine.told(&["status", "mine"]).await;
    assert_eq!(&status[0]["version"]["hash"], to);
    assert_eq!(status[0]["version"]["source"], "hostile_v2.wasm");

    let again = mine.refused(&["promote", "mine"]).await;
    assert!(again.contains("there is no shadow of mine"), "{again}");
    let kinds = kinds(&mine).await;
    assert_eq!(kinds[..3], ["shadow_started", "shadow_ended", "swap"]);
}

async fn kinds(mine: &Operated) -> Vec<String> {
    let events = mine.told(&["events"]).await;
    let events = events.as_array().unwrap().iter();
    events
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_ended_by_hand_and_promoted_while_it_runs() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    let none = mine.refused(&["shadow", "mine", "--report"]).await;
    assert!(none.contains("spanmill plugin shadow mine FILE"), "{none}");
    mine.shadow("mine", &v2()).await;
    mine.send_slowly("mine", batches(2, &["a"])).await;
    let ended = mine.told(&["shadow", "mine", "--stop"]).await;
    assert_eq!(
        (&ended["state"], count(&ended, "batches")),
        (&json!("ended"), 2)
    );
    mine.send(spans(3..4, "a")).await;
    assert_eq!(mine.told(&["shadow", "mine", "--report"]).await, ended);

    mine.shadow("mine", &v2()).await;
    mine.told(&["promote", "mine"]).await;
    mine.send(spans(4..5, "a")).await;
    assert_eq!(mine.names(4).await[3], "v2 batch 1");
    assert_eq!(
        kinds(&mine).await[..5],
        [
            "shadow_started",
            "shadow_ended",
            "shadow_started",
            "shadow_ended",
            "swap"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_at_a_time_and_until_the_next_swap() {
    let mine = Operated::start(&one("{behaviour: well}")).await;
    mine.shadow("mine", &v2()).await;
    let second = mine.refused(&["shadow", "mine", &v2()]).await;
    assert!(second.contains("a shadow of mine is running"), "{second}");
    assert!(
        second.contains("spanmill plugin shadow mine --stop"),
        "{second}"
    );

    let other = mine.spanmill.file("other.wasm");
    std::fs::write(&other, version(&guest("hostile"), "3")).unwrap();
    let other = other.display().to_string();
    mine.told(&["swap", "mine", &other, "--probation", "2"])
        .await;
    let ended = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(ended["state"], "ended", "{ended}");
    let events = mine.plugin(&["events"]).await.stdout;
    assert!(
        events.contains("the shadow of mine has ended (a swap)"),
        "{events}"
    );

    // The version that is on probation is not to be measured against.
    let early = mine.refused(&["shadow", "mine", &v2()]).await;
    assert!(early.contains("probation"), "{early}");
    for batch in batches(2, &["a"]) {
        mine.send(batch).await;
    }
    let passed = |status: &Value| status[0]["state"] == "running";
    mine.told_at_last(&["status", "mine"], passed).await;
    mine.shadow("mine", &v2()).await;

    // What cannot be a shadow here leaves none behind.
    mine.told(&["shadow", "mine", "--stop"]).await;
    let connector = guest("sdk_connector").display().to_string();
    let refused = mine.refused(&["shadow", "mine", &connector]).await;
    assert!(
        refused.contains("is a connector, and processor mine takes a processor"),
        "{refused}"
    );
    let report = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(report["source"], "hostile_v2.wasm");
}

/// Chains are made anew although no plugin is: the shadow sees on, or has ended, but does not stand there blind.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_does_not_leave_it_blind() {
    let attributes = "attributes: {actions: [{key: a, value: b, action: insert}]}";
    let manifest = one("{behaviour: well}")
        .replace("processors:\n", &format!("processors:\n  {attributes}\n"))
        .replace("processors: [mine]", "processors: [mine, attributes]");
    for list in ["[attributes, mine]", "[mine]", "[attributes]"] {
        let mine = Operated::start_with(&manifest, &["--workers", "1", "--no-watch"]).await;
        mine.shadow("mine", &v2()).await;
        let file = mine.spanmill.file("manifest.yaml");
        let before = std::fs::read_to_string(file).unwrap();
        mine.spanmill
            .edit(&before.replace("[mine, attributes]", list));
        mine.told(&["reload"]).await;
        mine.send(spans(1..2, "a")).await;
        // What it was shown it has counted when it says that it has ended.
        let running = mine.told(&["shadow", "mine", "--report"]).await;
        let ended = mine.told(&["shadow", "mine", "--stop"]).await;
        if running["state"] == "running" {
            assert_eq!(count(&ended, "batches"), 1, "{list}: {ended}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_is_refused_does_not_end_it() {
    let manifest = one("{behaviour: well, v2: panic-in-restore}").replace(
        guest("hostile").to_str().unwrap(),
        guest("stateful").to_str().unwrap(),
    );
    let mine = Operated::start(&manifest).await;
    mine.send(spans(1..2, "a")).await;
    let v2 = guest("stateful_v2").display().to_string();
    mine.shadow("mine", guest("stateful").to_str().unwrap())
        .await;
    let refused = mine.refused(&["swap", "mine", &v2]).await;
    assert!(
        refused.contains("plugin mine: the new version trapped"),
        "{refused}"
    );
    let report = mine.told(&["shadow", "mine", "--report"]).await;
    assert_eq!(report["state"], "running", "{report}");
    mine.send(spans(2..3, "a")).await;
    let report = mine.report("mine", 1).await;
    assert_eq!(count(&report, "batches"), 1, "{report}");
    assert_eq!(mine.names(2).await, ["batch 1", "batch 2"]);
}
