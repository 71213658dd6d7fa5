//! The `file_storage` extension: a directory in which components keep what must outlive the process.

mod config;

use std::fs::DirBuilder;
use std::future::ready;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics};
use spanmill_net::{BindError, Spare};
use tokio_util::sync::CancellationToken;

use super::component::{Binding, BoundExtension, ExtensionComponent, ExtensionConfig, Serving};
use crate::component::{Alias, Component};
use crate::health::Health;
use crate::storage::StorageSettings;
use config::FileStorageConfig;

pub(crate) static COMPONENT: ExtensionComponent = Component {
    name: "file_storage",
    aliases: &[Alias::new("filestorage")],
    signals: &[],
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExtensionConfig for FileStorageConfig {
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        let directory = &self.storage.directory;
        if self.create_directory.is_some() || directory.is_dir() {
            return;
        }
        let message = format!(
            "extension {id}: directory: {} is no directory",
            directory.display()
        );
        out.push(
            Diagnostic::error(self.place, message)
                .help("create it, or set `create_directory: true`"),
        );
    }

    fn bind<'a>(&'a self, id: &'a ComponentId, _: &'a mut Spare) -> Binding<'a> {
        let made = match self.create_directory {
            Some(mode) => create(&self.storage.directory, mode),
            None => Ok(()),
        };
        Box::pin(ready(match made {
            Ok(()) => Ok(Box::new(Offered) as Box<dyn BoundExtension>),
            Err(cause) => Err(BindError::Directory {
                component: format!("extension {id}"),
                directory: self.storage.directory.clone(),
                cause,
            }),
        }))
    }

    fn storage(&self) -> Option<&StorageSettings> {
        Some(&self.storage)
    }
}

fn create(directory: &Path, mode: u32) -> std::io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(directory)
}

/// A directory that components use by themselves.
struct Offered;

impl BoundExtension for Offered {
    fn address(&self) -> Option<(&'static str, SocketAddr)> {
        None
    }

    fn handle(&self) -> Option<(String, std::net::TcpListener)> {
        None
    }

    fn serve(self: Box<Self>, _: Arc<Health>, stop: CancellationToken) -> Serving {
        Box::pin(async move { stop.cancelled().await })
    }
}
