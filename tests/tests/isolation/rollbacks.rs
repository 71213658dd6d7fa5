//! Versions that fail while they are on probation: the batch is run again on the version before, which is back.

use serde_json::json;

use crate::hostile_support::Rig;

/// Swaps the second version in, lets it fail after so many good batches, and expects the first one back.
async fn rolled_back(rig: &mut Rig, id: &str, file: &str, good: usize, kind: &str, why: &str) {
    rig.send(id, "fine").await.unwrap();
    let swapped = rig.swap(id, file).await;
    assert_eq!(swapped.code, Some(0), "{id}: {}", swapped.stderr);
    assert_eq!(rig.status(id).await["state"], "probation", "{id}");
    let stateful = file.starts_with("stateful");
    for number in 0..good {
        rig.send(id, "fine").await.unwrap();
        let count = number + 1 + usize::from(stateful);
        assert_eq!(
            rig.name(id, number + 2).await,
            format!("v2 batch {count}"),
            "{id}"
        );
    }
    rig.neighbour.send(1).await;
    let sent = rig.send_meanwhile(id, "misbehave").await;
    sent.unwrap_or_else(|status| panic!("{id}: {status:?}"));
    // The version before goes on with its own count: it was not told of the batches in between.
    assert_eq!(rig.name(id, good + 2).await, "batch 2", "{id}");
    let log = format!("plugin {id}: {why}");
    let line = rig.spanmill.logged(&log).await;
    assert!(
        line.contains("rolled back, and the batch was run again"),
        "{line}"
    );

    let status = rig.status(id).await;
    let counts = [
        &status["state"],
        &status["swaps"],
        &status["rollbacks"],
        &status["probation"],
    ];
    assert_eq!(json!(counts), json!(["running", 1, 1, null]), "{id}");
    let past = &status["history"];
    assert_eq!(past.as_array().map(Vec::len), Some(1), "{id}: {past}");
    let ended = past[0]["ended"].as_str().unwrap();
    assert!(
        ended.contains(&format!("rolled back: plugin {id}: {why}")),
        "{ended}"
    );
    assert_eq!(past[0]["source"], format!("{file}.wasm"), "{id}");
    assert_eq!(past[0]["faults"], json!({kind: 1}), "{id}");
    assert_eq!(past[0]["calls"], good + 1, "{id}");
    assert_eq!(status["version"]["faults"], json!({}), "{id}");
    assert_eq!(status["version"]["calls"], 2, "{id}");
    let event = rig.last_event(id).await;
    assert_eq!(event["kind"], "rollback", "{event}");
    assert_eq!(event["components"], json!([id]), "{event}");
    assert!(event["message"].as_str().unwrap().contains(why), "{event}");

    rig.send_meanwhile(id, "misbehave").await.unwrap();
    assert_eq!(rig.name(id, good + 3).await, "batch 3", "{id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_new_versions_are_taken_back_without_a_sender_noticing() {
    let contract = "broke the contract";
    let cases = [
        ("trap", 0, "trap", "trapped"),
        // With batches that went well before.
        ("panic", 4, "trap", "trapped"),
        ("loop", 1, "deadline", "did not return within 200ms"),
        ("grow", 1, "memory", "needs more than its 16 MiB of memory"),
        ("recurse", 0, "trap", "trapped"),
        ("exit", 1, "trap", "trapped"),
        (
            "state-error",
            1,
            "state",
            "lost its state: I have lost count",
        ),
        ("invalid-utf-8", 0, "contract", contract),
        ("row-out-of-range", 1, "contract", contract),
        ("undeclared-write", 4, "contract", contract),
        ("too-many-verdicts", 1, "contract", contract),
    ];
    let components = cases.map(|(behaviour, ..)| {
        (
            format!("mine/{behaviour}"),
            format!("behaviour: well, v2: {behaviour}"),
        )
    });
    let plugins = [("mine", "hostile", "timeout: 200ms, memory_mib: 16")];
    let mut rig = Rig::start(1, &plugins, &components).await;
    for ((id, _), (_, good, kind, why)) in components.iter().zip(cases) {
        rolled_back(&mut rig, id, "hostile_v2", good, kind, why).await;
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_that_is_back_has_its_state() {
    let plugins = [("mine", "stateful", "timeout: 200ms")];
    let components = [("mine/one", "behaviour: well, v2: trap")];
    let mut rig = Rig::start(1, &plugins, &components).await;
    rolled_back(&mut rig, "mine/one", "stateful_v2", 4, "trap", "trapped").await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_gives_way_to_the_version_before() {
    let plugins = [
        ("reject", "hostile", "on_error: reject"),
        ("pass", "hostile", "on_error: pass"),
        ("drop", "hostile", "on_error: drop"),
    ];
    let ids = ["reject/one", "pass/one", "drop/one"];
    let components = ids.map(|id| (id, "behaviour: well, v2: row-out-of-range"));
    let mut rig = Rig::start(1, &plugins, &components).await;
    for id in ids {
        rolled_back(
            &mut rig,
            id,
            "hostile_v2",
            2,
            "contract",
            "broke the contract",
        )
        .await;
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_has_passed_its_probation_stays_whatever_it_does() {
    let plugins = [("mine", "hostile", "on_error: reject")];
    let mut rig = Rig::start(
        1,
        &plugins,
        &[("mine/one", "behaviour: well, v2: row-out-of-range")],
    )
    .await;
    let id = "mine/one";
    let file = spanmill_tests::guest("hostile_v2").display().to_string();
    let swapped = rig.plugin(&["swap", id, &file, "--probation", "3"]).await;
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    for _ in 0..3 {
        rig.send_meanwhile(id, "fine").await.unwrap();
    }
    rig.spanmill
        .logged("plugin mine/one passed its probation")
        .await;
    let status = rig.send_meanwhile(id, "misbehave").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    rig.send(id, "fine").await.unwrap();
    assert_eq!(rig.name(id, 4).await, "v2 batch 1");
    let status = rig.status(id).await;
    assert_eq!(
        (&status["swaps"], &status["rollbacks"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(status["version"]["faults"], json!({"contract": 1}));
    rig.end().await;
}
