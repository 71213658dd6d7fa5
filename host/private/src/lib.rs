//! Whom the host trusts on its own machine: files that nobody but their owner can have written, files that are read
//! without hanging, and who owns a process.
//!
//! What the host executes (compiled plugins) and what opens it (the admin token) lies in a [`PrivateFolder`]. What it
//! merely reads (manifests, plugins) goes through [`read_regular`]. The only crate that decides about owners and modes.

mod folder;
mod regular;
mod replace;
mod stamp;

use std::io;

use rand::TryRngCore as _;

pub use folder::{Entry, PrivateFolder};
pub use regular::{is_too_large, read_regular, read_regular_text};
pub use replace::replace;
pub use stamp::FileStamp;

/// The user that this process acts for.
pub fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a user may do to us what our own user may: it is the same one, or root.
pub fn is_trusted(user: u32) -> bool {
    trusts(own_user(), user)
}

fn trusts(own: u32, other: u32) -> bool {
    other == own || other == 0
}

/// Bytes that nobody can guess.
pub fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_same_user_and_root_are_trusted() {
        for (own, other, trusted) in [
            (1000, 1000, true),
            (1000, 0, true),
            (1000, 1001, false),
            (0, 0, true),
            (0, 1000, false),
            (0, 65534, false),
        ] {
            assert_eq!(super::trusts(own, other), trusted, "{own} {other}");
        }
    }
}
