//! What can go wrong between the command line and the service, and what to do then.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use spanmill_net::tls::TlsError;
use thiserror::Error;

/// Why a call had no answer, or not the one hoped for.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The endpoint cannot be used.
    #[error(
        "`{0}` is no admin endpoint; give it as unix:/path, as host:port, such as 127.0.0.1:4319, or as https://host:port"
    )]
    Endpoint(String),
    /// A component id or a file's name is too long to be asked for.
    #[error("the component id or the name is too long")]
    Name,
    /// Nobody is there.
    #[error(
        "nothing listens at {0}; is `spanmill run` running, and with which admin endpoint? name it with --admin or SPANMILL_ADMIN"
    )]
    NotListening(String),
    /// The way there is closed.
    #[error(
        "cannot connect to {endpoint}: {cause}; name the admin endpoint of `spanmill run` with --admin or SPANMILL_ADMIN"
    )]
    Unreachable {
        /// Where it should be.
        endpoint: String,
        /// What the system said.
        cause: String,
    },
    /// A certificate or key that was named cannot be used.
    #[error("{0}")]
    TlsSettings(TlsError),
    /// The two do not agree on TLS.
    #[error("cannot connect to {endpoint}: {cause}")]
    Tls {
        /// Where it should be.
        endpoint: String,
        /// What is wrong, and what to do.
        cause: String,
    },
    /// It was spoken to in plain text.
    #[error("{endpoint} takes TLS only; write https:// before it")]
    TlsOnly {
        /// Who was asked.
        endpoint: String,
    },
    /// The service wants a token, and another one if there was one.
    #[error(
        "{endpoint} {}; set SPANMILL_ADMIN_TOKEN to the one that `spanmill run` was started with, or run this as its user, who needs none",
        if *shown { "does not take this token" } else { "wants a token" }
    )]
    Unauthorized {
        /// Who wants it.
        endpoint: String,
        /// Whether one was sent.
        shown: bool,
    },
    /// The service says why it did not do it.
    #[error("{detail}")]
    Refused {
        /// The response's status.
        status: u16,
        /// What was wrong and what to do.
        detail: String,
    },
    /// No answer in time.
    #[error(
        "{endpoint} has not answered within {seconds} s; what was asked for may still be carried out"
    )]
    Timeout {
        /// Who was asked.
        endpoint: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection ended before the answer did.
    #[error(
        "the connection to {endpoint} broke ({cause}); what was asked for may still be carried out"
    )]
    Broken {
        /// Who was asked.
        endpoint: String,
        /// What is known of it.
        cause: String,
    },
    /// Whoever answered does not speak this API.
    #[error(
        "{endpoint} answered {status}, but not as this version's admin API does; does something else listen there? name another with --admin or SPANMILL_ADMIN"
    )]
    Unexpected {
        /// Who was asked.
        endpoint: String,
        /// The response's status.
        status: u16,
    },
}

impl ClientError {
    pub(super) fn not_connected(endpoint: String, error: &io::Error) -> ClientError {
        let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
        if let Some(error) = of_tls {
            return ClientError::of_tls(endpoint, error);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                ClientError::NotListening(endpoint)
            }
            _ => ClientError::Unreachable {
                endpoint,
                cause: error.to_string(),
            },
        }
    }

    fn of_tls(endpoint: String, error: &rustls::Error) -> ClientError {
        let remedy = match error {
            rustls::Error::InvalidCertificate(
                CertificateError::UnknownIssuer
                | CertificateError::BadSignature
                | CertificateError::Other(_),
            ) => {
                "; name its authority's certificate, or its own, with --admin-ca or SPANMILL_ADMIN_CA"
            }
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "; connect by a name that its certificate has",
            rustls::Error::InvalidMessage(_) => {
                "; it may not speak TLS: write host:port without https://"
            }
            rustls::Error::AlertReceived(_) => {
                "; if it asks for a certificate, name one with --admin-cert and --admin-key, or SPANMILL_ADMIN_CERT and SPANMILL_ADMIN_KEY"
            }
            _ => "",
        };
        ClientError::Tls {
            endpoint,
            cause: format!("{error}{remedy}"),
        }
    }

    pub(super) fn broken(endpoint: String, error: &hyper::Error) -> ClientError {
        // The innermost error is the system's, which says most.
        let mut cause: &dyn Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let of_tls = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(error) = of_tls.and_then(|error| error.downcast_ref()) {
            return ClientError::of_tls(endpoint, error);
        }
        ClientError::Broken {
            endpoint,
            cause: cause.to_string(),
        }
    }
}
