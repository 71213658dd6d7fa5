//! A page for a scraper, written piece by piece as it is read, off the threads that serve requests.
//!
//! A page of any size takes the memory of one piece, and a scraper that reads slowly or not at all blocks nothing:
//! neither a thread, nor the series, nor other scrapers.

use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::Semaphore;

use super::format::Format;
use super::intake::Intake;
use super::kind::Kind;
use super::protobuf::FamilyWriter;
use super::registry::Family;
use super::series::Series;
use super::text::Writer;

/// Limit on the length of a piece.
pub(super) const PIECE: usize = 64 << 10;
/// A piece of this length is full; the current series is finished.
const FULL: usize = 48 << 10;

/// How far a page has been written.
#[derive(Debug)]
pub(super) struct Cursor {
    writer: Writer,
    at: CursorPosition,
}

#[derive(Debug)]
enum CursorPosition {
    Start,
    /// Behind a series; its family's kind says whether it is still the same family.
    Behind {
        family: String,
        kind: Kind,
        labels: Box<str>,
    },
    End,
}

impl Cursor {
    pub(super) fn new(writer: Writer) -> Self {
        Cursor {
            writer,
            at: CursorPosition::Start,
        }
    }

    fn is_at_end(&self) -> bool {
        matches!(self.at, CursorPosition::End)
    }

    /// Writes until a piece is full or the page ends.
    pub(super) fn write(&mut self, intake: &Intake) -> Vec<u8> {
        let mut out = PieceWriter::new(self.writer);
        let mut registry = intake.registry();
        let mut families = match std::mem::replace(&mut self.at, CursorPosition::End) {
            CursorPosition::End => return Vec::new(),
            CursorPosition::Start => {
                registry.expire(Instant::now());
                registry.families.range::<str, _>(..)
            }
            CursorPosition::Behind {
                family: name,
                kind,
                labels,
            } => {
                if let Some(family) = registry.families.get(&name)
                    && family.kind == kind
                {
                    let behind = (Bound::Excluded(&*labels), Bound::Unbounded);
                    out.resume(&name, family);
                    for (labels, series) in family.series.range::<str, _>(behind) {
                        out.series(&name, kind, labels, series);
                        if out.len() >= FULL {
                            let labels = labels.clone();
                            self.at = CursorPosition::Behind {
                                family: name,
                                kind,
                                labels,
                            };
                            return out.finish(false);
                        }
                    }
                }
                let behind = (Bound::Excluded(name.as_str()), Bound::Unbounded);
                registry.families.range::<str, _>(behind)
            }
        };
        for (name, family) in &mut families {
            let kind = family.kind;
            // A family without series yet.
            if family.series.is_empty() {
                continue;
            }
            out.head(name, family);
            for (labels, series) in &family.series {
                out.series(name, kind, labels, series);
                if out.len() >= FULL {
                    self.at = CursorPosition::Behind {
                        family: name.clone(),
                        kind,
                        labels: labels.clone(),
                    };
                    return out.finish(false);
                }
            }
        }
        out.finish(true)
    }
}

/// A piece under construction.
enum PieceWriter {
    Text { writer: Writer, out: String },
    Protobuf(FamilyWriter),
}

impl PieceWriter {
    fn new(writer: Writer) -> Self {
        match writer.format {
            Format::Protobuf => PieceWriter::Protobuf(FamilyWriter::new(writer.timestamps)),
            Format::Text | Format::OpenMetrics => PieceWriter::Text {
                writer,
                out: String::new(),
            },
        }
    }

    fn len(&self) -> usize {
        match self {
            PieceWriter::Text { out, .. } => out.len(),
            PieceWriter::Protobuf(families) => families.len(),
        }
    }

    /// Begins a family.
    fn head(&mut self, name: &str, family: &Family) {
        match self {
            PieceWriter::Text { writer, out } => writer.head(out, name, family),
            PieceWriter::Protobuf(families) => families.begin(name, family),
        }
    }

    /// Continues the family of the piece before. A protobuf message ends with its piece, so a new one begins.
    fn resume(&mut self, name: &str, family: &Family) {
        if let PieceWriter::Protobuf(families) = self {
            families.begin(name, family);
        }
    }

    fn series(&mut self, name: &str, kind: Kind, labels: &str, series: &Series) {
        match self {
            PieceWriter::Text { writer, out } => writer.series(out, name, kind, labels, series),
            PieceWriter::Protobuf(families) => families.series(kind, labels, series),
        }
    }

    /// Finishes the piece; `is_last` says that the page ends with it.
    fn finish(self, is_last: bool) -> Vec<u8> {
        match self {
            PieceWriter::Text { writer, mut out } => {
                if is_last && writer.format == Format::OpenMetrics {
                    out.push_str("# EOF\n");
                }
                out.into_bytes()
            }
            PieceWriter::Protobuf(families) => families.finish(),
        }
    }
}

/// The body of a scrape.
pub(super) struct Page {
    intake: Arc<Intake>,
    /// Bounds how many pieces are written at once.
    gate: Arc<Semaphore>,
    ready: Bytes,
    cursor: Option<Cursor>,
    next: Option<PieceFuture>,
}

/// A piece that is being written.
type PieceFuture = Pin<Box<dyn Future<Output = Result<(Cursor, Bytes), BrokenPage>> + Send>>;

/// A page that could not be finished. The connection is closed, so that no scraper takes the page for complete.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be written to its end")]
pub(super) struct BrokenPage;

impl Page {
    pub(super) fn new(intake: &Arc<Intake>, gate: &Arc<Semaphore>, writer: Writer) -> Self {
        Page {
            intake: Arc::clone(intake),
            gate: Arc::clone(gate),
            ready: Bytes::new(),
            cursor: Some(Cursor::new(writer)),
            next: None,
        }
    }

    /// A page with a single text.
    pub(super) fn fixed(intake: &Arc<Intake>, gate: &Arc<Semaphore>, text: &'static str) -> Self {
        Page {
            intake: Arc::clone(intake),
            gate: Arc::clone(gate),
            ready: Bytes::from_static(text.as_bytes()),
            cursor: None,
            next: None,
        }
    }
}

impl Body for Page {
    type Data = Bytes;
    type Error = BrokenPage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenPage>>> {
        loop {
            if !self.ready.is_empty() {
                let length = self.ready.len().min(PIECE);
                let piece = self.ready.split_to(length);
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if let Some(next) = &mut self.next {
                let made = std::task::ready!(next.as_mut().poll(context));
                self.next = None;
                match made {
                    Ok((cursor, piece)) => {
                        self.cursor = (!cursor.is_at_end()).then_some(cursor);
                        self.ready = piece;
                    }
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
                continue;
            }
            let Some(mut cursor) = self.cursor.take() else {
                return Poll::Ready(None);
            };
            let (intake, gate) = (Arc::clone(&self.intake), Arc::clone(&self.gate));
            self.next = Some(Box::pin(async move {
                let place = gate.acquire_owned().await.map_err(|_| BrokenPage)?;
                let made = tokio::task::spawn_blocking(move || {
                    let piece = cursor.write(&intake);
                    drop(place);
                    (cursor, Bytes::from(piece))
                });
                made.await.map_err(|_| BrokenPage)
            }));
        }
    }
}
