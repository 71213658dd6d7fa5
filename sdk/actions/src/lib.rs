//! The Collector's attribute actions: insert, update, upsert, delete, hash, extract and convert.
//!
//! The `attributes` and `resource` processors share them. Where every key is known from the settings,
//! attributes are read and written by key, and only those are declared; a delete or hash by `pattern` needs
//! the whole attribute list. Hashes are SHA-256, as the Collector's.

mod action;
mod config;
mod edit;
mod request;
mod run;

pub use action::Constant;
pub use config::ActionConfig;
pub use run::Actions;
