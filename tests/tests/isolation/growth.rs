//! Plugins that go bad with time: instances are replaced, and no batch is lost to it.

use serde_json::json;

use crate::hostile_support::Rig;

const MIB: u64 = 1 << 20;

/// The names of batches with these numbers.
fn numbered(names: impl IntoIterator<Item = usize>) -> Vec<String> {
    names
        .into_iter()
        .map(|number| format!("batch {number}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_after_a_thousand_batches_costs_none_of_them() {
    let plugins = [
        ("plain", "hostile", "on_error: reject"),
        ("stateful", "stateful", "on_error: drop"),
    ];
    let ids = ["plain/one", "stateful/one"];
    let components = ids.map(|id| (id, "behaviour: trap-after-1000"));
    let mut rig = Rig::start(1, &plugins, &components).await;
    for id in ids {
        for number in 1..=2_100_u32 {
            rig.send(id, "fine").await.unwrap();
            // Just before, during and after the change of instances.
            if number.is_multiple_of(250) || number % 1000 == 1 {
                rig.neighbour.send(1).await;
            }
        }
        // A trap takes the state with it: both count anew.
        let expected = numbered((1..=1000).chain(1..=1000).chain(1..=100));
        assert_eq!(rig.names(id, 2_100).await, expected, "{id}");
        let status = rig.status(id).await;
        assert_eq!(status["version"]["faults"], json!({"trap": 2}), "{id}");
        assert_eq!(status["version"]["calls"], 2_100, "{id}");
        assert_eq!(status["version"]["quarantined"], 0, "{id}");
        assert_eq!(status["state"], "running", "{id}");
    }
    let log = rig.end().await;
    assert_eq!(
        log.matches("the batch is tried on a new instance").count(),
        4,
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_never_reaches_the_limit() {
    let terms = "memory_mib: 16, recycle_mib: 8";
    let plugins = [("plain", "hostile", terms), ("stateful", "stateful", terms)];
    let ids = ["plain/one", "stateful/one"];
    let components = ids.map(|id| (id, "behaviour: leak"));
    let mut rig = Rig::start(1, &plugins, &components).await;
    // 64 KiB a batch: many times what there is room for.
    const BATCHES: usize = 2_000;
    for id in ids {
        let mut most = 0;
        for number in 1..=BATCHES {
            rig.send(id, "fine").await.unwrap();
            if number.is_multiple_of(20) {
                rig.neighbour.send(1).await;
                let memory = rig.status(id).await["memory_bytes"].as_u64().unwrap();
                assert!(
                    memory <= 8 * MIB,
                    "{id}: {memory} bytes after {number} batches"
                );
                most = most.max(memory);
            }
        }
        // It did leak, and not just once.
        assert!(most > 4 * MIB, "{id}: never more than {most} bytes");
        let status = rig.status(id).await;
        let recycled = status["version"]["recycled"].as_u64().unwrap();
        assert!((10..200).contains(&recycled), "{id}: {status}");
        assert_eq!(status["version"]["faults"], json!({}), "{id}");
        assert_eq!(status["swaps"], 0, "{id}");
    }
    // With state, an instance goes on where the one before was.
    let names = rig.names("stateful/one", BATCHES).await;
    assert_eq!(names, numbered(1..=BATCHES));
    let names = rig.names("plain/one", BATCHES).await;
    assert_eq!(names.len(), BATCHES);
    let anew = names.iter().filter(|name| *name == "batch 1").count() as u64;
    assert_eq!(
        anew,
        1 + rig.status("plain/one").await["version"]["recycled"]
            .as_u64()
            .unwrap()
    );
    let log = rig.end().await;
    assert!(!log.contains("plugin fault"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_needs_much_is_not_replaced_with_every_batch() {
    // The mark is below what one batch needs: replacing does not help, so it is not done again and again.
    let plugins = [("plain", "hostile", "memory_mib: 16, recycle_mib: 1")];
    let mut rig = Rig::start(1, &plugins, &[("plain/one", "behaviour: well")]).await;
    for _ in 0..300 {
        rig.send("plain/one", "fine").await.unwrap();
    }
    rig.neighbour.send(1).await;
    let status = rig.status("plain/one").await;
    let recycled = status["version"]["recycled"].as_u64().unwrap();
    assert!(recycled <= 3, "{status}");
    rig.end().await;
}
