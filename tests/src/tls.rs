//! TLS in tests: certificates made on the spot, and OpenSSL's own client and server.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::watch;

use crate::collector::follow;
use crate::command::{Output, output};
use crate::within;

/// What is said where OpenSSL is missing.
const INSTALL: &str =
    "the tests run OpenSSL's own client and server; install it: apt-get install openssl";

/// An authority that signs certificates for `localhost` and `127.0.0.1`.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one, with a name of its own.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// One below it, which it has signed.
    pub fn intermediate(&self, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes a certificate that it has signed, `NAME.pem`, and its key, `NAME-key.pem`.
    pub fn write(&self, folder: &Path, name: &str) {
        self.write_with(folder, name, named());
    }

    /// The same, of a certificate that expired long ago.
    pub fn write_expired(&self, folder: &Path, name: &str) {
        let mut params = named();
        params.not_after = date_time_ymd(2001, 1, 1);
        self.write_with(folder, name, params);
    }

    fn write_with(&self, folder: &Path, name: &str, params: CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}-key.pem")), key.serialize_pem()).unwrap();
    }

    /// The settings of a client that trusts it.
    pub fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config)
    }
}

fn named() -> CertificateParams {
    CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

/// Connects with `openssl s_client`, in a folder that has the files which the arguments name, and sends a text.
pub async fn s_client(folder: &Path, address: &str, arguments: &[&str], text: &str) -> Output {
    let folder_text = folder.join("s_client.txt");
    std::fs::write(&folder_text, text).unwrap();
    let mut command = Command::new("sh");
    // It reads what it sends from a file, and hangs up when the server does.
    command.args([
        "-c",
        r#"exec 3<"$0"; exec openssl s_client -connect "$@" -verify_return_error -ign_eof <&3"#,
    ]);
    command
        .arg(folder_text)
        .arg(address)
        .args(arguments)
        .current_dir(folder);
    let output = output(command).await;
    assert_ne!(output.code, Some(127), "{INSTALL}");
    output
}

/// A running `openssl s_server`; killed when dropped.
pub struct SServer {
    child: Child,
    /// What it has written: the connections, and what came in.
    lines: watch::Receiver<Vec<String>>,
    port: u16,
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl SServer {
    /// Starts one on a free port.
    ///
    /// # Panics
    ///
    /// If OpenSSL is not installed.
    pub async fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(folder)
            // It ends with its input.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("openssl: {error}; {INSTALL}"));
        let reading = Arc::new(AtomicBool::new(true));
        let lines = follow(child.stdout.take().unwrap(), &reading);
        let mut server = SServer {
            child,
            lines,
            port: 0,
        };
        let line = server.wrote("ACCEPT 127.0.0.1:").await;
        server.port = line.rsplit_once(':').unwrap().1.trim().parse().unwrap();
        server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for a line with a text in it.
    pub async fn wrote(&self, text: &str) -> String {
        let mut lines = self.lines.clone();
        let found = |lines: &Vec<String>| lines.iter().find(|line| line.contains(text)).cloned();
        within(&format!("`{text}` from openssl s_server"), async {
            let lines = lines.wait_for(|lines| found(lines).is_some()).await;
            found(&lines.unwrap()).unwrap()
        })
        .await
    }
}
