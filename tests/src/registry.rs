//! A real registry, of Debian's package `docker-registry`, on loopback.

use tempfile::TempDir;

use crate::program::Program;

/// A registry, which forgets everything when it is dropped.
pub struct DockerRegistry {
    _program: Program,
    address: String,
}

/// A user whom a registry knows, and her password.
pub const LOGIN: (&str, &str) = ("amy", "open sesame");
/// The password's hash, as `htpasswd -B` makes it.
const HASH: &str = "$2b$05$pb55kzeIrPAI..SJhL8hPuy5qqw5igJpEOgl0Q26K66gftSVh0l86";

impl DockerRegistry {
    /// A registry that everybody may read and write.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// A registry for [`LOGIN`] alone.
    pub async fn start_private() -> Self {
        Self::start_with("auth: {htpasswd: {realm: spanmill, path: htpasswd}}").await
    }

    async fn start_with(more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: data}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"127.0.0.1:0\"}}\n{more}\n"
        );
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        let login = format!("{}:{HASH}\n", LOGIN.0);
        std::fs::write(folder.path().join("htpasswd"), login).unwrap();
        let package = "docker-registry";
        let program = Program::start(folder, package, package, &["serve", "config.yml"]);
        let line = program.logged(&["listening on "]).await;
        let (_, address) = line.split_once("listening on ").unwrap();
        let end = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
        let address = address.split(end).next().unwrap().to_owned();
        DockerRegistry {
            _program: program,
            address,
        }
    }

    /// Its host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A reference to what it has, or is to have.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}
