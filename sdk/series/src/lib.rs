//! Finds series by numbers. Each text gets a number that stays the same from batch to batch ([`TextIds`]); what tells a
//! series apart is a path of such numbers through a tree ([`Tree`]), so that a row finds its series by one look-up a word.

mod texts;
mod tree;

pub use texts::TextIds;
pub use tree::{NONE, ROOT, Tree};
