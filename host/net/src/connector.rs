//! Connections to backends, plain or with TLS, for HTTP clients.

use std::error::Error;
use std::io::{self, IoSlice, Read};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use crate::gathered::Gathered;
use crate::tls::{Refusals, TlsClient, explained, is_h2};

/// How long a backend has to take a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes connections that write into an `S`: a socket, or one that gathers what is written to it.
pub struct Connector<S> {
    tcp: HttpConnector,
    tls: Option<TlsClient>,
    stream: PhantomData<fn() -> S>,
}

impl<S> Clone for Connector<S> {
    fn clone(&self) -> Self {
        Connector {
            tcp: self.tcp.clone(),
            tls: self.tls.clone(),
            stream: PhantomData,
        }
    }
}

impl<S> Connector<S> {
    /// `tls` is for URIs that say https.
    pub fn new(tls: Option<TlsClient>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Connector {
            tcp,
            tls,
            stream: PhantomData,
        }
    }
}

impl<S> Service<Uri> for Connector<S>
where
    S: From<TcpStream> + AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Response = TokioIo<BackendStream<S>>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host().unwrap_or_default().to_owned();
        let tls = self.tls.clone();
        let connecting = self.tcp.call(uri);
        Box::pin(async move {
            let stream = S::from(connecting.await?.into_inner());
            let stream = match (secure, tls) {
                (false, _) => BackendStream::Plain(stream),
                (true, Some(tls)) => BackendStream::Tls(Box::new(TlsConnection {
                    stream: tls.connect(&host, stream).await?,
                    refusals: tls.refusals().clone(),
                })),
                // Never in plain text what was to be secret.
                (true, None) => return Err("TLS is not set up for this endpoint".into()),
            };
            Ok(TokioIo::new(stream))
        })
    }
}

impl From<TcpStream> for Gathered<TcpStream> {
    fn from(stream: TcpStream) -> Self {
        Gathered::new(stream)
    }
}

/// A connection to a backend.
pub enum BackendStream<S> {
    /// In plain text.
    Plain(S),
    /// With TLS.
    Tls(Box<TlsConnection<S>>),
}

/// A connection whose handshake is done on this side.
pub struct TlsConnection<S> {
    stream: TlsStream<S>,
    refusals: Refusals,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnection<S> {
    /// In TLS 1.3 a backend refuses this side's certificate only after the handshake. Whoever waits for the connection's first
    /// answer may learn of nothing but its end, so the reason is noted beside.
    fn explained(&self, error: io::Error) -> io::Error {
        let error = explained(error);
        if error.kind() == io::ErrorKind::InvalidData {
            self.refusals.note(&error);
        }
        error
    }

    /// A backend that has closed the connection may have sent the reason before; what else it sent stays to be read.
    fn write_failed(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        let (stream, session) = self.stream.get_mut();
        let mut received = SocketReader { stream, cx };
        while matches!(session.read_tls(&mut received), Ok(1..)) {
            if let Err(alert) = session.process_new_packets() {
                return self.explained(io::Error::new(io::ErrorKind::InvalidData, alert));
            }
        }
        error
    }
}

/// What has come in on a socket, read without waiting for more.
struct SocketReader<'a, 'b, S> {
    stream: &'a mut S,
    cx: &'a mut Context<'b>,
}

impl<S: AsyncRead + Unpin> Read for SocketReader<'_, '_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S> Connection for BackendStream<S> {
    fn connected(&self) -> Connected {
        match self {
            BackendStream::Tls(secured) if is_h2(&secured.stream) => {
                Connected::new().negotiated_h2()
            }
            _ => Connected::new(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for BackendStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            BackendStream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            BackendStream::Tls(secured) => Pin::new(&mut secured.stream)
                .poll_read(cx, buffer)
                .map_err(|error| secured.explained(error)),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for BackendStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            BackendStream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            BackendStream::Tls(secured) => Pin::new(&mut secured.stream)
                .poll_write(cx, bytes)
                .map_err(|error| secured.write_failed(cx, error)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            BackendStream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            BackendStream::Tls(secured) => Pin::new(&mut secured.stream)
                .poll_write_vectored(cx, slices)
                .map_err(|error| secured.write_failed(cx, error)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            BackendStream::Plain(stream) => stream.is_write_vectored(),
            BackendStream::Tls(secured) => secured.stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            BackendStream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            BackendStream::Tls(secured) => Pin::new(&mut secured.stream)
                .poll_flush(cx)
                .map_err(|error| secured.write_failed(cx, error)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            BackendStream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            BackendStream::Tls(secured) => Pin::new(&mut secured.stream).poll_shutdown(cx),
        }
    }
}
