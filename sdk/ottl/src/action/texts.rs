//! Editors for which nothing matters but the text that stands there: each text of the pool is looked at once.

use crate::editor::OfText;
use crate::frame::{Frame, is_same};

/// What texts become.
pub(super) struct TextEdit {
    of_text: OfText,
    /// For each text of the pool, the index of what it becomes, plus one; 0: not known yet.
    becomes: Vec<u32>,
    buffer: Vec<u8>,
}

impl TextEdit {
    pub(super) fn new(of_text: OfText) -> Self {
        TextEdit {
            of_text,
            becomes: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Forgets everything, for another batch.
    pub(super) fn clear(&mut self) {
        self.becomes.clear();
    }

    /// The index of what a text becomes; its own, if it stays.
    #[inline]
    pub(super) fn becomes(&mut self, frame: &mut Frame<'_>, index: u32) -> u32 {
        match self.becomes.get(index as usize) {
            Some(&known @ 1..) => known - 1,
            _ => self.learn(frame, index),
        }
    }

    #[inline(never)]
    fn learn(&mut self, frame: &mut Frame<'_>, index: u32) -> u32 {
        let at = index as usize;
        if at >= self.becomes.len() {
            self.becomes.resize(frame.pool.len().max(at + 1), 0);
        }
        let old = frame.pool.bytes(index);
        let new = match (self.of_text)(old, &mut self.buffer) {
            true if !is_same(&self.buffer, old) => frame.pool.intern(&self.buffer),
            _ => index,
        };
        if let Some(known) = self.becomes.get_mut(at) {
            *known = new + 1;
        }
        new
    }
}
