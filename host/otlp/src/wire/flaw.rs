//! What can be wrong with some bytes.

/// What is wrong with some bytes. Small, so that results stay in registers; the place is added above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Truncated,
    Varint,
    Tag,
    WireType,
    Utf8,
    IdLength,
    TooDeep,
    GroupEnd,
    /// What may be there once, and stands twice.
    Repeated,
    /// More than one request may hold.
    TooManyItems,
    TooManyElements,
    /// Edits, rather than the request, come to too much.
    TooLarge,
}

impl Flaw {
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Flaw::Truncated => "a length runs past the end of its message",
            Flaw::Varint => "a varint is longer than 64 bits",
            Flaw::Tag => "a field has no valid number or wire type",
            Flaw::WireType => "a known field has another wire type than OTLP gives it",
            Flaw::Utf8 => "a string is not UTF-8",
            Flaw::IdLength => {
                "a trace id has 16 bytes, or a span id 8: one here has another length"
            }
            Flaw::TooDeep => "messages are nested more than 100 deep",
            Flaw::GroupEnd => "a group ends that was not begun",
            Flaw::Repeated => {
                "a resource, scope, value or metric's data stands twice in its message"
            }
            Flaw::TooManyItems | Flaw::TooManyElements => {
                "there is more in it than one request may hold"
            }
            Flaw::TooLarge => "edits come to more than the host holds",
        }
    }
}
