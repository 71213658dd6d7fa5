//! Plugins that come from elsewhere: OCI registries, HTTPS, and bundles.
//!
//! A plugin in a registry is an OCI artifact in the CNCF's layout for WebAssembly (`application/vnd.wasm.config.v0+json`
//! and one layer `application/wasm`), as `wkg`, Spin and wasmCloud read and write it. What runs is pinned: a [`Location`]
//! either names a digest, or a [`LockFile`] does. Signatures are cosign's, made with a key; they are checked before a
//! plugin is compiled, and again whenever it is taken from the [`Store`].
//!
//! What speaks to a server is [`download`], which a process of its own is to run: neither the size nor the shape of what a
//! server answers is known, and the libraries that read it hold it whole.

#[cfg(feature = "client")]
mod artifact;
#[cfg(feature = "client")]
mod base64_bytes;
#[cfg(feature = "client")]
mod bundle;
mod digest;
#[cfg(feature = "client")]
mod download;
mod error;
#[cfg(feature = "client")]
mod exchange;
mod limits;
mod location;
mod lock;
mod reference;
#[cfg(feature = "client")]
mod registry;
#[cfg(feature = "client")]
mod signature;
#[cfg(feature = "client")]
mod store;
#[cfg(feature = "client")]
#[cfg(test)]
mod test_keys;

#[cfg(feature = "client")]
pub use bundle::{Bundle, BundleFile};
pub use digest::{Digest, DigestError};
#[cfg(feature = "client")]
pub use download::{download, push};
pub use error::DistributionError;
#[cfg(feature = "client")]
pub use exchange::{FetchRequest, Fetched};
pub use limits::{MAX_BUNDLE, MAX_PLUGIN};
pub use location::{Location, LocationError};
pub use lock::{LOCK_FILE, LockFile};
#[cfg(feature = "client")]
pub use signature::{Signature, check_file};
pub use spanmill_keys::{KeyError, PublicKey, SigningKey};
#[cfg(feature = "client")]
pub use store::{Store, Stored};
