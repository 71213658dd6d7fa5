//! How far several attempts for one batch have come, where a batch is more than one request.

use bytes::Bytes;

use super::load_balancing::Parts;
use super::outcome::{ExportError, ExportResponse};

const NOT_WRITTEN: &str = "the backend did not write all samples of a request; if it knows Remote-Write 1.0 only, remove `protobuf_message`";

/// One request, ready to be posted.
#[derive(Clone, Debug)]
pub(super) struct WriteBody {
    /// Snappy's block format.
    pub(super) bytes: Bytes,
    /// Points that begin in it.
    pub(super) points: u64,
    /// Samples and histograms in it.
    pub(super) samples: u64,
}

/// How far the attempts for one batch have come.
#[derive(Debug, Default)]
pub struct Progress {
    /// The requests of the batch; those that are done with are `None`.
    pub(super) left: Option<Vec<Option<WriteBody>>>,
    /// What the backend has said so far.
    pub(super) accepted: ExportResponse,
    was_taken: bool,
    refused: Option<ExportError>,
    /// The parts of a batch that is cut by where they go.
    pub(super) parts: Parts,
}

impl Progress {
    pub(super) fn body(&self, place: usize) -> Option<&Option<WriteBody>> {
        self.left.as_ref()?.get(place)
    }

    /// Notes how a request went; returns the error if it must be posted again.
    pub(super) fn note(
        &mut self,
        place: usize,
        result: Result<Option<u64>, ExportError>,
    ) -> Option<ExportError> {
        if let Err(error @ ExportError::Retryable { .. }) = result {
            return Some(error);
        }
        let left = self.left.as_mut()?.get_mut(place);
        let body = left.and_then(Option::take)?;
        let (lost, remark) = match result {
            Ok(written) => {
                let missing = body.samples.saturating_sub(written.unwrap_or(body.samples));
                self.was_taken |= missing < body.samples;
                (body.points.min(missing), NOT_WRITTEN.to_owned())
            }
            Err(error) => {
                let remark = error.to_string();
                self.refused.get_or_insert(error);
                (body.points, remark)
            }
        };
        if lost > 0 {
            self.accepted.rejected = self.accepted.rejected.saturating_add(lost);
            self.accepted.remark.get_or_insert(remark);
        }
        None
    }

    /// How the batch went, once all requests are done with.
    pub(super) fn result(&mut self) -> Result<ExportResponse, ExportError> {
        match self.refused.take() {
            Some(error) if !self.was_taken => Err(error),
            _ => Ok(std::mem::take(&mut self.accepted)),
        }
    }
}
