//! Plugins that misbehave, each in a pipeline of its own, in one process with a good pipeline.

mod neighbour;

use std::collections::BTreeMap;

use http::Method;
use serde_json::Value;
use spanmill_tests::{
    Backend, GrpcSender, Output, Spanmill, admin, guest, request, service, span, spanmill, within,
};

use neighbour::Neighbour;

/// A type under `plugins:`, the guest that it is, and its terms.
pub type Plugin<'a> = (&'a str, &'a str, &'a str);

pub struct Rig {
    pub spanmill: Spanmill,
    pub neighbour: Neighbour,
    backend: Backend,
    senders: BTreeMap<String, GrpcSender>,
}

/// What a component's receiver and pipeline are called.
fn lane(id: &str) -> String {
    id.replace('/', "-")
}

fn manifest(
    plugins: &[Plugin<'_>],
    components: &[(impl AsRef<str>, impl AsRef<str>)],
    backend: &Backend,
) -> Sections {
    let mut sections = Sections::default();
    for (kind, file, terms) in plugins {
        let file = guest(file);
        let plugin = format!("  {kind}: {{file: {}, {terms}}}\n", file.display());
        sections.plugins.push_str(&plugin);
    }
    for (id, settings) in components {
        let (id, settings) = (id.as_ref(), settings.as_ref());
        let lane = lane(id);
        sections.receivers.push_str(&format!(
            "  otlp/{lane}: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:0\"}}}}}}\n"
        ));
        sections
            .processors
            .push_str(&format!("  {id}: {{{settings}}}\n"));
        sections.pipelines.push_str(&format!(
            "    traces/{lane}: {{receivers: [otlp/{lane}], processors: [{id}], exporters: [otlp/hostile]}}\n"
        ));
    }
    sections.exporters = format!(
        "  otlp/hostile: {{endpoint: {}, tls: {{insecure: true}}, sending_queue: {{num_consumers: 1}}}}\n",
        backend.address()
    );
    sections
}

/// A manifest's sections, without their names.
#[derive(Default)]
pub struct Sections {
    pub plugins: String,
    pub receivers: String,
    pub processors: String,
    pub exporters: String,
    pub pipelines: String,
}

impl Rig {
    /// `components` are ids, `type/name`, and settings. One worker has one instance of each plugin, whose successors
    /// can be told from it by their numbering.
    pub async fn start(
        workers: usize,
        plugins: &[Plugin<'_>],
        components: &[(impl AsRef<str>, impl AsRef<str>)],
    ) -> Self {
        let backend = Backend::start().await;
        let sections = manifest(plugins, components, &backend);
        let (spanmill, neighbour) = Neighbour::start(sections, workers).await;
        let mut senders = BTreeMap::new();
        for (id, _) in components {
            let id = id.as_ref();
            let address = spanmill.address(&format!("receiver otlp/{} grpc", lane(id)));
            senders.insert(id.to_owned(), GrpcSender::connect(address).await);
        }
        Rig {
            spanmill,
            neighbour,
            backend,
            senders,
        }
    }

    /// Sends two spans of a name to a component.
    pub async fn send(&self, id: &str, name: &str) -> Result<(), tonic::Status> {
        let spans = vec![span(1, name, vec![]), span(2, name, vec![])];
        self.senders[id].send(&request(id, spans)).await
    }

    /// The same, while the neighbour has something to do.
    pub async fn send_meanwhile(&mut self, id: &str, name: &str) -> Result<(), tonic::Status> {
        let sender = self.senders[id].clone();
        let spans = vec![span(1, name, vec![]), span(2, name, vec![])];
        let batch = request(id, spans);
        let sent = tokio::spawn(async move { sender.send(&batch).await });
        self.neighbour.send(2).await;
        sent.await.unwrap()
    }

    /// The names of a component's batches at the backend, once there are so many, in order.
    pub async fn names(&self, id: &str, batches: usize) -> Vec<String> {
        within(&format!("{batches} batches of {id}"), async {
            loop {
                let requests = self.backend.taken().len();
                let found = self.backend.spans(0).await;
                let found = found.into_iter().filter(|found| service(found) == id);
                let names: Vec<String> = found.map(|found| found.span.name).collect();
                if names.len() >= 2 * batches {
                    assert!(names.chunks(2).all(|pair| pair[0] == pair[1]), "{names:?}");
                    return names.into_iter().step_by(2).collect();
                }
                self.backend.requests(requests + 1).await;
            }
        })
        .await
    }

    /// The name of its last batch, the n-th, once it is at the backend.
    pub async fn name(&self, id: &str, number: usize) -> String {
        let names = self.names(id, number).await;
        assert_eq!(names.len(), number, "{id}: {names:?}");
        names.last().unwrap().clone()
    }

    /// Runs `spanmill plugin`.
    pub async fn plugin(&self, arguments: &[&str]) -> Output {
        let address = self.spanmill.address("admin http").to_string();
        let all = [&["plugin", "--admin", &address], arguments].concat();
        spanmill(self.spanmill.folder(), &all).await
    }

    pub async fn swap(&self, id: &str, file: &str) -> Output {
        let file = guest(file).display().to_string();
        self.plugin(&["swap", id, &file]).await
    }

    /// Swaps a version in, which must be refused; gives the message. Only an event is left of it.
    pub async fn swap_is_refused(&self, id: &str, file: &str) -> String {
        let before = self.status(id).await;
        let Output { code, stderr, .. } = self.swap(id, file).await;
        assert_eq!(code, Some(1), "{id}: {stderr}");
        let after = self.status(id).await;
        for what in ["swaps", "rollbacks", "history"] {
            assert_eq!(before[what], after[what], "{id}: {what}");
        }
        assert_eq!(before["version"]["hash"], after["version"]["hash"], "{id}");
        let event = self.last_event(id).await;
        assert_eq!(event["kind"], "refused", "{event}");
        let message = event["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("a swap of {id} was refused")),
            "{message}"
        );
        // The command line says the same.
        let why = message.split_once("refused: ").unwrap().1.trim();
        let line = why.lines().next().unwrap();
        assert!(stderr.contains(line), "no `{line}` in {stderr}");
        stderr
    }

    /// What the admin API says of a component.
    pub async fn status(&self, id: &str) -> Value {
        let path = format!("/v1/plugins/{}", id.replace('/', "%2F"));
        self.get(&path).await
    }

    /// The last event that names a component.
    pub async fn last_event(&self, id: &str) -> Value {
        let events = self.get("/v1/events").await;
        let events = events["events"].as_array().unwrap().iter();
        let mut of_it =
            events.filter(|event| event["components"].as_array().unwrap().contains(&id.into()));
        of_it.next_back().unwrap().clone()
    }

    async fn get(&self, path: &str) -> Value {
        let address = self.spanmill.address("admin http");
        admin(address, Method::GET, path, "").await
    }

    /// The neighbour was not disturbed, and the process ends without loss; gives its log.
    pub async fn end(mut self) -> String {
        self.neighbour.send(1).await;
        self.neighbour.was_not_disturbed().await;
        let log = self.spanmill.stop().await.log.join("\n");
        assert!(!log.contains("host panic"), "{log}");
        log
    }
}
