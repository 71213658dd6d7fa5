//! `spanmill plugin pull`, `push` and `pack`: plugins to and from registries, addresses and bundles.

mod pack;
mod pull;
mod push;

pub(super) use pack::{PackArgs, pack};
pub(super) use pull::{PullArgs, pull};
pub(super) use push::{PushArgs, push};
