//! Cuts batches by member.

use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};

use spanmill_model::PerSignal;
use spanmill_otlp::Request;

use super::member::{Detour, Piece};
use super::members::{MemberExporter, Members};
use super::routing_key::KeyReader;
use crate::export::{ExportError, Payload};

/// Knows the members, and what decides on one.
pub(super) struct Router {
    /// Of the signals that the routing key is of.
    keys: PerSignal<Option<KeyReader>>,
    members: RwLock<Arc<Members>>,
}

impl Router {
    /// Without members yet.
    pub fn new(keys: PerSignal<Option<KeyReader>>) -> Self {
        Router {
            keys,
            members: RwLock::default(),
        }
    }

    /// The members of the resolver's last answer.
    pub fn members(&self) -> Arc<Members> {
        Arc::clone(&self.members.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a new answer.
    pub fn replace(&self, members: Members) {
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(members);
    }

    /// Cuts a batch: what each member gets of it.
    ///
    /// # Errors
    ///
    /// If there are no members; another attempt may succeed.
    pub fn split<'m>(
        &self,
        payload: &Payload,
        members: &'m Members,
    ) -> Result<Vec<(&'m MemberExporter, Payload)>, ExportError> {
        let all = members.as_slice();
        match all {
            [] => {
                let message = "the resolver has found no endpoint to send to";
                return Err(ExportError::retryable(message));
            }
            [only] => return Ok(vec![(only, payload.clone())]),
            _ => {}
        }
        let Some(reader) = self.keys.get(payload.signal) else {
            let message = format!("the routing key is not one of {}", payload.signal);
            return Err(ExportError::permanent(message));
        };
        let request = Request::parse(payload.signal, payload.bytes.clone()).map_err(broken)?;
        let targets = reader.targets(&request, members.ring()).map_err(broken)?;
        let parts = all.iter().zip(request.split_by(&targets, all.len()));
        let some = parts.filter(|(_, part)| !part.bytes.is_empty());
        let payload_of = |part: spanmill_otlp::Spliced| Payload {
            signal: payload.signal,
            items: u64::try_from(part.items).unwrap_or(u64::MAX),
            bytes: part.bytes,
            metadata: payload.metadata.clone(),
            received_unix_nano: payload.received_unix_nano,
            trace: payload.trace.clone(),
        };
        Ok(some
            .map(|(member, part)| (member, payload_of(part)))
            .collect())
    }
}

impl Detour for Router {
    fn cut_without(
        &self,
        member: &str,
        batch: &Payload,
    ) -> Option<Result<Vec<Piece>, ExportError>> {
        let others = self.members().without(member);
        if others.as_slice().is_empty() {
            return None;
        }
        let cut = self.split(batch, &others);
        Some(cut.map(|parts| {
            let parts = parts.into_iter();
            parts
                .map(|(exporter, part)| (Arc::clone(&exporter.member), part))
                .collect()
        }))
    }
}

fn broken(what: impl Display) -> ExportError {
    ExportError::permanent(format!(
        "the batch cannot be cut by its routing key: {what}"
    ))
}
