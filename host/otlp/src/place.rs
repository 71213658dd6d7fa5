//! Where an attribute stands in a request, in eight bytes.

/// An attribute in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where its field begins.
    pub(crate) start: u32,
    /// Of its key, or [`ODD`].
    pub(crate) key_length: u8,
    pub(crate) value_length: u8,
    /// The first two bytes of the value: tag, and a text's length or what a number begins with.
    pub(crate) value: [u8; 2],
}

/// The key length that stands for an attribute of another shape than the plain one (see `key_value`).
pub(crate) const ODD: u8 = u8::MAX;

impl Place {
    /// An attribute of any shape.
    pub(crate) fn odd(start: usize) -> Self {
        Place {
            start: start as u32,
            key_length: ODD,
            ..Place::default()
        }
    }

    /// The length of the value if that is a text in the plain shape.
    #[inline(always)]
    pub(crate) fn text_length(&self) -> Option<u8> {
        match self.value {
            [0x0a, length] => Some(length),
            _ => None,
        }
    }

    /// Where the value is, in the plain shape.
    #[inline(always)]
    pub(crate) fn value_start(&self) -> usize {
        self.start as usize + 6 + usize::from(self.key_length)
    }
}
