//! Certificates made on the spot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// What is special about a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A server's, for localhost by name and address.
    Server,
    /// The same, and an authority's: CA:TRUE, as `openssl req -x509` writes it.
    ServerAndAuthority,
    /// A server's, for `tempo.internal`.
    NamedElsewhere,
    /// Ended long ago.
    Expired,
    /// The same, and an authority's.
    ExpiredAuthority,
    /// Begins in a long time.
    NotYet,
    /// A client's.
    Client,
}

impl Shape {
    fn params(self) -> CertificateParams {
        let names: &[&str] = match self {
            Shape::NamedElsewhere => &["tempo.internal"],
            _ => &["localhost", "127.0.0.1"],
        };
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "the backend");
        match self {
            Shape::ServerAndAuthority => params.is_ca = authority(),
            Shape::Expired => params.not_after = date_time_ymd(2001, 1, 1),
            Shape::ExpiredAuthority => {
                params.is_ca = authority();
                params.not_after = date_time_ymd(2001, 1, 1);
            }
            Shape::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
            Shape::Client => {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Shape::Server | Shape::NamedElsewhere => {}
        }
        params
    }
}

fn authority() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

/// An authority that signs certificates; each has a name of its own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// It and what is above it, but for the root.
    intermediates: Vec<CertificateDer<'static>>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        Authority {
            issuer: CertifiedIssuer::self_signed(Self::params(), key).unwrap(),
            intermediates: Vec::new(),
        }
    }

    /// Another below it.
    pub fn intermediate(&self) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(Self::params(), key, &self.issuer).unwrap();
        let mut intermediates = vec![issuer.der().clone()];
        intermediates.extend(self.intermediates.iter().cloned());
        Authority {
            issuer,
            intermediates,
        }
    }

    fn params() -> CertificateParams {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("authority {}", NUMBER.fetch_add(1, Relaxed));
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = authority();
        params
    }

    pub fn sign(&self, shape: Shape) -> Certified {
        let key = KeyPair::generate().unwrap();
        let certificate = shape.params().signed_by(&key, &self.issuer).unwrap();
        Certified {
            certificate,
            key,
            intermediates: self.intermediates.clone(),
        }
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }
}

/// A certificate and its key.
pub struct Certified {
    certificate: Certificate,
    key: KeyPair,
    intermediates: Vec<CertificateDer<'static>>,
}

impl Certified {
    pub fn self_signed(shape: Shape) -> Self {
        let key = KeyPair::generate().unwrap();
        Certified {
            certificate: shape.params().self_signed(&key).unwrap(),
            key,
            intermediates: Vec::new(),
        }
    }

    /// It, and the intermediates above it.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let mut chain = vec![self.certificate.der().clone()];
        chain.extend(self.intermediates.iter().cloned());
        chain
    }

    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// A server that shows this certificate, but has another's key.
    pub fn with_key_of(&self, other: &Certified) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = provider.key_provider.load_private_key(other.key()).unwrap();
        let certified = CertifiedKey::new(self.chain(), key);
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
    }
}
