//! A real server, a real client and real sockets; only the service behind them is a fake.

mod access;
mod bounds;
mod client;
mod document;
mod fake;
mod overview;
mod page;
mod schema;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{AdminClient, AdminConfig, AdminServer, Endpoint, Token};
use fake::Fake;

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

struct Server {
    endpoint: Endpoint,
    fake: Arc<Fake>,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// A connection to the server, whichever way it listens.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
type Stream = Box<dyn Duplex>;

impl Server {
    /// On an address with a token, on a Unix socket without.
    async fn start(fake: Fake, token: Option<&str>) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let endpoint = match token {
            Some(_) => Endpoint::new("127.0.0.1:0"),
            None => Endpoint::Socket(folder.path().join("admin.sock")),
        };
        let config = AdminConfig {
            endpoint,
            token: token.map(|token| Token::new(token).unwrap()),
            tls: None,
        };
        let server = AdminServer::bind(&config).await.unwrap();
        let endpoint = server.endpoint().clone();
        let fake = Arc::new(fake);
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(server.serve(Arc::clone(&fake), shutdown.clone()));
        Server {
            endpoint,
            fake,
            shutdown,
            serving,
            _folder: folder,
        }
    }

    fn client(&self) -> AdminClient {
        AdminClient::new(&self.endpoint, None).unwrap()
    }

    async fn connect(&self) -> Stream {
        match &self.endpoint {
            Endpoint::Socket(path) => Box::new(UnixStream::connect(path).await.unwrap()),
            Endpoint::Address(address) => Box::new(TcpStream::connect(address).await.unwrap()),
        }
    }

    /// Sends lines of a head and a body as they are, and reads the whole answer.
    async fn raw(&self, head: &[&str], body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let head = format!("{}\r\nConnection: close\r\n\r\n", head.join("\r\n"));
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        Answer::read(&mut stream).await
    }

    /// A request as a well-behaved client sends it.
    async fn request(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let target = format!("{method} {path} HTTP/1.1");
        let host = "Host: localhost";
        let length = format!("Content-Length: {}", body.len());
        let mut head = vec![target.as_str(), host, &length];
        head.extend_from_slice(headers);
        self.raw(&head, body).await
    }

    async fn stop(self) {
        self.shutdown.cancel();
        within(self.serving).await.unwrap();
    }
}

/// Fails rather than hangs.
async fn within<F: IntoFuture>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.unwrap()
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    async fn read(stream: &mut Stream) -> Answer {
        let mut bytes = Vec::new();
        within(stream.read_to_end(&mut bytes)).await.unwrap();
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = bytes[end + 4..].to_vec();
        Answer { status, head, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The detail of a problem, after a look at the rest of it.
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        problem["detail"].as_str().unwrap().to_owned()
    }
}
