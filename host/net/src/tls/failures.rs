//! Handshakes that fail: why, in words that help, and logged once in a while rather than once a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::{AlertDescription as Alert, CertificateError, Error};
use spanmill_faults::episode::{Episode, Log};

use super::time::time;
use super::trust::is_authority;

/// A failure that comes again after this long is logged anew.
const QUIET: Duration = Duration::from_secs(60);

/// What kind of failure it is; each is logged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PlainText,
    NoCertificate,
    ClientCertificate,
    ServerCertificate,
    Incompatible,
    TimedOut,
    Crowded,
    Other,
}

/// The failed handshakes of a listener.
#[derive(Default)]
pub(super) struct Failures {
    plain_text: Episode,
    no_certificate: Episode,
    client_certificate: Episode,
    server_certificate: Episode,
    incompatible: Episode,
    timed_out: Episode,
    crowded: Episode,
    other: Episode,
}

impl Failures {
    fn episode(&self, kind: Kind) -> &Episode {
        match kind {
            Kind::PlainText => &self.plain_text,
            Kind::NoCertificate => &self.no_certificate,
            Kind::ClientCertificate => &self.client_certificate,
            Kind::ServerCertificate => &self.server_certificate,
            Kind::Incompatible => &self.incompatible,
            Kind::TimedOut => &self.timed_out,
            Kind::Crowded => &self.crowded,
            Kind::Other => &self.other,
        }
    }

    /// A client that speaks plain text.
    pub fn plain_text(&self, owner: &str, peer: SocketAddr) {
        let why =
            "the client speaks plain text, and this port takes TLS only; give it an https endpoint";
        self.log(owner, peer, Kind::PlainText, why);
    }

    /// A client whose handshake takes too long.
    pub fn timed_out(&self, owner: &str, peer: SocketAddr, limit: Duration) {
        let why = format!("the client did not finish the handshake within {limit:?}");
        self.log(owner, peer, Kind::TimedOut, &why);
    }

    /// A handshake that made room for another.
    pub fn crowded(&self, owner: &str, peer: SocketAddr, most: usize) {
        let why = format!("there are {most} at once, so the oldest make room for new ones");
        self.log(owner, peer, Kind::Crowded, &why);
    }

    /// A handshake that failed.
    pub fn failed(&self, owner: &str, peer: SocketAddr, error: &io::Error) {
        let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
        match of_tls {
            Some(error) => {
                let (kind, why) = explanation(error);
                self.log(owner, peer, kind, &why);
            }
            // Health checks connect and hang up.
            None => {
                tracing::debug!(%peer, %error, "{owner}: a client hung up during the TLS handshake")
            }
        }
    }

    fn log(&self, owner: &str, peer: SocketAddr, kind: Kind, why: &str) {
        match self.episode(kind).meet_after(1, QUIET) {
            Log::Begin => tracing::warn!(%peer, "{owner}: a TLS handshake failed: {why}"),
            Log::StillOn(tally) => tracing::warn!(
                %peer,
                failed = tally.times,
                "{owner}: TLS handshakes have been failing for {:.0?}: {why}",
                tally.lasted
            ),
            Log::Nothing => {}
        }
    }
}

fn explanation(error: &Error) -> (Kind, String) {
    match error {
        Error::NoCertificatesPresented => (
            Kind::NoCertificate,
            "the client shows no certificate, and `client_ca_file` asks for one; give it one that an authority in it has signed".to_owned(),
        ),
        Error::InvalidCertificate(error) => (Kind::ClientCertificate, of_certificate(error)),
        Error::AlertReceived(
            alert @ (Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown),
        ) => (
            Kind::ServerCertificate,
            format!(
                "the client refuses this side's certificate ({alert:?}); have it trust the authority that signed the one in `cert_file`, and connect by a name that is in it"
            ),
        ),
        Error::AlertReceived(Alert::ProtocolVersion) | Error::PeerIncompatible(_) => (
            Kind::Incompatible,
            format!(
                "client and server have no version or cipher suite of TLS in common; check `min_version` and `max_version` under `tls:` ({error})"
            ),
        ),
        Error::NoApplicationProtocol => (
            Kind::Incompatible,
            "the client speaks none of the protocols that this port does (ALPN); check which protocol it is to use".to_owned(),
        ),
        Error::InvalidMessage(_) => (
            Kind::PlainText,
            "the client does not speak TLS, and this port takes nothing else".to_owned(),
        ),
        error => (Kind::Other, error.to_string()),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the client's certificate is signed by nobody in `client_ca_file`".to_owned()
        }
        CertificateError::Other(other) if is_authority(other) => {
            "the client's certificate is an authority's, and not in `client_ca_file`".to_owned()
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("the client's certificate expired at {}", time(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the client's certificate is not valid before {}",
            time(*not_before)
        ),
        error => format!("the client's certificate cannot be used: {error}"),
    }
}
