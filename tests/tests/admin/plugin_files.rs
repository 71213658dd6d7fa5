//! Files that are not what they should be, and files that change while others are written beside them.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::operator::{Operated, spans};
use spanmill_tests::{Spanmill, guest, request, span};

/// A processor whose plugin lies beside the manifest.
fn manifest(name: &str) -> String {
    format!(
        r#"
plugins:
  mine: {{file: mine.wasm}}
processors:
  mine: {{behaviour: rename, name: {name}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#
    )
}

/// Puts something in the place of a file, at once.
fn exchange(path: &Path, make: impl FnOnce(&Path)) {
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    make(&new);
    std::fs::rename(new, path).unwrap();
}

fn pipe(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
}

fn sparse(path: &Path) {
    std::fs::File::create(path)
        .unwrap()
        .set_len(4 << 30)
        .unwrap();
}

async fn with_plugin() -> Operated {
    let plugin = guest("hostile");
    super::start_beside(&manifest("one"), |folder| {
        std::fs::copy(plugin, folder.join("mine.wasm")).unwrap();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_no_file_is_not_waited_for() {
    let mine = with_plugin().await;
    let plugin = mine.spanmill.file("mine.wasm");
    for (make, why) in [
        (pipe as fn(&Path), "it is a pipe, not a file"),
        (
            |path| symlink("/dev/zero", path).unwrap(),
            "it is a device, not a file",
        ),
        (sparse, "it has 4294967296 bytes"),
        (
            |path| std::fs::create_dir(path).unwrap(),
            "it is a folder, not a file",
        ),
    ] {
        if std::fs::remove_dir(&plugin).is_err() {
            std::fs::remove_file(&plugin).unwrap();
        }
        make(&plugin);
        // The watcher meets it, and so does who asks for it.
        mine.spanmill.logged(why).await;
        let refused = mine.refused(&["reload"]).await;
        assert!(refused.contains(why), "{refused}");
    }
    std::fs::remove_dir(&plugin).unwrap();
    mine.send(spans(0..1, "a")).await;
    assert_eq!(mine.names(1).await, ["one"]);
    let peak = mine.spanmill.peak_kib();
    assert!(peak < 300 << 10, "{peak} KiB");
    // And a good one is taken over again.
    exchange(&plugin, |path| {
        std::fs::copy(guest("hostile_v2"), path).unwrap();
    });
    mine.spanmill.logged("plugin mine reloaded").await;
    // With the next bad one in place, the end comes all the same.
    exchange(&plugin, pipe);
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_a_manifest_that_is_none() {
    let mine = with_plugin().await;
    let path = mine.spanmill.file("manifest.yaml");
    let whole = std::fs::read_to_string(&path).unwrap();
    for (make, why) in [
        (pipe as fn(&Path), "it is a pipe, not a file"),
        (
            |path| symlink("/dev/zero", path).unwrap(),
            "it is a device, not a file",
        ),
        (sparse, "manifest.yaml"),
    ] {
        exchange(&path, make);
        mine.spanmill.logged(why).await;
        let refused = mine.refused(&["reload"]).await;
        assert!(refused.contains(why), "{refused}");
    }
    mine.spanmill.edit(&whole.replace("name: one", "name: two"));
    mine.spanmill.logged("plugin mine reloaded").await;
    mine.send(spans(0..1, "a")).await;
    assert_eq!(mine.names(1).await, ["two"]);
    let peak = mine.spanmill.peak_kib();
    assert!(peak < 300 << 10, "{peak} KiB");
    exchange(&path, pipe);
    mine.spanmill.stop().await;
}

/// An exporter that writes beside the manifest with every batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_comes_while_an_exporter_writes_beside_the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(guest("hostile"), folder.path().join("mine.wasm")).unwrap();
    let out = folder.path().join("out.json").display().to_string();
    let manifest = |name: &str| {
        format!(
            "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:0\"}}}}}}\nexporters:\n  file: {{path: {out}}}\n{}",
            manifest(name).replace("exporters: [otlp]", "exporters: [file]")
        )
    };
    let running = Spanmill::start_in(folder, Some(&manifest("one")), &[]).await;
    let sender = spanmill_tests::GrpcSender::connect(running.address("receiver otlp grpc")).await;
    let sending = tokio::spawn(async move {
        for number in 0.. {
            let batch = request("shop", vec![span(number, "a", Vec::new())]);
            sender.send(&batch).await.unwrap();
        }
    });
    running.logged("spanmill is ready").await;
    for name in ["two", "three"] {
        running.edit(&manifest(name));
        running.logged("plugin mine reloaded").await;
        spanmill_tests::within(&format!("{name} in the output"), async {
            let renamed = format!("\"name\":\"{name}\"");
            while !std::fs::read_to_string(&out).unwrap().contains(&renamed) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    assert!(!sending.is_finished(), "it was sent all the while");
    sending.abort();
    running.stop().await;
}
