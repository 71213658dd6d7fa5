//! How the command line finds the services of its user: sockets and token files in a folder that only that user can
//! open. A service leaves a socket there, or the token of an address; it takes it away at its end.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use http::uri::Authority;
use spanmill_private::PrivateFolder;

use crate::config::{Endpoint, Token};

const SOCKET: &str = ".sock";
const TOKEN: &str = ".token";
/// The longest path that a socket may have everywhere.
const MAX_PATH: usize = 100;

/// The folder of a user's services.
#[derive(Debug)]
pub struct AdminFolder(PrivateFolder);

/// A token that lies in a folder as long as this lives.
#[derive(Debug)]
pub struct PublishedToken {
    folder: AdminFolder,
    name: String,
}

impl AdminFolder {
    /// Opens or makes the folder, for this user only.
    pub fn open(path: &Path) -> io::Result<Self> {
        let folder = PrivateFolder::open(path)?;
        let longest = folder.path().join(socket_name(u32::MAX));
        if longest.as_os_str().len() > MAX_PATH {
            return Err(io::Error::other("its path is too long for a socket"));
        }
        Ok(AdminFolder(folder))
    }

    /// Where this process listens. Sockets of processes that have ended are removed.
    pub fn endpoint(&self) -> Endpoint {
        for path in self.found() {
            // Whoever listens answers at once; it is a connection of no request.
            if UnixStream::connect(&path).is_err() {
                let _ = std::fs::remove_file(&path);
            }
        }
        Endpoint::Socket(self.0.path().join(socket_name(std::process::id())))
    }

    /// The endpoints of services that listen.
    pub fn listening(&self) -> Vec<Endpoint> {
        let listens = |path: &PathBuf| UnixStream::connect(path).is_ok();
        let found = self.found().into_iter().filter(listens);
        found.map(Endpoint::Socket).collect()
    }

    fn found(&self) -> Vec<PathBuf> {
        let Ok(files) = std::fs::read_dir(self.0.path()) else {
            return Vec::new();
        };
        let paths = files.flatten().map(|file| file.path());
        let is_socket = |path: &PathBuf| path.extension().is_some_and(|end| end == &SOCKET[1..]);
        let mut found: Vec<PathBuf> = paths.filter(is_socket).collect();
        found.sort_unstable();
        found
    }

    /// Leaves the token of an address for this user's commands.
    pub fn publish(self, address: SocketAddr, token: &Token) -> io::Result<PublishedToken> {
        let name = token_name(address.port());
        self.0.write(&name, token.reveal().as_bytes())?;
        Ok(PublishedToken { folder: self, name })
    }

    /// The token that a service of this user's left for an address of this machine's own.
    pub fn token(&self, endpoint: &Endpoint) -> Option<Token> {
        let Endpoint::Address(address) = endpoint else {
            return None;
        };
        let (host, port) = host_port(address)?;
        // Nobody else is shown what opens this machine's services.
        if !is_own(&host) {
            return None;
        }
        let token = self.0.read_secret(&token_name(port), 4096).ok()?;
        Token::new(String::from_utf8(token).ok()?).ok()
    }
}

impl Drop for PublishedToken {
    fn drop(&mut self) {
        // Left behind, it opens nothing: the next start makes another one.
        let _ = self.folder.0.remove(&self.name);
    }
}

/// Host and port of `host:port` or `http://host:port`.
fn host_port(address: &str) -> Option<(String, u16)> {
    let address = address
        .split_once("://")
        .map_or(address, |(_, address)| address);
    let authority: Authority = address.trim_end_matches('/').parse().ok()?;
    Some((authority.host().to_owned(), authority.port_u16()?))
}

/// Whether a host is this machine's own by its name alone.
fn is_own(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

fn socket_name(process: u32) -> String {
    format!("admin-{process}{SOCKET}")
}

fn token_name(port: u16) -> String {
    format!("admin-{port}{TOKEN}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_are_found_as_long_as_somebody_listens() {
        let parent = tempfile::tempdir().unwrap();
        let folder = AdminFolder::open(&parent.path().join("spanmill")).unwrap();
        assert!(folder.listening().is_empty());
        let path = folder.0.path().join("admin-1.sock");
        let listener = UnixListener::bind(&path).unwrap();
        std::fs::write(folder.0.path().join("notes"), "").unwrap();
        assert_eq!(folder.listening(), [Endpoint::Socket(path.clone())]);
        folder.endpoint();
        assert!(path.exists());
        drop(listener);
        assert!(folder.listening().is_empty());
        assert!(path.exists());
        let own = folder.endpoint().to_string();
        assert!(!path.exists(), "nobody listens there any more");
        assert!(own.starts_with("unix:/") && own.contains(&std::process::id().to_string()));
    }

    #[test]
    fn a_token_is_found_by_its_port_until_its_service_ends() {
        let parent = tempfile::tempdir().unwrap();
        let open = || AdminFolder::open(parent.path()).unwrap();
        let token = Token::random().unwrap();
        let published = open()
            .publish("127.0.0.1:4319".parse().unwrap(), &token)
            .unwrap();
        for endpoint in ["127.0.0.1:4319", "http://localhost:4319/", "[::1]:4319"] {
            assert_eq!(
                open().token(&Endpoint::new(endpoint)).as_ref(),
                Some(&token)
            );
        }
        for endpoint in [
            "127.0.0.1:4320",
            "localhost",
            "unix:/4319",
            "example.com:4319",
            "http://10.0.0.1:4319",
            "localhost.example.com:4319",
        ] {
            assert_eq!(open().token(&Endpoint::new(endpoint)), None);
        }
        drop(published);
        assert_eq!(open().token(&Endpoint::new("127.0.0.1:4319")), None);
    }

    #[test]
    fn a_folder_too_deep_for_a_socket_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let error = AdminFolder::open(&parent.path().join("d".repeat(100))).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }
}
