//! Files inside an executable: an archive behind the program's last byte, which loaders ignore.
//!
//! A program is `program | files | index | trailer`. The trailer, which has a fixed length, says how long the archive is and
//! what the hash of its index is; the index has name, place and hash of each file. So any damage is found before a byte of it
//! is used, and a start reads only the files that it needs. Plugins have much code in common, so the largest file is the base of others,
//! which are stored as what they do not have of it.
//!
//! Whoever can write the executable decides what runs anyway. That is why code in it may be run, and why [`Embedded`] can only come
//! from [`Archive::of_this_program`].

mod archive;
mod compression;
mod embedded;
mod error;
mod trailer;
mod write;

pub use archive::{Archive, FileInfo};
pub use embedded::Embedded;
pub use error::ArchiveError;
pub use write::{NewFile, attach, program_length};
