//! The texts that an answer refers to: those of the batch that its stage may read, and new ones.

use std::cell::Cell;

use crate::kind;
use crate::limits::Found;
use crate::outcome::{OutcomeError, Pool};
use crate::schema::Message;
use crate::texts::Texts;
use crate::validate::{self, DEPTH};
use crate::wire::Reader;

/// Limit on the bytes that one answer writes, or that the edits of all stages write. A small answer can write one long
/// text into every row.
pub(crate) const MAX_WRITTEN: u64 = 256 * 1024 * 1024;

/// Checks the texts that an answer refers to, and counts what it writes.
pub(crate) struct AnswerTexts<'a> {
    pub(crate) texts: &'a Texts,
    /// The stage's bit among the readers of a text.
    pub(crate) bit: u64,
    /// How many texts the stage was shown: new ones are numbered from here.
    pub(crate) pool_len: u32,
    /// The new ones.
    pub(crate) added: &'a Pool,
    /// How many bytes are written so far.
    pub(crate) written: Cell<u64>,
}

impl AnswerTexts<'_> {
    /// Fails unless the new texts lie end to end.
    pub(crate) fn pool(&self) -> Result<(), OutcomeError> {
        let last = self.added.ends.last().copied().unwrap_or(0) as usize;
        if self.added.ends.is_sorted() && last == self.added.bytes.len() {
            Ok(())
        } else {
            Err(OutcomeError::Pool)
        }
    }

    /// Counts `bytes` bytes that will be written `times` times.
    pub(crate) fn charge(&self, bytes: u64, times: usize) -> Result<(), OutcomeError> {
        let bytes = bytes.saturating_mul(times as u64);
        let written = self.written.get().saturating_add(bytes);
        self.written.set(written);
        match written <= MAX_WRITTEN {
            true => Ok(()),
            false => Err(OutcomeError::Edits {
                limit_mib: MAX_WRITTEN >> 20,
            }),
        }
    }

    /// A text that the answer refers to: one that the stage may read, or a new one.
    pub(crate) fn bytes(&self, index: u32) -> Result<&[u8], OutcomeError> {
        match index.checked_sub(self.pool_len) {
            None if self.texts.may_read(index, self.bit) => Ok(self.texts.get(index)),
            None => Err(OutcomeError::Text(index)),
            Some(new) => {
                let ends = &self.added.ends;
                let end = *ends.get(new as usize).ok_or(OutcomeError::Text(index))?;
                let before = (new as usize)
                    .checked_sub(1)
                    .and_then(|before| ends.get(before));
                let start = before.copied().unwrap_or(0);
                let bytes = self.added.bytes.get(start as usize..end as usize);
                bytes.ok_or(OutcomeError::Pool)
            }
        }
    }

    /// Checks a text that is about to stand in telemetry as a given kind, and counts it.
    pub(crate) fn text(&self, kind: u8, index: u32) -> Result<(), OutcomeError> {
        let bytes = self.bytes(index)?;
        // Before it is looked at: the time that checking takes is bounded as well.
        self.charge(bytes.len() as u64, 1)?;
        let mut reader = Reader::new(bytes, 0, bytes.len());
        // An entry's value may stand some levels down in a request.
        let depth = DEPTH - 8;
        let mut found = Found::new(Vec::new(), usize::MAX);
        let valid = match kind {
            kind::TEXT => std::str::from_utf8(bytes).is_ok(),
            kind::ARRAY => {
                validate::message(&mut reader, Message::ArrayValue, depth, &mut found).is_ok()
            }
            kind::MAP => {
                validate::message(&mut reader, Message::KeyValueList, depth, &mut found).is_ok()
            }
            _ => true,
        };
        if valid {
            Ok(())
        } else {
            Err(OutcomeError::Encoding(index))
        }
    }

    /// Checks the text of a cell, if its kind has one.
    pub(crate) fn cell(&self, kind: u8, bits: u64) -> Result<(), OutcomeError> {
        if kind::is_pooled(kind) {
            let index = u32::try_from(bits).map_err(|_| OutcomeError::Text(u32::MAX))?;
            self.text(kind, index)?;
        }
        Ok(())
    }
}
