//! Whatever a plugin does: its policy holds, its faults are counted, the process lives, and what the pipeline next
//! door sends is the same, byte for byte. Each test runs one process with all of its plugins.

mod growth;
mod rollbacks;
mod swaps;

use crate::hostile_support::Rig;
use serde_json::{Value, json};
use tonic::Code;

const POLICIES: [&str; 3] = ["reject", "pass", "drop"];

/// One misbehaves, and its instance is replaced at once.
async fn once(rig: &mut Rig, id: &str) {
    let policy = id.split_once('/').unwrap().0;
    rig.neighbour.send(1).await;
    let began = std::time::Instant::now();
    let sent = rig.send_meanwhile(id, "misbehave").await;
    // 200 ms at most, with much to spare for a busy machine.
    assert!(began.elapsed().as_secs() < 10, "{id}");
    match policy {
        "reject" => assert_eq!(sent.unwrap_err().code(), Code::Unavailable, "{id}"),
        _ => sent.unwrap_or_else(|status| panic!("{id}: {status:?}")),
    }
    rig.neighbour.send(1).await;
    let sent = rig.send_meanwhile(id, "fine").await;
    sent.unwrap_or_else(|status| panic!("{id}: {status:?}"));
}

/// Behaviours under every policy, each a fault of the kind.
async fn faults(behaviours: &[(&str, &str)]) {
    let terms =
        POLICIES.map(|policy| format!("on_error: {policy}, timeout: 200ms, memory_mib: 16"));
    let plugins = [0, 1, 2].map(|at| (POLICIES[at], "hostile", terms[at].as_str()));
    let all = behaviours.iter().flat_map(|(behaviour, kind)| {
        POLICIES.map(|policy| (format!("{policy}/{behaviour}"), behaviour, kind))
    });
    let all: Vec<_> = all.collect();
    let components: Vec<_> = all
        .iter()
        .map(|(id, behaviour, _)| (id, format!("behaviour: {behaviour}")))
        .collect();
    let mut rig = Rig::start(2, &plugins, &components).await;
    for (id, _, kind) in &all {
        once(&mut rig, id).await;
        let status = rig.status(id).await;
        assert_eq!(status["version"]["faults"], json!({**kind: 1}), "{id}");
        assert_eq!(status["state"], "running", "{id}");
        assert_eq!(status["version"]["calls"], 2, "{id}");
    }
    for (id, _, _) in &all {
        let names = match id.starts_with("pass/") {
            true => rig.names(id, 2).await,
            false => rig.names(id, 1).await,
        };
        let (last, before) = names.split_last().unwrap();
        assert!(last.starts_with("batch "), "{id}: {names:?}");
        match id.starts_with("pass/") {
            true => assert_eq!(before, ["misbehave"], "{id}"),
            false => assert!(before.is_empty(), "{id}: {names:?}"),
        }
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_do_not_come_back() {
    faults(&[
        ("trap", "trap"),
        ("panic", "trap"),
        ("exit", "trap"),
        ("recurse", "trap"),
        ("loop", "deadline"),
        ("grow", "memory"),
    ])
    .await;
}

/// No deadline meets a guest while the host waits on its behalf, so it is not waited for at all.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_in_the_host() {
    faults(&[("sleep", "trap")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_plugins_report() {
    faults(&[
        ("batch-error", "refused"),
        ("state-error", "state"),
        ("not-configured", "state"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_break_the_contract() {
    let behaviours = [
        "too-few-values",
        "kinds-without-bits",
        "row-out-of-range",
        "row-far-out",
        "rows-out-of-order",
        "text-out-of-range",
        "text-beyond-32-bits",
        "unknown-kind",
        "kind-that-does-not-fit",
        "undeclared-write",
        "invalid-utf-8",
        "ends-beyond-bytes",
        "ends-decrease",
        "too-many-verdicts",
        "unknown-verdict",
        "hold",
        "verdict-on-resources",
        "entry-of-a-text",
        "remove-from-a-text",
        "append-to-a-text",
        "replace-text-out-of-range",
    ];
    faults(&behaviours.map(|behaviour| (behaviour, "contract"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_too_large() {
    // The giant's memory would hold its answer of 1 GiB: it is the answer that is too large.
    let plugins = [
        (
            "big",
            "hostile",
            "output_mib: 8, timeout: 10s, memory_mib: 256",
        ),
        ("giant", "hostile", "timeout: 30s, memory_mib: 2048"),
        (
            "cramped",
            "hostile",
            "output_mib: 2, timeout: 10s, memory_mib: 16",
        ),
    ];
    let components = [
        ("big/one", "behaviour: big-outcome"),
        ("giant/one", "behaviour: giant-outcome"),
        // As large as its memory allows.
        ("cramped/one", "behaviour: giant-outcome"),
    ];
    let mut rig = Rig::start(2, &plugins, &components).await;
    for (id, says) in [("big/one", 8), ("giant/one", 64), ("cramped/one", 2)] {
        rig.neighbour.send(1).await;
        let status = rig.send_meanwhile(id, "misbehave").await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        let line = rig.spanmill.logged(&format!("\"plugin\":\"{id}\"")).await;
        let why = format!("answered with more than {says} MiB");
        assert!(line.contains(&why), "{line}");
        assert_eq!(
            rig.status(id).await["version"]["faults"],
            json!({"output": 1}),
            "{id}"
        );
        rig.send(id, "fine").await.unwrap();
        assert_eq!(rig.name(id, 1).await, "batch 1", "{id}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_answer_within_its_limits_is_taken() {
    let plugins = [("big", "hostile", "output_mib: 8, timeout: 10s")];
    let components = [("big/one", "behaviour: big-outcome, size_mib: 4")];
    let mut rig = Rig::start(2, &plugins, &components).await;
    rig.send_meanwhile("big/one", "misbehave").await.unwrap();
    assert_eq!(rig.name("big/one", 1).await, "batch 1");
    assert_eq!(rig.status("big/one").await["version"]["faults"], json!({}));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_ones_that_break_no_rule() {
    // `slow` takes 50 ms of a processor that may have others to serve.
    let plugins = [("odd", "hostile", "timeout: 30s")];
    let behaviours = [
        "well", "slow", "print", "chatter", "forge", "escape", "clock", "by-trace", "whole",
        "drop-all", "drop-odd",
    ];
    let components = behaviours.map(|behaviour| {
        (
            format!("odd/{behaviour}"),
            format!("behaviour: {behaviour}"),
        )
    });
    let mut rig = Rig::start(2, &plugins, &components).await;
    for (id, _) in &components {
        rig.neighbour.send(1).await;
        rig.send_meanwhile(id, "misbehave").await.unwrap();
        rig.send_meanwhile(id, "fine").await.unwrap();
        rig.neighbour.send(1).await;
        let status = rig.status(id).await;
        assert_eq!(status["version"]["faults"], json!({}), "{id}");
        let dropped = match id.as_str() {
            "odd/drop-all" => 4,
            "odd/drop-odd" => 2,
            _ => 0,
        };
        assert_eq!(status["version"]["items_dropped"], dropped, "{id}");
    }
    rig.end().await;
}

/// A component's `state`, and how often it was spared.
fn quarantine(status: &Value) -> (&str, u64) {
    let spared = status["version"]["quarantined"].as_u64().unwrap();
    (status["state"].as_str().unwrap(), spared)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_again_and_again_is_put_into_quarantine_and_comes_back() {
    let plugins = POLICIES.map(|policy| (policy, "hostile", ""));
    let terms = POLICIES.map(|policy| format!("on_error: {policy}"));
    let plugins: Vec<_> = plugins
        .iter()
        .zip(&terms)
        .map(|((kind, file, _), terms)| (*kind, *file, terms.as_str()))
        .collect();
    let ids = ["reject/one", "pass/one", "drop/one"];
    let components = ids.map(|id| (id, "behaviour: trap"));
    let mut rig = Rig::start(1, &plugins, &components).await;
    for id in ids {
        let (mut sent, mut taken) = (0, 0);
        // Until it is spared a batch: pauses grow with each fault, and the first are over quickly.
        spanmill_tests::within("a pause", async {
            loop {
                taken += u64::from(rig.send(id, "misbehave").await.is_ok());
                sent += 1;
                let status = rig.status(id).await;
                let (state, spared) = quarantine(&status);
                let traps = status["version"]["faults"]["trap"].as_u64().unwrap();
                assert_eq!(traps + spared, sent, "{status}");
                assert_eq!(status["version"]["calls"], traps, "{status}");
                if spared > 0 && state == "quarantined" {
                    assert!(traps >= 2, "{status}");
                    break;
                }
            }
        })
        .await;
        // Until it lasts long enough to be read in a terminal.
        spanmill_tests::within("a longer pause", async {
            while !rig
                .plugin(&["status", id])
                .await
                .stdout
                .contains("quarantined")
            {
                taken += u64::from(rig.send(id, "misbehave").await.is_ok());
                sent += 1;
            }
        })
        .await;
        rig.neighbour.send(2).await;
        assert_eq!(taken, if id == "reject/one" { 0 } else { sent }, "{id}");
        // Its policy holds in quarantine as well, and after it a new instance serves.
        spanmill_tests::within("the end of the pause", async {
            loop {
                let spared = rig.status(id).await["version"]["quarantined"].clone();
                let sent = rig.send(id, "fine").await;
                rig.neighbour.send(1).await;
                let status = rig.status(id).await;
                if status["version"]["quarantined"] == spared {
                    sent.unwrap();
                    assert_eq!(status["state"], "running", "{status}");
                    break;
                }
                assert_eq!(sent.is_ok(), id != "reject/one", "{id}");
            }
        })
        .await;
        rig.send(id, "fine").await.unwrap();
    }
    // Nothing came of what was refused or dropped.
    assert_eq!(rig.names("reject/one", 2).await, ["batch 1", "batch 2"]);
    assert_eq!(rig.names("drop/one", 2).await, ["batch 1", "batch 2"]);
    rig.end().await;
}
