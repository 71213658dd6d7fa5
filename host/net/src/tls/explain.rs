//! What a failed connection means, and what to change in the manifest.

use std::io;

use rustls::{AlertDescription as Alert, CertificateError, Error};

use super::time::time;
use super::trust::is_authority;
use crate::quoted::quoted;

/// The backend speaks TLS, but not HTTP/2 in it.
pub(super) const NO_H2: &str =
    "the backend does not offer HTTP/2 (`h2` in ALPN), which gRPC needs; check the endpoint's port";

const NOT_TRUSTED: &str = "the backend's certificate is signed by nobody that is trusted here; \
     name its authority's certificate, or its own, in `tls: {ca_file: ...}`";
const BAD_SIGNATURE: &str = "a signature of the backend's is wrong: its authority has another key than the one trusted here, \
     or it does not hold the key of its certificate; check `tls: {ca_file: ...}`, and who answers at the endpoint";
const NO_TLS: &str =
    "the backend does not answer in TLS; if it takes plain text, write http:// before the endpoint";
const NO_VERSION: &str = "the backend speaks none of these versions of TLS; check `min_version` and `max_version` under `tls:`";

/// The same error in words that help, if it is one of TLS's that a setting may cure.
pub fn explained(error: io::Error) -> io::Error {
    let of_tls = error.get_ref().and_then(|error| error.downcast_ref());
    match of_tls.and_then(explanation) {
        Some(text) => io::Error::new(error.kind(), text),
        None => error,
    }
}

fn explanation(error: &Error) -> Option<String> {
    Some(match error {
        Error::InvalidCertificate(error) => of_certificate(error)?,
        Error::AlertReceived(alert) => of_alert(*alert)?,
        Error::InvalidMessage(_) => NO_TLS.to_owned(),
        Error::PeerIncompatible(_) => format!("{NO_VERSION} ({error})"),
        Error::NoApplicationProtocol => NO_H2.to_owned(),
        _ => return None,
    })
}

fn of_certificate(error: &CertificateError) -> Option<String> {
    Some(match error {
        CertificateError::UnknownIssuer => NOT_TRUSTED.to_owned(),
        CertificateError::BadSignature => BAD_SIGNATURE.to_owned(),
        CertificateError::Other(other) if is_authority(other) => NOT_TRUSTED.to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names = match presented.is_empty() {
                true => "no name at all".to_owned(),
                false => quoted(&presented.join(", ")),
            };
            format!(
                "the backend's certificate is not for `{}`, but for {names}; \
                 connect to a name that it has, or put one in `tls: {{server_name_override: ...}}`",
                expected.to_str()
            )
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "the backend's certificate expired at {}; renew it, or correct this machine's clock",
            time(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the backend's certificate is not valid before {}; correct the clock that is wrong",
            time(*not_before)
        ),
        _ => return None,
    })
}

fn of_alert(alert: Alert) -> Option<String> {
    Some(match alert {
        Alert::CertificateRequired => {
            "the backend asks for a certificate; name one that it trusts in `tls: {cert_file: ..., key_file: ...}`".to_owned()
        }
        Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::AccessDenied => format!(
            "the backend refuses this side's certificate ({alert:?}); check `cert_file` and `key_file` under `tls:`"
        ),
        Alert::HandshakeFailure => {
            "the backend ends the handshake; if it asks for a certificate, name one in `tls: {cert_file: ..., key_file: ...}`".to_owned()
        }
        Alert::ProtocolVersion => NO_VERSION.to_owned(),
        Alert::NoApplicationProtocol => NO_H2.to_owned(),
        Alert::UnrecognisedName => {
            "the backend does not know the name it is asked for; put one that it knows in `tls: {server_name_override: ...}`".to_owned()
        }
        _ => return None,
    })
}
