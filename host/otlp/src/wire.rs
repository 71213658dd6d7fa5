//! Protobuf's encoding: varints, tags and lengths, read without ever running past the end.

mod flaw;
mod write;

pub(crate) use flaw::Flaw;
pub(crate) use write::{put_delimited, put_tag, put_varint, varint_len};

pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const DELIMITED: u8 = 2;
pub(crate) const GROUP: u8 = 3;
pub(crate) const GROUP_END: u8 = 4;
pub(crate) const FIXED32: u8 = 5;

/// Reads fields of one message. Positions are those of the whole request.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The request, cut off at the end of this message.
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Reader<'a> {
    /// Reads `start..end`; an empty range if that lies outside the bytes.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], start: usize, end: usize) -> Self {
        Reader {
            bytes: bytes.get(..end).unwrap_or(&[]),
            pos: start,
        }
    }

    #[inline]
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// The bytes not read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or(&[])
    }

    /// Steps over bytes of [`Reader::rest`].
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        self.pos += count;
    }

    /// All that may be read, to its end.
    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Flaw> {
        match self.bytes.get(self.pos) {
            Some(&byte) if byte < 0x80 => {
                self.pos += 1;
                Ok(u64::from(byte))
            }
            Some(&low) => match self.bytes.get(self.pos + 1) {
                Some(&high) if high < 0x80 => {
                    self.pos += 2;
                    Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
                }
                _ => self.long_varint(),
            },
            None => Err(Flaw::Truncated),
        }
    }

    #[cold]
    fn long_varint(&mut self) -> Result<u64, Flaw> {
        let mut value = 0u64;
        for (count, &byte) in self.bytes.iter().skip(self.pos).take(10).enumerate() {
            // The tenth byte holds the 64th bit and nothing more.
            if count == 9 && byte > 1 {
                return Err(Flaw::Varint);
            }
            value |= u64::from(byte & 0x7f) << (7 * count);
            if byte < 0x80 {
                self.pos += count + 1;
                return Ok(value);
            }
        }
        if self.bytes.len() - self.pos >= 10 {
            Err(Flaw::Varint)
        } else {
            Err(Flaw::Truncated)
        }
    }

    /// The next field's number and wire type.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<(u32, u8), Flaw> {
        let key = self.varint()?;
        let number = (key >> 3) as u32;
        if key > u64::from(u32::MAX) || number == 0 {
            return Err(Flaw::Tag);
        }
        Ok((number, (key & 7) as u8))
    }

    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Flaw> {
        let end = self.pos.checked_add(count).ok_or(Flaw::Truncated)?;
        let taken = self.bytes.get(self.pos..end).ok_or(Flaw::Truncated)?;
        self.pos = end;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, Flaw> {
        let taken = self.take(8)?;
        Ok(taken
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes)))
    }

    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<u32, Flaw> {
        let taken = self.take(4)?;
        Ok(taken
            .first_chunk::<4>()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    }

    #[inline]
    pub(crate) fn delimited(&mut self) -> Result<&'a [u8], Flaw> {
        let length = self.varint()?;
        self.take(usize::try_from(length).map_err(|_| Flaw::Truncated)?)
    }

    /// Steps over a field whose tag was just read. `left` is how many levels deeper it may go.
    #[inline]
    pub(crate) fn skip(&mut self, number: u32, wire: u8, left: u32) -> Result<(), Flaw> {
        if left == 0 {
            return Err(Flaw::TooDeep);
        }
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.take(8).map(drop),
            DELIMITED => self.delimited().map(drop),
            FIXED32 => self.take(4).map(drop),
            GROUP => self.skip_group(number, left),
            GROUP_END => Err(Flaw::GroupEnd),
            _ => Err(Flaw::Tag),
        }
    }

    #[cold]
    fn skip_group(&mut self, number: u32, left: u32) -> Result<(), Flaw> {
        loop {
            let (inner, wire) = self.tag()?;
            if wire == GROUP_END {
                return if inner == number {
                    Ok(())
                } else {
                    Err(Flaw::GroupEnd)
                };
            }
            self.skip(inner, wire, left - 1)?;
        }
    }
}
