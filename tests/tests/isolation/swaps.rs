//! Versions that do not take the place of another: what ran goes on, with its state wherever it can keep it.

use serde_json::json;

use crate::hostile_support::Rig;

/// Two good batches, a swap that is refused while the neighbour works, and one more; gives the message.
async fn refused(rig: &mut Rig, id: &str, file: &str, then: &str) -> String {
    rig.send_meanwhile(id, "fine").await.unwrap();
    rig.send(id, "fine").await.unwrap();
    let message = rig.swap_is_refused(id, file).await;
    rig.neighbour.send(1).await;
    rig.send_meanwhile(id, "fine").await.unwrap();
    assert_eq!(rig.names(id, 3).await, ["batch 1", "batch 2", then], "{id}");
    let status = rig.status(id).await;
    assert_eq!(
        (&status["state"], &status["swaps"]),
        (&json!("running"), &json!(0)),
        "{id}"
    );
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_does_not_take_the_state_leaves_it_where_it_was() {
    let cases = [
        ("panic-in-restore", "trapped"),
        ("loop-in-restore", "did not return within 200ms"),
        (
            "refuse-format",
            "did not take over the state: it does not know format 1",
        ),
        (
            "refuse-data",
            "did not take over the state: I do not like this state",
        ),
    ];
    let components = cases.map(|(behaviour, _)| {
        (
            format!("mine/{behaviour}"),
            format!("behaviour: {behaviour}"),
        )
    });
    let plugins = [("mine", "stateful", "timeout: 200ms, memory_mib: 16")];
    // They answer batches well, and hand over: only the new version is asked to restore.
    let mut rig = Rig::start(1, &plugins, &components).await;
    for ((id, _), (_, why)) in components.iter().zip(cases) {
        let message = refused(&mut rig, id, "stateful_v2", "batch 3").await;
        let says = format!("plugin {id}: the new version {why}");
        assert!(message.contains(&says), "no `{says}` in {message}");
        // The running one has done nothing wrong.
        assert_eq!(rig.status(id).await["version"]["faults"], json!({}), "{id}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_that_does_not_hand_over_its_state_stays_and_begins_anew() {
    let cases = [
        ("panic-in-snapshot", "trapped", "trap"),
        (
            "loop-in-snapshot",
            "did not return within 200ms",
            "deadline",
        ),
        ("giant-snapshot", "answered with more than 4 MiB", "output"),
    ];
    let components = cases.map(|(behaviour, ..)| {
        (
            format!("mine/{behaviour}"),
            format!("behaviour: {behaviour}, size_mib: 8"),
        )
    });
    let plugins = [(
        "mine",
        "stateful",
        "timeout: 200ms, memory_mib: 32, output_mib: 4",
    )];
    let mut rig = Rig::start(1, &plugins, &components).await;
    for ((id, _), (_, why, kind)) in components.iter().zip(cases) {
        // The fault was its own: the instance is dead, and what it knew with it.
        let message = refused(&mut rig, id, "stateful_v2", "batch 1").await;
        let says = format!("plugin {id}: the running version does not hand over its state: {why}");
        assert!(message.contains(&says), "no `{says}` in {message}");
        assert_eq!(
            rig.status(id).await["version"]["faults"],
            json!({kind: 1}),
            "{id}"
        );
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_does_not_take_its_settings_changes_nothing() {
    let cases = [
        ("panic-in-configure", "configure failed: trapped"),
        (
            "loop-in-configure",
            "configure failed: did not return within 200ms",
        ),
        ("unavailable", "the plugin cannot run: it is not my day"),
        ("unknown-field", "`span.colour` names no field of a span"),
        ("read-twice", "`span.name` is declared twice"),
    ];
    let components = cases.map(|(behaviour, _)| {
        (
            format!("mine/{behaviour}"),
            format!("behaviour: well, v2: {behaviour}"),
        )
    });
    let plugins = [("mine", "stateful", "timeout: 200ms, memory_mib: 16")];
    let mut rig = Rig::start(1, &plugins, &components).await;
    for ((id, _), (_, why)) in components.iter().zip(cases) {
        let message = refused(&mut rig, id, "stateful_v2", "batch 3").await;
        let says = format!("processor {id}: ");
        assert!(message.contains(&says), "no `{says}` in {message}");
        assert!(message.contains(why), "no `{why}` in {message}");
        assert_eq!(rig.status(id).await["version"]["faults"], json!({}), "{id}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_that_fail_in_configure_keep_the_process_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    for (behaviour, why) in [
        ("panic-in-configure", "configure failed: trapped"),
        (
            "loop-in-configure",
            "configure failed: did not return within 200ms",
        ),
        ("unavailable", "the plugin cannot run: it is not my day"),
    ] {
        let file = spanmill_tests::guest("hostile").display().to_string();
        let manifest = format!(
            r#"
plugins: {{mine: {{file: {file}, timeout: 200ms}}}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}}}
processors: {{mine/one: {{behaviour: {behaviour}}}}}
exporters: {{debug: }}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [mine/one], exporters: [debug]}}}}}}
"#
        );
        std::fs::write(folder.path().join("bad.yaml"), manifest).unwrap();
        let began = std::time::Instant::now();
        let ended = spanmill_tests::spanmill(folder.path(), &["run", "--config", "bad.yaml"]).await;
        assert!(began.elapsed().as_secs() < 20, "{behaviour}");
        assert_eq!(ended.code, Some(1), "{behaviour}: {}", ended.stderr);
        let says = format!("processor mine/one: {why}");
        assert!(
            ended.stderr.contains(&says),
            "no `{says}` in {}",
            ended.stderr
        );
        // The line that names it is shown.
        assert!(ended.stderr.contains(&file), "{}", ended.stderr);
    }
}
