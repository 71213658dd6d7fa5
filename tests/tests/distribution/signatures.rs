//! What must be signed is, before it is compiled.

use spanmill_tests::DockerRegistry;

use super::{Desk, files, filter};

#[tokio::test]
async fn only_a_plugin_that_a_trusted_key_has_signed_is_compiled() {
    let registry = DockerRegistry::start().await;
    let desk = Desk::new().await;
    desk.keys("ours");
    desk.keys("theirs");
    desk.write("mine.wasm", filter("signed"));
    let reference = registry.reference("mine:1.0");
    desk.manifest(&format!("{{oci: \"{reference}\", keys: [ours.pub]}}"));
    let push = ["plugin", "push", "mine.wasm", &reference];
    let pull = ["plugin", "pull", "--config", "manifest.yaml"];

    desk.told(&push).await;
    let refused = desk.refused(&pull).await;
    assert!(refused.contains("it has none at all"), "{refused}");
    desk.told(&[&push[..], &["--key", "theirs.pem"]].concat())
        .await;
    let refused = desk.refused(&pull).await;
    assert!(refused.contains("by another key"), "{refused}");
    assert!(
        files(&desk.path("fetched")).is_empty(),
        "nothing of it is kept"
    );
    assert!(!desk.path("spanmill.lock").exists());

    // A second signature leaves the first one in place.
    desk.told(&[&push[..], &["--key", "ours.pem"]].concat())
        .await;
    desk.told(&pull).await;
    let spanmill = desk.run_manifest().await;
    desk.filters(&spanmill).await;

    // What is uploaded has no signature.
    let admin = spanmill.address("admin http").to_string();
    let swap = ["plugin", "--admin", &admin, "swap", "mine", "mine.wasm"];
    let refused = desk.refused(&swap).await;
    assert!(
        refused.contains("keys that must have signed mine"),
        "{refused}"
    );
    let shadow = ["plugin", "--admin", &admin, "shadow", "mine", "mine.wasm"];
    let refused = desk.refused(&shadow).await;
    assert!(
        refused.contains("keys that must have signed mine"),
        "{refused}"
    );
    spanmill.stop().await;

    // A reload says why, as `validate` does.
    let spanmill = desk.run_manifest().await;
    desk.keys("others");
    desk.manifest(&format!("{{oci: \"{reference}\", keys: [others.pub]}}"));
    let told = spanmill.logged("manifest.yaml has changed").await;
    assert!(
        told.contains("no signature by a key that is trusted"),
        "{told}"
    );
    spanmill.stop().await;
    desk.manifest(&format!(
        "{{oci: \"{reference}\", keys: [others.pub, ours.pub]}}"
    ));
    desk.valid().await;

    // Of what is here already, the signature is checked again, with the keys that count now.
    drop(registry);
    desk.valid().await;
    desk.keys("ours");
    let refused = desk.invalid().await;
    assert!(!refused.contains("compiling"), "{refused}");
    assert!(refused.contains("Connection refused"), "{refused}");
}

#[tokio::test]
async fn a_file_of_one_s_own_is_signed_by_what_lies_beside_it() {
    let desk = Desk::new().await;
    desk.keys("ours");
    desk.write("mine.wasm", filter("own"));
    desk.manifest("{file: mine.wasm, keys: [ours.pub]}");
    let refused = desk.invalid().await;
    assert!(refused.contains("it has none at all"), "{refused}");
    assert!(!refused.contains("compiling"), "{refused}");
    let sign = |name: &str| desk.sign(name, "mine.wasm.sig");
    desk.write("other.wasm", "another file");
    sign("other.wasm");
    let refused = desk.invalid().await;
    assert!(refused.contains("or of something else"), "{refused}");
    sign("mine.wasm");
    desk.valid().await;
    desk.write("mine.wasm", filter("exchanged"));
    let refused = desk.invalid().await;
    assert!(refused.contains("or of something else"), "{refused}");
    // While it runs: the file first, as a build writes it, and its signature when it is made.
    desk.write("mine.wasm", filter("own"));
    sign("mine.wasm");
    let spanmill = desk.run_manifest().await;
    desk.write("mine.wasm", filter("own, rebuilt"));
    spanmill.logged("is not taken over").await;
    sign("mine.wasm");
    spanmill.logged("plugin mine has another version").await;
    desk.filters(&spanmill).await;
    // A key that is exchanged counts at once.
    desk.keys("ours");
    let told = spanmill.logged("ours.pub has changed").await;
    assert!(told.contains("by another key"), "{told}");
    spanmill.stop().await;
    for (keys, why) in [
        ("[missing.pub]", "the key missing.pub"),
        ("[ours.pem]", "holds no public key"),
        ("[]", "no key is named"),
    ] {
        desk.manifest(&format!("{{file: mine.wasm, keys: {keys}}}"));
        let refused = desk.invalid().await;
        assert!(refused.contains(why), "{refused}");
    }
}
