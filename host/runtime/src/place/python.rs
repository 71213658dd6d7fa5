//! The calls under way in a CPython interpreter, read from its memory as a profiler reads another process's.
//!
//! `_PyRuntime` begins with `_Py_DebugOffsets`: a cookie, the version, and where in CPython's structures the fields are. From there
//! it goes to the interpreter, its thread, that one's innermost frame and those around it, each with its code: file, name, lines.
//!
//! A guest may have written anything there, so every read is checked, and scan, frames and texts are bounded.

mod lines;
#[cfg(test)]
mod tests;

use super::frame::Frame;

/// What `_Py_DebugOffsets` begins with.
const COOKIE: &[u8; 8] = b"xdebugpy";

/// How much of a memory is searched for it. It is static data, which linkers put first.
const SCANNED: usize = 32 << 20;
/// The most places with a cookie that are looked at.
const CANDIDATES: usize = 8;
/// The most calls that are told.
const FRAMES: usize = 8;
/// The most frames that are looked at; some are the interpreter's own.
const STEPS: usize = 32;
/// The most characters of a name.
const TEXT: usize = 128;
/// The longest table of lines that is read, in bytes.
const LINES: u32 = 1 << 20;
/// No structure of CPython's is as large.
const LARGEST_OFFSET: u64 = 1 << 20;

/// Bits of a frame's reference to its code that do not belong to the address.
const TAGS: u32 = 3;
/// Frames from this owner on are the interpreter's own.
const OWNED_BY_INTERPRETER: u8 = 3;

/// CPython 3.14, in the upper half of a version; the lower half's upper nibble of `LEVEL` says that it is no preview.
const VERSION: u64 = 0x030e;
const LEVEL: u64 = 0xf0;

/// Words of `_Py_DebugOffsets` by their number, in CPython 3.14. The layout is fixed within a minor version, and differs
/// between them.
#[derive(Clone, Copy)]
enum Word {
    Version = 1,
    FreeThreaded = 2,
    InterpretersHead = 5,
    ThreadsHead = 9,
    CurrentFrame = 26,
    FramePrevious = 32,
    FrameExecutable = 33,
    FrameInstruction = 34,
    FrameOwner = 36,
    CodeFile = 40,
    CodeQualifiedName = 42,
    CodeLines = 43,
    CodeFirstLine = 44,
    CodeInstructions = 48,
    ObjectType = 51,
    TypeName = 53,
    BytesSize = 75,
    BytesData = 76,
    TextSize = 77,
    TextState = 78,
    TextLength = 79,
    TextAsciiSize = 80,
}

/// The calls of the script that runs in a memory, innermost first. None if there is no CPython of a version that is known.
pub(super) fn frames(memory: &[u8]) -> Vec<Frame> {
    let (words, _) = memory.get(..SCANNED).unwrap_or(memory).as_chunks::<8>();
    let cookies = words.iter().enumerate().filter(|(_, word)| *word == COOKIE);
    let runtimes = cookies.take(CANDIDATES).filter_map(|(number, _)| {
        let runtime = u32::try_from(number.checked_mul(8)?).ok()?;
        Python { memory, runtime }.frames()
    });
    runtimes
        .into_iter()
        .find(|frames| !frames.is_empty())
        .unwrap_or_default()
}

struct Python<'a> {
    memory: &'a [u8],
    /// Where `_PyRuntime` is.
    runtime: u32,
}

impl Python<'_> {
    fn frames(&self) -> Option<Vec<Frame>> {
        let version = self.debug_word(Word::Version)?;
        if version >> 16 != VERSION
            || version & LEVEL != LEVEL
            || self.debug_word(Word::FreeThreaded)? != 0
        {
            return None;
        }
        let interpreter = self.pointer(self.runtime, Word::InterpretersHead)?;
        let thread = self.pointer(interpreter, Word::ThreadsHead)?;
        let innermost = self.pointer(thread, Word::CurrentFrame);
        let outwards =
            std::iter::successors(innermost, |frame| self.pointer(*frame, Word::FramePrevious));
        let frames = outwards.take(STEPS).filter_map(|frame| self.frame(frame));
        Some(frames.take(FRAMES).collect())
    }

    fn frame(&self, frame: u32) -> Option<Frame> {
        let [owner] = self.read(self.field(frame, Word::FrameOwner)?)?;
        let code = self.pointer(frame, Word::FrameExecutable)? & !TAGS;
        if owner >= OWNED_BY_INTERPRETER || !self.is_a(code, b"code\0") {
            return None;
        }
        let function = self.text(self.pointer(code, Word::CodeQualifiedName)?)?;
        let file = self.text(self.pointer(code, Word::CodeFile)?)?;
        // Of a long path, its end.
        let before = file.len().saturating_sub(TEXT);
        Some(Frame {
            function: function.take(TEXT).collect(),
            file: file.skip(before).collect(),
            line: self.line(frame, code),
        })
    }

    /// The line that a frame is at, or else the one that its function begins at.
    fn line(&self, frame: u32, code: u32) -> Option<u32> {
        let first = self.word(code, Word::CodeFirstLine)?;
        let exact = || {
            let instruction = self.word(frame, Word::FrameInstruction)?;
            let begin = self.field(code, Word::CodeInstructions)?;
            let table = self.pointer(code, Word::CodeLines)?;
            if !self.is_a(table, b"bytes\0") {
                return None;
            }
            let size = self.word(table, Word::BytesSize)?.min(LINES);
            let table = self.bytes(self.field(table, Word::BytesData)?, size)?;
            lines::line(table, first, instruction.checked_sub(begin)? / 2)
        };
        exact().or(Some(first))
    }

    /// The characters of a `str`, which may be all of the memory.
    fn text(&self, text: u32) -> Option<impl ExactSizeIterator<Item = char>> {
        if !self.is_a(text, b"str\0") {
            return None;
        }
        let state = self.word(text, Word::TextState)?;
        let (width, compact, ascii) = (state >> 2 & 7, state >> 5 & 1, state >> 6 & 1);
        if compact == 0 || !matches!(width, 1 | 2 | 4) {
            return None;
        }
        // An object of another shape ends in a pointer to its characters, which a compact one does not have.
        let before = match ascii {
            1 => self.offset(Word::TextAsciiSize)?,
            _ => self.offset(Word::TextSize)?.checked_sub(4)?,
        };
        let size = self.word(text, Word::TextLength)?.checked_mul(width)?;
        let bytes = self.bytes(text.checked_add(before)?, size)?;
        let chars = bytes.chunks_exact(usize::try_from(width).ok()?);
        Some(chars.map(|char| {
            let bytes = char.iter().rev();
            let code = bytes.fold(0, |code, byte| code << 8 | u32::from(*byte));
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }))
    }

    /// Whether an object's type has a name, which ends in a zero.
    fn is_a(&self, object: u32, name: &[u8]) -> bool {
        let named = || {
            let at = self.pointer(self.pointer(object, Word::ObjectType)?, Word::TypeName)?;
            self.bytes(at, u32::try_from(name.len()).ok()?)
        };
        named() == Some(name)
    }

    /// What a field points to. Null is nothing.
    fn pointer(&self, object: u32, field: Word) -> Option<u32> {
        self.word(object, field).filter(|at| *at != 0)
    }

    fn word(&self, object: u32, field: Word) -> Option<u32> {
        self.read(self.field(object, field)?)
            .map(u32::from_le_bytes)
    }

    /// Where an object's field is.
    fn field(&self, object: u32, field: Word) -> Option<u32> {
        object.checked_add(self.offset(field)?)
    }

    fn offset(&self, word: Word) -> Option<u32> {
        let offset = self
            .debug_word(word)
            .filter(|offset| *offset < LARGEST_OFFSET)?;
        u32::try_from(offset).ok()
    }

    fn debug_word(&self, word: Word) -> Option<u64> {
        let at = self.runtime.checked_add(8 * word as u32)?;
        self.read(at).map(u64::from_le_bytes)
    }

    fn read<const SIZE: usize>(&self, at: u32) -> Option<[u8; SIZE]> {
        self.bytes(at, u32::try_from(SIZE).ok()?)?.try_into().ok()
    }

    fn bytes(&self, at: u32, size: u32) -> Option<&[u8]> {
        let begin = usize::try_from(at).ok()?;
        let end = begin.checked_add(usize::try_from(size).ok()?)?;
        self.memory.get(begin..end)
    }
}
