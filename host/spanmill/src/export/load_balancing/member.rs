//! One member: sends what is its own, and, once it has left, hands what it still has to those that are there.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use crate::export::otlp_grpc::OtlpGrpc;
use crate::export::{Attempt, Export, ExportError, ExportResponse, Payload, Progress};

/// One member of the ring.
pub(super) struct Member {
    /// As the ring knows it.
    name: String,
    transport: OtlpGrpc,
    others: Weak<dyn Detour>,
    /// Set once the resolver does not name it any more.
    has_left: AtomicBool,
    /// Set while the exporter ends.
    is_ending: AtomicBool,
    /// Set once an attempt has failed while the exporter ends.
    has_failed: AtomicBool,
}

impl Member {
    pub fn new(name: String, transport: OtlpGrpc, others: Weak<dyn Detour>) -> Self {
        Member {
            name,
            transport,
            others,
            has_left: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
        }
    }

    /// The resolver does not name it any more: what it still has goes to the others.
    pub fn leave(&self) {
        self.has_left.store(true, Relaxed);
    }

    /// The exporter ends: if the member does not take its batches now, they go to the others.
    pub fn end(&self) {
        self.is_ending.store(true, Relaxed);
    }

    async fn send(&self, payload: &Payload) -> Result<ExportResponse, ExportError> {
        let sent = self.transport.export(payload).await;
        if matches!(sent, Err(ExportError::Retryable { .. })) && self.is_ending.load(Relaxed) {
            self.has_failed.store(true, Relaxed);
        }
        sent
    }

    /// Whether its batches go to the others instead.
    fn is_passed_over(&self) -> bool {
        self.has_left.load(Relaxed) || self.has_failed.load(Relaxed)
    }

    /// Cuts what is open of a batch for the others; `None` if there are none, so that this one stays the best there is.
    fn detour(&self, open: &[Payload]) -> Option<Result<Vec<Piece>, ExportError>> {
        let others = self.others.upgrade()?;
        let mut pieces = Vec::new();
        for part in open {
            match others.cut_without(&self.name, part)? {
                Ok(cut) => pieces.extend(cut),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(pieces))
    }
}

/// A part of a batch, and the member that it goes to.
pub(super) type Piece = (Arc<Member>, Payload);

/// Cuts batches of a member for the others.
pub(super) trait Detour: Send + Sync {
    /// What each of the others gets of a batch; `None` if there are none.
    fn cut_without(&self, member: &str, batch: &Payload)
    -> Option<Result<Vec<Piece>, ExportError>>;
}

/// What its exporter makes attempts with.
pub(super) struct MemberExport(pub Arc<Member>);

impl Export for MemberExport {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(self.0.send(payload))
    }

    fn go_on<'a>(&'a self, payload: &'a Payload, progress: &'a mut Progress) -> Attempt<'a> {
        let (member, parts) = (&self.0, &mut progress.parts);
        Box::pin(async move {
            let open = parts.open(payload);
            let detour = match member.is_passed_over() {
                true => member.detour(&open),
                false => None,
            };
            let pieces: Vec<Piece> = match detour {
                Some(pieces) => pieces?,
                None => match open.as_slice() {
                    [only] => return member.send(only).await,
                    _ => open
                        .into_iter()
                        .map(|part| (Arc::clone(member), part))
                        .collect(),
                },
            };
            let (members, pieces): (Vec<_>, Vec<Payload>) = pieces.into_iter().unzip();
            let numbers = parts.cut(&pieces);
            for ((to, piece), number) in members.iter().zip(&pieces).zip(numbers) {
                // Not by its queue, so that each item is counted once, as this member's.
                parts.note(number, to.transport.export(piece).await);
            }
            parts.result()
        })
    }
}
