//! The exporter's own attempts: a batch is cut, and each part handed to the exporter of its member.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::config::authority;
use super::member::{Member, MemberExport};
use super::members::{MemberExporter, Members};
use super::router::Router;
use crate::export::counters::Tally;
use crate::export::exporter::{Behaviour, Shared};
use crate::export::otlp_grpc::OtlpGrpc;
use crate::export::otlp_grpc::config::OtlpGrpcConfig;
use crate::export::settings::ClientSettings;
use crate::export::{
    Attempt, EnqueueError, Export, ExportError, ExportResponse, Exporter, Payload, Progress,
    SendPermit,
};
use spanmill_manifest::ComponentId;

/// How often a batch is cut anew within one attempt, when a member leaves while it is handed over.
const CUTS: usize = 3;

/// The most members. What an answer of the resolver names beyond is left out.
const MAX_MEMBERS: usize = 1000;

/// How long a member that has left has for what it still holds, if its retries have no end of their own.
const LEAVING: Duration = Duration::from_secs(300);

/// Cuts batches, and keeps an exporter for each member.
pub(super) struct Balancer {
    id: ComponentId,
    router: Arc<Router>,
    /// How each member is spoken to.
    client: ClientSettings,
    shared: Shared,
    tally: Tally,
    /// Whether somebody waits for the result who still has the batch: there is no queue.
    has_sender: bool,
    /// Whether what could not be handed over is tried again here.
    tries_again: bool,
    /// Exporters of members that have left, until they have nothing more.
    leaving: Mutex<Vec<Exporter>>,
    /// What the resolver has named last.
    named: Mutex<Vec<String>>,
    tasks: TaskTracker,
    /// Ends the resolver.
    pub end: CancellationToken,
}

impl Balancer {
    pub fn new(
        id: ComponentId,
        router: Arc<Router>,
        client: ClientSettings,
        shared: Shared,
        tally: Tally,
        has_sender: bool,
        tries_again: bool,
    ) -> Self {
        Balancer {
            id,
            router,
            client,
            shared,
            tally,
            has_sender,
            tries_again,
            leaving: Mutex::default(),
            named: Mutex::default(),
            tasks: TaskTracker::new(),
            end: CancellationToken::new(),
        }
    }

    /// Tasks that end with the exporter.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Waits; returns false if the exporter has ended meanwhile.
    pub async fn is_on_after(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.end.cancelled() => false,
        }
    }

    /// Takes an answer of the resolver: new members get an exporter, and what those that are gone still have goes to the
    /// others. Must be called within a tokio runtime, and by one task at a time.
    pub fn update(&self, mut names: Vec<String>) {
        names.sort_unstable();
        names.dedup();
        if names.len() > MAX_MEMBERS {
            warn!(exporter = %self.id, found = names.len(),
                "the resolver found more than {MAX_MEMBERS} endpoints; the others get nothing");
            names.truncate(MAX_MEMBERS);
        }
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if *named == names {
            return;
        }
        named.clone_from(&names);
        drop(named);
        let before = self.router.members();
        let mut members = Vec::with_capacity(names.len());
        for name in &names {
            match before.get(name) {
                Some(member) => members.push(member.clone()),
                None => members.extend(self.start(name)),
            }
        }
        self.router.replace(Members::new(members));
        let gone = before
            .as_slice()
            .iter()
            .filter(|member| !names.contains(&member.name));
        let gone: Vec<&MemberExporter> = gone.collect();
        let listed: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
        info!(exporter = %self.id, endpoints = names.len(), left = gone.len(), "sends to {}{}",
            listed.join(", "), if names.len() > listed.len() { ", .." } else { "" });
        for member in gone {
            self.leave(member);
        }
    }

    fn start(&self, name: &str) -> Option<MemberExporter> {
        let Some(authority) = authority(name) else {
            error!(exporter = %self.id, endpoint = name, "the resolver found what is no host and port; it gets nothing");
            return None;
        };
        let scheme = if self.client.tls.insecure {
            "http"
        } else {
            "https"
        };
        let config = OtlpGrpcConfig {
            uri: format!("{scheme}://{authority}"),
            client: self.client.clone(),
        };
        let id = ComponentId::parse(&match self.id.name() {
            Some(_) => format!("{}_{name}", self.id),
            None => format!("{}/{name}", self.id),
        });
        let id = id.unwrap_or_else(|_| self.id.clone());
        let transport = match OtlpGrpc::new(&id, &config) {
            Ok(transport) => transport,
            Err(cause) => {
                error!(exporter = %self.id, endpoint = name, "cannot send to this endpoint: {cause}");
                return None;
            }
        };
        let others = Arc::downgrade(&self.router);
        let member = Arc::new(Member::new(name.to_owned(), transport, others));
        let queue = self.client.queue.clone();
        let is_awaited = queue.as_ref().is_none_or(|queue| queue.wait_for_result);
        let behaviour = Behaviour {
            queue,
            retry: self.client.retry.clone(),
            timeout: self.client.timeout,
            endpoint: config.uri,
            tally: self.tally.of_part(is_awaited),
        };
        let export = Box::new(MemberExport(Arc::clone(&member)));
        Some(MemberExporter {
            name: name.to_owned(),
            member,
            exporter: Exporter::new(id, export, behaviour, &self.shared),
        })
    }

    fn leave(&self, member: &MemberExporter) {
        member.member.leave();
        let exporter = member.exporter.clone();
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        leaving.retain(|exporter| !exporter.is_drained());
        leaving.push(exporter.clone());
        drop(leaving);
        let retries = self.client.retry.max_elapsed_time;
        let time = if retries.is_zero() { LEAVING } else { retries };
        let now = Instant::now();
        let deadline = now.checked_add(time).unwrap_or(now);
        let (endpoint, id) = (member.name.clone(), self.id.clone());
        self.tasks.spawn(async move {
            let left = exporter.drain(deadline).await;
            debug!(exporter = %id, endpoint, left, "nothing more is sent by what was the exporter of this endpoint");
        });
    }

    /// Hands the open parts of a batch to the members.
    async fn hand_on(
        &self,
        payload: &Payload,
        progress: &mut Progress,
    ) -> Result<ExportResponse, ExportError> {
        progress.parts.has_sender = self.has_sender;
        for _ in 0..CUTS {
            let members = self.router.members();
            let mut cut = Vec::new();
            for part in progress.parts.open(payload) {
                cut.extend(self.router.split(&part, &members)?);
            }
            let (exporters, parts): (Vec<_>, Vec<Payload>) = cut
                .into_iter()
                .map(|(member, part)| (&member.exporter, part))
                .unzip();
            let mut permits = Vec::with_capacity(parts.len());
            for (exporter, part) in exporters.iter().zip(&parts) {
                permits.push(exporter.reserve(part).await);
            }
            let has_left = |permit: &Result<SendPermit, EnqueueError>| {
                matches!(permit, Err(EnqueueError::ShuttingDown { .. }))
            };
            if permits.iter().any(has_left) && !self.end.is_cancelled() {
                tokio::task::yield_now().await;
                continue;
            }
            // A sender that sends the whole batch again must not have sent a part of it before.
            if self.has_sender
                && !self.tries_again
                && let Some(refused) = permits.iter().find_map(|permit| permit.as_ref().err())
            {
                return Err(error_of(refused.clone()));
            }
            let numbers = progress.parts.cut(&parts);
            send(permits, parts, numbers, progress).await;
            return progress.parts.result();
        }
        Err(ExportError::retryable("the endpoints change all the time"))
    }
}

/// Sends each part that has a permit, those that are waited for at once.
async fn send(
    permits: Vec<Result<SendPermit, EnqueueError>>,
    parts: Vec<Payload>,
    numbers: Vec<usize>,
    progress: &mut Progress,
) {
    let mut waiting = JoinSet::new();
    for ((permit, part), number) in permits.into_iter().zip(parts).zip(numbers) {
        match permit {
            Err(error) => progress.parts.note(number, Err(error_of(error))),
            Ok(permit) if permit.is_awaited() => {
                waiting.spawn(async move { (number, permit.send(part).await) });
            }
            Ok(permit) => progress
                .parts
                .note(number, handed_on(permit.send(part).await)),
        }
    }
    while let Some(sent) = waiting.join_next().await {
        // A task that did not end has sent nothing: the part stays open.
        if let Ok((number, sent)) = sent {
            progress.parts.note(number, handed_on(sent));
        }
    }
}

fn handed_on(sent: Result<(), EnqueueError>) -> Result<ExportResponse, ExportError> {
    let accepted = ExportResponse {
        is_handed_on: true,
        ..ExportResponse::default()
    };
    sent.map(|()| accepted).map_err(error_of)
}

fn error_of(error: EnqueueError) -> ExportError {
    match error {
        EnqueueError::Permanent { failure, .. } => ExportError::Permanent(failure),
        EnqueueError::Retryable { failure, after, .. } => ExportError::Retryable { failure, after },
        full @ (EnqueueError::Full { .. } | EnqueueError::ShuttingDown { .. }) => {
            ExportError::retryable(full.to_string())
        }
    }
}

impl Export for Arc<Balancer> {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(async move { self.hand_on(payload, &mut Progress::default()).await })
    }

    fn go_on<'a>(&'a self, payload: &'a Payload, progress: &'a mut Progress) -> Attempt<'a> {
        Box::pin(self.hand_on(payload, progress))
    }

    fn end(&self) {
        for member in self.router.members().as_slice() {
            member.member.end();
        }
    }

    fn close(&self, deadline: Instant) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        Box::pin(async move {
            Export::end(self);
            self.end.cancel();
            self.tasks.close();
            let members = self.router.members();
            let leaving = self
                .leaving
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            let mut draining = JoinSet::new();
            for member in members.as_slice() {
                let exporter = member.exporter.clone();
                draining.spawn(async move { exporter.drain(deadline).await });
            }
            for exporter in leaving {
                draining.spawn(async move { exporter.drain(deadline).await });
            }
            let mut left: u64 = 0;
            while let Some(drained) = draining.join_next().await {
                left = left.saturating_add(drained.unwrap_or(0));
            }
            left
        })
    }
}
