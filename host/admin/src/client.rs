//! The client of the admin API, for the command line: one request a call, and errors that say what to do.

mod error;

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use spanmill_net::tls::{ClientTls, HTTP_1_1, TLS_ONLY, TlsClient};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

pub use error::ClientError;

use crate::config::{Endpoint, Token};
use crate::control::{SwapOptions, TapRequest};
use crate::problem::{PROBLEM_JSON, Problem};
use crate::report::{Event, PluginStatus, ReloadReport, ServiceStatus, ShadowReport, SwapReport};
use crate::server::{EventList, PluginList};
use crate::trace_report::TraceReport;

/// A swap may compile a large plugin first, and wait until another one is compiled.
const TIMEOUT: Duration = Duration::from_secs(180);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any report has; whoever sends more is no admin API.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// What is escaped in a path's segment or a query's value.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Talks to a running service.
#[derive(Clone, Debug)]
pub struct AdminClient {
    endpoint: Endpoint,
    token: Option<Token>,
    /// Spoken to an address that says https.
    tls: Option<TlsClient>,
    timeout: Duration,
}

impl AdminClient {
    /// For an endpoint `unix:/path`, `host:port`, `http://host:port` or `https://host:port`, where the system's authorities are
    /// trusted. Connects when it is used.
    ///
    /// # Errors
    ///
    /// If the endpoint is none of these.
    pub fn new(endpoint: &Endpoint, token: Option<Token>) -> Result<Self, ClientError> {
        Self::with_tls(endpoint, token, &ClientTls::default())
    }

    /// As [`AdminClient::new`], with other settings for TLS; they count where the endpoint says https.
    ///
    /// # Errors
    ///
    /// If the endpoint is none of these, or a file that the settings name cannot be used.
    pub fn with_tls(
        endpoint: &Endpoint,
        token: Option<Token>,
        tls: &ClientTls,
    ) -> Result<Self, ClientError> {
        let mut secured = None;
        let endpoint = match endpoint {
            Endpoint::Socket(_) => endpoint.clone(),
            Endpoint::Address(address) => {
                let (is_secure, authority) =
                    authority(address).ok_or_else(|| ClientError::Endpoint(address.clone()))?;
                if is_secure {
                    let client = TlsClient::once("admin client", tls, &[HTTP_1_1]);
                    secured = Some(client.map_err(ClientError::TlsSettings)?);
                }
                Endpoint::Address(authority.to_string())
            }
        };
        Ok(Self {
            endpoint,
            token,
            tls: secured,
            timeout: TIMEOUT,
        })
    }

    /// Another time to wait for an answer than three minutes.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What has been delivered, what waits and what is lost.
    pub async fn status(&self) -> Result<ServiceStatus, ClientError> {
        self.call(Method::GET, "/v1/status").await
    }

    /// Every plugin that runs.
    pub async fn plugins(&self) -> Result<Vec<PluginStatus>, ClientError> {
        let list: PluginList = self.call(Method::GET, "/v1/plugins").await?;
        Ok(list.plugins)
    }

    /// One plugin, by its component id.
    pub async fn plugin(&self, component: &str) -> Result<PluginStatus, ClientError> {
        self.call(Method::GET, &plugin_path(component, "")).await
    }

    /// Puts another version in a plugin's place.
    pub async fn swap(
        &self,
        component: &str,
        name: &str,
        wasm: Bytes,
        options: &SwapOptions,
    ) -> Result<SwapReport, ClientError> {
        let mut path = plugin_path(component, "/swap");
        path.push_str(&format!("?name={}&{}", escape(name), query(options)));
        self.upload(&path, wasm).await
    }

    /// Shows live batches to another version as well, without effect.
    pub async fn shadow(
        &self,
        component: &str,
        name: &str,
        wasm: Bytes,
        duration: Duration,
        allow_more: bool,
    ) -> Result<ShadowReport, ClientError> {
        let mut path = plugin_path(component, "/shadow");
        let milliseconds = duration.as_millis();
        path.push_str(&format!(
            "?name={}&for={milliseconds}ms&allow_more={allow_more}",
            escape(name)
        ));
        self.upload(&path, wasm).await
    }

    /// How a shadow fares, or fared.
    pub async fn shadow_report(&self, component: &str) -> Result<ShadowReport, ClientError> {
        self.call(Method::GET, &plugin_path(component, "/shadow"))
            .await
    }

    /// Ends a shadow before its time.
    pub async fn end_shadow(&self, component: &str) -> Result<ShadowReport, ClientError> {
        self.call(Method::DELETE, &plugin_path(component, "/shadow"))
            .await
    }

    /// Swaps the shadowed version in.
    pub async fn promote(
        &self,
        component: &str,
        options: &SwapOptions,
    ) -> Result<SwapReport, ClientError> {
        let path = plugin_path(component, "/promote");
        let path = format!("{path}?{}", query(options));
        self.call(Method::POST, &path).await
    }

    /// Shows telemetry as it passes, line by line, until `each` breaks or the service ends the stream.
    pub async fn tap(
        &self,
        request: &TapRequest,
        mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), ClientError> {
        let mut path = format!(
            "/v1/tap?when={}",
            if request.before { "before" } else { "after" }
        );
        let texts = [("target", &request.target), ("filter", &request.filter)];
        for (name, text) in texts {
            if let Some(text) = text {
                path.push_str(&format!("&{name}={}", escape(text)));
            }
        }
        if let Some(limit) = request.limit {
            path.push_str(&format!("&limit={limit}"));
        }
        if let Some(rate) = request.rate {
            path.push_str(&format!("&rate={rate}"));
        }
        let request = self.request(Method::GET, &path, Bytes::new())?;
        let (status, is_problem, mut body) = self.answered(request).await?;
        if !status.is_success() {
            let body = self.whole(body).await?;
            return Err(self.refused(status, is_problem, &body));
        }
        let mut line = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(|error| ClientError::broken(self.endpoint.to_string(), &error))?;
            for byte in frame.data_ref().into_iter().flatten() {
                match byte {
                    b'\n' => {
                        if each(&line).is_break() {
                            return Ok(());
                        }
                        line.clear();
                    }
                    byte if line.len() < MAX_ANSWER => line.push(*byte),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Has the manifest and the plugin files read again.
    pub async fn reload(&self) -> Result<ReloadReport, ClientError> {
        self.call(Method::POST, "/v1/reload").await
    }

    /// What became of a trace, by its id of 32 hexadecimal digits.
    pub async fn trace(&self, trace_id: &str) -> Result<TraceReport, ClientError> {
        let path = format!("/v1/traces/{}", escape(trace_id));
        self.call(Method::GET, &path).await
    }

    /// What happened lately, oldest first.
    pub async fn events(&self) -> Result<Vec<Event>, ClientError> {
        let list: EventList = self.call(Method::GET, "/v1/events").await?;
        Ok(list.events)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
    ) -> Result<T, ClientError> {
        let request = self.request(method, path, Bytes::new())?;
        self.send(request).await
    }

    async fn upload<T: DeserializeOwned>(&self, path: &str, wasm: Bytes) -> Result<T, ClientError> {
        let mut request = self.request(Method::POST, path, wasm)?;
        let wasm = HeaderValue::from_static("application/wasm");
        request.headers_mut().insert(CONTENT_TYPE, wasm);
        self.send(request).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        // Escaped as they are, only an endless component id or name makes no address.
        let path = PathAndQuery::try_from(path).map_err(|_| ClientError::Name)?;
        let host = match &self.endpoint {
            Endpoint::Socket(_) => "localhost",
            Endpoint::Address(address) => address,
        };
        let host = HeaderValue::from_str(host).map_err(|_| ClientError::Name)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path);
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(value) = self.token.as_ref().and_then(Token::authorization) {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<T, ClientError> {
        let answer = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        let (status, is_problem, body) = answer.map_err(|_| ClientError::Timeout {
            endpoint: self.endpoint.to_string(),
            seconds: self.timeout.as_secs(),
        })??;
        if status.is_success()
            && let Ok(report) = serde_json::from_slice(&body)
        {
            return Ok(report);
        }
        Err(self.refused(status, is_problem, &body))
    }

    /// What an answer says that is no report.
    fn refused(&self, status: StatusCode, is_problem: bool, body: &[u8]) -> ClientError {
        let problem: Option<Problem> = is_problem
            .then(|| serde_json::from_slice(body).ok())
            .flatten();
        match problem {
            Some(_) if status == StatusCode::UNAUTHORIZED => ClientError::Unauthorized {
                endpoint: self.endpoint.to_string(),
                shown: self.token.is_some(),
            },
            Some(problem) => ClientError::Refused {
                status: status.as_u16(),
                detail: problem.detail,
            },
            None if body.starts_with(TLS_ONLY.as_bytes()) => ClientError::TlsOnly {
                endpoint: self.endpoint.to_string(),
            },
            None => ClientError::Unexpected {
                endpoint: self.endpoint.to_string(),
                status: status.as_u16(),
            },
        }
    }

    async fn connect(&self) -> io::Result<Box<dyn Duplex>> {
        Ok(match &self.endpoint {
            Endpoint::Socket(path) => Box::new(UnixStream::connect(path).await?),
            Endpoint::Address(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    None => Box::new(stream),
                    Some(tls) => {
                        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
                        Box::new(tls.handshake(host, stream).await?)
                    }
                }
            }
        })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, bool, Bytes), ClientError> {
        let (status, is_problem, body) = self.answered(request).await?;
        Ok((status, is_problem, self.whole(body).await?))
    }

    /// All of an answer's body.
    async fn whole(&self, body: Incoming) -> Result<Bytes, ClientError> {
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| ClientError::Broken {
            endpoint: self.endpoint.to_string(),
            cause: error.to_string(),
        })?;
        Ok(body.to_bytes())
    }

    /// An answer's status, whether it is a problem, and its body.
    async fn answered(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, bool, Incoming), ClientError> {
        let endpoint = || self.endpoint.to_string();
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, self.connect());
        let stream = stream
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = stream.map_err(|error| ClientError::not_connected(endpoint(), &error))?;
        let broken = |error: hyper::Error| ClientError::broken(endpoint(), &error);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // It ends with the answer, or when the sender is dropped.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE);
        let is_problem = content_type.is_some_and(|value| value == PROBLEM_JSON);
        Ok((status, is_problem, response.into_body()))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

fn plugin_path(component: &str, rest: &str) -> String {
    format!("/v1/plugins/{}{rest}", escape(component))
}

fn query(options: &SwapOptions) -> String {
    let mut query = format!("allow_more={}&save={}", options.allow_more, options.save);
    if let Some(probation) = options.probation {
        query.push_str(&format!("&probation={probation}"));
    }
    query
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Whether an endpoint says https, and its `host:port`.
fn authority(endpoint: &str) -> Option<(bool, Authority)> {
    let (is_secure, rest) = match endpoint.split_once("://") {
        Some((scheme, rest)) => {
            let is_secure = scheme.eq_ignore_ascii_case("https");
            if !is_secure && !scheme.eq_ignore_ascii_case("http") {
                return None;
            }
            (is_secure, rest.strip_suffix('/').unwrap_or(rest))
        }
        None => (false, endpoint),
    };
    let authority: Authority = rest.parse().ok()?;
    let complete = !authority.host().is_empty() && authority.port_u16().is_some();
    (complete && !rest.contains('@')).then_some((is_secure, authority))
}

#[cfg(test)]
mod tests {
    #[test]
    fn endpoints() {
        for (endpoint, expected) in [
            ("127.0.0.1:4319", "127.0.0.1:4319"),
            ("http://localhost:4319", "localhost:4319"),
            ("HTTP://localhost:4319/", "localhost:4319"),
            ("[::1]:4319", "[::1]:4319"),
        ] {
            let (is_secure, authority) = super::authority(endpoint).unwrap();
            assert_eq!((is_secure, authority.as_str()), (false, expected));
        }
        let (is_secure, authority) = super::authority("https://localhost:4319").unwrap();
        assert_eq!((is_secure, authority.as_str()), (true, "localhost:4319"));
        for endpoint in [
            "",
            "localhost",
            "http://localhost",
            "ftp://localhost:4319",
            "://localhost:4319",
            "localhost:4319/v1",
            "user@localhost:4319",
            ":4319",
            "localhost:99999",
        ] {
            assert!(super::authority(endpoint).is_none(), "{endpoint}");
        }
    }
}
