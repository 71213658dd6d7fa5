//! Plugins from elsewhere, as a user has them: pushed to a real registry, pinned, signed, run, moved on, and packed.

mod addresses;
mod bundles;
mod registries;
mod signatures;

use std::path::{Path, PathBuf};

use spanmill_tests::{
    Backend, GrpcSender, Output, Spanmill, built_in, request, span, spanmill_with, version,
};
use tempfile::TempDir;

/// A folder of somebody's: a manifest, keys, and a store of fetched plugins of their own.
pub struct Desk {
    folder: TempDir,
    backend: Backend,
}

impl Desk {
    async fn new() -> Self {
        Desk {
            folder: TempDir::new().unwrap(),
            backend: Backend::start().await,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and returns its name.
    fn write<'n>(&self, name: &'n str, bytes: impl AsRef<[u8]>) -> &'n str {
        std::fs::write(self.path(name), bytes).unwrap();
        name
    }

    /// Writes a pair of keys, `NAME.pem` and `NAME.pub`.
    fn keys(&self, name: &str) {
        let pair = rcgen::KeyPair::generate().unwrap();
        self.write(&format!("{name}.pem"), pair.serialize_pem());
        self.write(&format!("{name}.pub"), pair.public_key_pem());
    }

    /// Signs a file as `openssl dgst -sha256 -sign ours.pem`.
    fn sign(&self, name: &str, signature: &str) {
        let signed = std::process::Command::new("openssl")
            .args([
                "dgst", "-sha256", "-sign", "ours.pem", "-out", signature, name,
            ])
            .current_dir(self.folder.path())
            .status();
        assert!(signed.unwrap().success());
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Writes a manifest with a plugin `mine`, a filter that drops the spans named `drop`.
    fn manifest(&self, source: &str) {
        self.write("manifest.yaml", self.manifest_text(source));
    }

    fn manifest_text(&self, source: &str) -> String {
        format!(
            r#"
plugins:
  mine: {source}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  mine: {{error_mode: ignore, traces: {{span: ['name == "drop"']}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [mine], exporters: [otlp]}}
"#,
            self.backend.address()
        )
    }

    /// Runs a command in the folder, with a store in it.
    async fn command(&self, arguments: &[&str]) -> Output {
        self.command_with(arguments, &[]).await
    }

    async fn command_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let store = self.path("fetched").display().to_string();
        let mut all = vec![("SPANMILL_STORE", store.as_str())];
        all.extend(environment);
        spanmill_with(self.folder.path(), arguments, &all).await
    }

    /// Runs a command that must go well, and returns what it says.
    async fn told(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
        output.stdout
    }

    /// Runs a command that must fail, and returns why it did.
    async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).await;
        assert_eq!(output.code, Some(1), "{arguments:?}: {}", output.stdout);
        output.stderr
    }

    /// `validate`, which loads every plugin.
    async fn validate(&self) -> Output {
        self.command(&["validate", "--config", "manifest.yaml"])
            .await
    }

    async fn valid(&self) {
        let output = self.validate().await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }

    async fn invalid(&self) -> String {
        let output = self.validate().await;
        assert_eq!(output.code, Some(1), "{}", output.stdout);
        output.stderr
    }

    /// Runs the manifest, or what the arguments name.
    async fn run(&self, arguments: &[&str]) -> Spanmill {
        let store = self.path("fetched").display().to_string();
        let environment = [("SPANMILL_STORE", store.as_str())];
        let folder = TempDir::new().unwrap();
        Spanmill::start_with(folder, None, arguments, &environment).await
    }

    async fn run_manifest(&self) -> Spanmill {
        let manifest = self.path("manifest.yaml").display().to_string();
        self.run(&["--config", &manifest]).await
    }

    /// Sends two spans, of which the plugin drops one.
    async fn filters(&self, spanmill: &Spanmill) {
        let before = self.backend.spans(0).await.len();
        let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        let spans = vec![span(1, "drop", vec![]), span(2, "keep", vec![])];
        sender.send(&request("shop", spans)).await.unwrap();
        let arrived = self.backend.spans(before + 1).await;
        let names: Vec<&str> = arrived
            .iter()
            .map(|found| found.span.name.as_str())
            .collect();
        assert_eq!(names, vec!["keep"; before + 1]);
    }
}

/// The filter, in a version that nothing else has compiled.
fn filter(mark: &str) -> Vec<u8> {
    version(&built_in("filter"), mark).to_vec()
}

/// The part of a text from `sha256:` on.
fn digest(text: &str) -> String {
    let at = text.find("sha256:").unwrap_or_else(|| panic!("{text}"));
    text[at..at + 71].to_owned()
}

/// The files in a folder; none if it is not there.
fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}
