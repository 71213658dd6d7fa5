//! The trait of a plugin that hands its state on.

use crate::RestoreError;

/// What an instance knows of earlier batches, handed to the instance that takes its place. A plugin without it
/// starts anew at each swap, which is right for one that keeps nothing, or nothing but caches.
///
/// Register the plugin with `register_processor!(MyPlugin, state)` or `register_connector!(MyPlugin, state)`;
/// the trait alone exports nothing.
///
/// The host calls [`snapshot`](State::snapshot) on the old instance and [`restore`](State::restore) on the new
/// one, which is configured already, between two batches: when a plugin is swapped for another version or
/// for other settings, and when an instance is recycled. It never does after a fault, since what a broken
/// instance says of itself is not to be trusted. Both share the deadline and the limits of a call.
///
/// Two instances of one plugin may run different settings and different code, so save what was
/// learned from batches, and nothing that follows from settings. Leave out what is the instance's own: indices
/// of texts and fields, and the numbers of a connector's series, which begin at 0 in each instance.
pub trait State {
    /// Which layout [`snapshot`](State::snapshot) writes. Raise it when the layout changes.
    const FORMAT: u32;

    /// What this instance knows, in the layout [`FORMAT`](State::FORMAT). The instance may go on afterwards as if
    /// it had not been asked.
    fn snapshot(&self) -> Vec<u8>;

    /// Takes over what another instance knew, in place of what this one knows.
    ///
    /// `format` is the other's [`FORMAT`](State::FORMAT): a version that can read older layouts accepts them
    /// here, so that a plugin can be brought up to date without losing what it knows. On an error the old
    /// version stays and this instance goes, so that it does not matter what is half taken over. The data
    /// come from another version of the plugin: check them, since a panic costs the instance.
    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError>;
}
