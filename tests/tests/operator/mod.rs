//! A running service, somebody who sends to it, and an operator at its command line.

use std::path::Path;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use spanmill_tests::{
    Backend, GrpcSender, Output, Spanmill, admin_api, request, span, spanmill, within,
};
use tempfile::TempDir;

/// The document of the admin API.
pub const OPENAPI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../host/admin/openapi.yaml");

/// `spanmill run`, a sender and a backend; one worker if it is not said otherwise.
pub struct Operated {
    pub spanmill: Spanmill,
    pub backend: Backend,
    sender: GrpcSender,
}

impl Operated {
    /// Runs a manifest: what is given, a receiver `otlp`, and an exporter `otlp` to the backend.
    pub async fn start(manifest: &str) -> Self {
        Self::start_with(manifest, &["--workers", "1"]).await
    }

    /// As [`Operated::start`], with other arguments.
    pub async fn start_with(manifest: &str, arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), manifest, arguments).await
    }

    /// As [`Operated::start`], with files beside the manifest.
    pub async fn start_beside(manifest: &str, files: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        Self::start_in(folder, manifest, &["--workers", "1"]).await
    }

    async fn start_in(folder: TempDir, manifest: &str, arguments: &[&str]) -> Self {
        let backend = Backend::start().await;
        let manifest = format!(
            r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}
{manifest}
"#,
            backend.address()
        );
        let spanmill = Spanmill::start_in(folder, Some(&manifest), arguments).await;
        let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        Operated {
            spanmill,
            backend,
            sender,
        }
    }

    /// Runs `spanmill plugin` against the service.
    pub async fn plugin(&self, arguments: &[&str]) -> Output {
        let address = self.spanmill.address("admin http").to_string();
        let mut all = vec!["plugin", "--admin", &address];
        all.extend(arguments);
        spanmill(self.spanmill.folder(), &all).await
    }

    /// As [`Operated::plugin`], for a command that must go well: what it reports.
    pub async fn told(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let output = self.plugin(&all).await;
        assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// As [`Operated::plugin`], for one that must be refused: why it was.
    pub async fn refused(&self, arguments: &[&str]) -> String {
        let output = self.plugin(arguments).await;
        assert_eq!(output.code, Some(1), "{arguments:?}: {}", output.stdout);
        output.stderr
    }

    /// Asks until the answer is as it is wanted, and gives it.
    pub async fn told_at_last(&self, arguments: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
        within(&format!("{arguments:?}"), async {
            loop {
                let told = self.told(arguments).await;
                if wanted(&told) {
                    return told;
                }
            }
        })
        .await
    }

    /// What a command prints with `--json` must be as the document has it.
    pub async fn holds_to_the_document(&self, arguments: &[&str], schema: &str) {
        let told = self.told(arguments).await;
        let file = self.spanmill.file("told.json");
        std::fs::write(&file, told.to_string()).unwrap();
        admin_api(&[OPENAPI, schema, file.to_str().unwrap()]).await;
    }

    /// Sends one batch, which must be taken; it has been through the pipeline then.
    pub async fn send(&self, spans: impl IntoIterator<Item = Span>) {
        let batch = request("shop", spans.into_iter().collect());
        self.sender.send(&batch).await.unwrap();
    }

    /// The names of the spans at the backend, once there are so many.
    pub async fn names(&self, spans: usize) -> Vec<String> {
        let found = self.backend.spans(spans).await;
        found.into_iter().map(|found| found.span.name).collect()
    }
}

/// Spans of one name, numbered.
pub fn spans(numbers: std::ops::Range<u64>, name: &str) -> Vec<Span> {
    numbers
        .map(|number| span(number, name, Vec::new()))
        .collect()
}
