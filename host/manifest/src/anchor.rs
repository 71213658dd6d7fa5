//! Where a setting stands, kept beside it for mistakes that turn up after the manifest was read.

use crate::source::TextRange;

/// Where a setting stands; `None` if it is not of a manifest. Equal to any other: settings are the same wherever they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anchor(pub Option<TextRange>);

impl PartialEq for Anchor {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Anchor {}
