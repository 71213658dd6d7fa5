//! Files that somebody else names.

pub(crate) use spanmill_private::read_regular;
