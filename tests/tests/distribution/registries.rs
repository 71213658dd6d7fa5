//! To a registry and back.

use base64::Engine as _;
use http::Method;
use serde_json::Value;
use spanmill_tests::{DockerRegistry, LOGIN, get, http};

use super::{Desk, digest, filter};

#[tokio::test]
async fn a_plugin_is_pushed_pinned_and_run_and_then_there_without_the_registry() {
    let registry = DockerRegistry::start().await;
    let author = Desk::new().await;
    author.write("mine.wasm", filter("pushed"));
    let reference = registry.reference("team/mine:1.0");
    let pushed = author
        .told(&["plugin", "push", "mine.wasm", &reference])
        .await;
    let first = digest(&pushed);

    let user = Desk::new().await;
    user.manifest(&format!("{{oci: \"{reference}\"}}"));
    // A tag may mean something else tomorrow.
    let refused = user.invalid().await;
    assert!(refused.contains("mine:1.0 is not pinned"), "{refused}");
    assert!(refused.contains("--> manifest.yaml:3:"), "{refused}");
    assert!(
        refused.contains("spanmill plugin pull --config"),
        "{refused}"
    );
    let pull = ["plugin", "pull", "--config", "manifest.yaml"];
    let pulled = user.told(&pull).await;
    assert_eq!(digest(&pulled), first);
    let lock: Value = serde_json::from_slice(&user.read("spanmill.lock")).unwrap();
    assert_eq!(lock["plugins"][format!("oci:{reference}")], first);
    let spanmill = user.run_manifest().await;
    user.filters(&spanmill).await;
    spanmill.stop().await;

    // The tag moves on; what is pinned stays, until it is asked for.
    author.write("mine.wasm", filter("moved on"));
    let pushed = author
        .told(&["plugin", "push", "mine.wasm", &reference])
        .await;
    let second = digest(&pushed);
    assert_ne!(second, first);
    assert_eq!(digest(&user.told(&pull).await), first);
    let spanmill = user.run_manifest().await;
    user.filters(&spanmill).await;
    let update = [&pull[..], &["--update"]].concat();
    assert_eq!(digest(&user.told(&update).await), second);
    // The lock file is watched as the manifest is.
    spanmill.logged("plugin mine has another version").await;
    user.filters(&spanmill).await;
    spanmill.stop().await;

    drop(registry);
    let spanmill = user.run_manifest().await;
    user.filters(&spanmill).await;
    spanmill.stop().await;
    let other = Desk::new().await;
    other.manifest(&format!("{{oci: \"{reference}@{second}\"}}"));
    let refused = other.invalid().await;
    assert!(refused.contains("mine:1.0@sha256:"), "{refused}");
    assert!(refused.contains("Connection refused"), "{refused}");
}

#[tokio::test]
async fn what_is_in_the_registry_is_what_other_tools_expect() {
    let registry = DockerRegistry::start().await;
    let desk = Desk::new().await;
    let wasm = filter("layout");
    desk.write("mine.wasm", &wasm);
    let reference = registry.reference("mine:1.0");
    let pushed = desk
        .told(&["plugin", "push", "mine.wasm", &reference])
        .await;
    let address: std::net::SocketAddr = registry.address().parse().unwrap();
    let blob = async |digest: &Value| {
        let path = format!("/v2/mine/blobs/{}", digest.as_str().unwrap());
        get(address, &path, false).await.body
    };
    let path = format!("/v2/mine/manifests/{}", digest(&pushed));
    let accept = [("accept", "application/vnd.oci.image.manifest.v1+json")];
    let manifest = http(address, Method::GET, &path, &accept, "").await;
    let manifest: Value = serde_json::from_slice(&manifest.body).unwrap();
    assert_eq!(
        manifest["config"]["mediaType"],
        "application/vnd.wasm.config.v0+json"
    );
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/wasm");
    assert_eq!(blob(&layer["digest"]).await, wasm);
    let config: Value = serde_json::from_slice(&blob(&manifest["config"]["digest"]).await).unwrap();
    assert_eq!(config["architecture"], "wasm");
    assert_eq!(config["layerDigests"][0], layer["digest"]);
    let exports = config["component"]["exports"].to_string();
    assert!(exports.contains("processor"), "{exports}");

    // And back, into a file.
    let pulled = desk
        .told(&["plugin", "pull", &reference, "--output", "back.wasm"])
        .await;
    assert!(
        pulled.contains(layer["digest"].as_str().unwrap()),
        "{pulled}"
    );
    assert_eq!(desk.read("back.wasm"), wasm);
    let missing = registry.reference("mine:2.0");
    let refused = desk.refused(&["plugin", "pull", &missing]).await;
    assert!(
        refused.contains("mine:2.0") && refused.contains("unknown"),
        "{refused}"
    );
    // What is no plugin is not pushed, and nothing has a place that names none.
    desk.write("text.wasm", "text");
    let refused = desk
        .refused(&["plugin", "push", "text.wasm", &reference])
        .await;
    assert!(refused.contains("text.wasm"), "{refused}");
    let refused = desk
        .refused(&["plugin", "push", "mine.wasm", "mine:1.0"])
        .await;
    assert!(refused.contains("names no registry"), "{refused}");
}

#[tokio::test]
async fn a_login_is_docker_s_and_is_never_told() {
    let registry = DockerRegistry::start_private().await;
    let desk = Desk::new().await;
    desk.write("mine.wasm", filter("private"));
    let reference = registry.reference("mine:1.0");
    let push = ["plugin", "push", "mine.wasm", &reference];
    let (user, password) = LOGIN;
    let login = |password: &str| {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let config = serde_json::json!({"auths": {registry.address(): {"auth": auth}}});
        desk.write("config.json", config.to_string());
        auth
    };
    let docker = desk.path("").display().to_string();
    let nobody = desk.path("nowhere").display().to_string();
    let wrong = login("guess");
    for folder in [&nobody, &docker] {
        let refused = desk.command_with(&push, &[("DOCKER_CONFIG", folder)]).await;
        assert_eq!(refused.code, Some(1), "{}", refused.stdout);
        let told = refused.stderr;
        assert!(told.contains("the registry refuses access"), "{told}");
        assert!(!told.contains("guess") && !told.contains(&wrong), "{told}");
    }
    let right = login(password);
    let known = [("DOCKER_CONFIG", docker.as_str())];
    let pushed = desk.command_with(&push, &known).await;
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    // The process that fetches finds the login as well.
    let pull = ["plugin", "pull", &reference, "--output", "back.wasm"];
    let pulled = desk.command_with(&pull, &known).await;
    assert_eq!(pulled.code, Some(0), "{}", pulled.stderr);
    assert_eq!(desk.read("back.wasm"), desk.read("mine.wasm"));
    let all = [pushed.stdout, pushed.stderr, pulled.stdout, pulled.stderr].concat();
    assert!(!all.contains(password) && !all.contains(&right), "{all}");
}

#[tokio::test]
async fn manifests_in_one_folder_share_a_lock_file() {
    let registry = DockerRegistry::start().await;
    let desk = Desk::new().await;
    desk.write("mine.wasm", filter("shared lock"));
    for name in ["one:1", "two:1"] {
        let reference = registry.reference(name);
        desk.told(&["plugin", "push", "mine.wasm", &reference])
            .await;
        let manifest = desk.manifest_text(&format!("{{oci: \"{reference}\"}}"));
        desk.write(&name.replace(":1", ".yaml"), manifest);
    }
    let mut digests = Vec::new();
    for config in ["one.yaml", "two.yaml"] {
        let pulled = desk.told(&["plugin", "pull", "--config", config]).await;
        digests.push(digest(&pulled));
    }
    assert_eq!(
        digests[0], digests[1],
        "the same file has the same digest, whenever it is pushed"
    );
    for config in ["one.yaml", "two.yaml"] {
        desk.told(&["validate", "--config", config]).await;
    }
    // A mistake is shown where the manifest has it.
    let missing = registry.reference("three:1");
    desk.manifest(&format!("{{oci: \"{missing}\"}}"));
    let refused = desk
        .refused(&["plugin", "pull", "--config", "manifest.yaml"])
        .await;
    assert!(refused.contains("--> manifest.yaml:3:"), "{refused}");
    desk.manifest(&format!(
        "{{oci: \"{}\", digest: \"sha256:{}\"}}",
        registry.reference("one:1"),
        "0".repeat(64)
    ));
    let refused = desk
        .refused(&["plugin", "pull", "--config", "manifest.yaml"])
        .await;
    assert!(refused.contains("is not what is pinned"), "{refused}");
    desk.write("spanmill.lock", "<<<<<<< ours");
    let refused = desk
        .refused(&["plugin", "pull", "--config", "one.yaml"])
        .await;
    assert!(
        refused.contains("spanmill.lock: it is no lock file"),
        "{refused}"
    );
    assert!(refused.contains("delete it"), "{refused}");
}

#[tokio::test]
async fn a_swap_is_not_saved_over_a_plugin_that_is_fetched() {
    let registry = DockerRegistry::start().await;
    let desk = Desk::new().await;
    desk.write("mine.wasm", filter("to be swapped"));
    let reference = registry.reference("mine:1");
    let pushed = desk
        .told(&["plugin", "push", "mine.wasm", &reference])
        .await;
    desk.manifest(&format!("{{oci: \"{reference}@{}\"}}", digest(&pushed)));
    let manifest = desk.read("manifest.yaml");
    let spanmill = desk.run_manifest().await;
    desk.write("mine.wasm", filter("swapped"));
    let admin = spanmill.address("admin http").to_string();
    let swap = ["plugin", "--admin", &admin, "swap", "mine", "mine.wasm"];
    let refused = desk.refused(&[&swap[..], &["--save"]].concat()).await;
    assert!(refused.contains("has the plugin fetched"), "{refused}");
    assert_eq!(desk.read("manifest.yaml"), manifest);
    desk.told(&swap).await;
    spanmill.stop().await;
}

#[tokio::test]
async fn a_login_that_cannot_be_used_is_not_taken_for_none() {
    let registry = DockerRegistry::start_private().await;
    let desk = Desk::new().await;
    desk.write("mine.wasm", filter("login"));
    let reference = registry.reference("mine:1");
    let docker = desk.path("").display().to_string();
    let known = [("DOCKER_CONFIG", docker.as_str())];
    for config in [
        "{".to_owned(),
        serde_json::json!({"credHelpers": {registry.address(): "not-installed"}}).to_string(),
        serde_json::json!({"auths": {registry.address(): {"auth": "?"}}}).to_string(),
    ] {
        desk.write("config.json", &config);
        let push = ["plugin", "push", "mine.wasm", &reference];
        let refused = desk.command_with(&push, &known).await;
        assert_eq!(refused.code, Some(1), "{}", refused.stdout);
        assert!(
            refused.stderr.contains("Docker's login for"),
            "{config}: {}",
            refused.stderr
        );
    }
}
