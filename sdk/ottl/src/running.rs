//! Where statements run.

use spanmill_sdk::Context;

use crate::frame::Frame;
use crate::slots::Slots;

/// Where an action runs.
pub(crate) struct Running<'r, 'a> {
    pub frame: &'r mut Frame<'a>,
    pub slots: &'r Slots,
    pub context: Context,
}
