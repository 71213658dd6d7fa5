//! Artifacts in a registry: the OCI distribution protocol, by `oci-client`.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciError, OciErrorCode};
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE,
    OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use tokio::io::AsyncWrite;

use crate::artifact::{Artifact, component_layer, descriptor};
use crate::digest::Digest;
use crate::exchange::Fetched;
use crate::limits::{CONNECT_TIMEOUT, MAX_PLUGIN, MAX_SIGNATURE, READ_TIMEOUT};
use crate::location::is_loopback;
use crate::signature::{
    BUNDLE_TYPE, MAX_SIGNATURES, SIGNATURE_ANNOTATION, SIMPLE_SIGNING, Signature,
};

/// A proxy that nobody runs: port 0 cannot be listened on. A registry names further addresses, for tokens, redirects and uploads, and
/// the client goes wherever they lead, with a login or a plugin; from a registry with TLS, never in plain text.
const NOBODY: &str = "http://127.0.0.1:0";

/// A client for one repository.
pub(crate) struct Repository {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
}

impl Repository {
    /// Connects to nothing yet. Credentials are those of `docker login`, or `podman login`.
    pub fn new(reference: Reference) -> Result<Self, String> {
        let registry = reference.resolve_registry().to_owned();
        let proxy = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
        let (protocol, http_proxy) = match is_loopback(&registry) {
            true => (ClientProtocol::HttpsExcept(vec![registry]), None),
            false => (ClientProtocol::Https, Some(NOBODY.to_owned())),
        };
        let https_proxy = proxy(["HTTPS_PROXY", "https_proxy"]);
        let no_proxy = https_proxy
            .as_ref()
            .and_then(|_| proxy(["NO_PROXY", "no_proxy"]));
        let config = ClientConfig {
            protocol,
            http_proxy,
            https_proxy,
            no_proxy,
            platform_resolver: None,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!("spanmill/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| told(&error))?;
        let auth = credentials(&reference)?;
        Ok(Repository {
            client,
            reference,
            auth,
        })
    }

    /// Fetches the plugin that the reference names.
    pub async fn pull(&self, signatures: bool) -> Result<Fetched, String> {
        let kinds = [
            OCI_IMAGE_MEDIA_TYPE,
            IMAGE_MANIFEST_MEDIA_TYPE,
            OCI_IMAGE_INDEX_MEDIA_TYPE,
        ];
        let pulled = self
            .client
            .pull_manifest_raw(&self.reference, &self.auth, &kinds)
            .await;
        let (manifest, _) = pulled.map_err(|error| told(&error))?;
        let (layer, _) = component_layer(&manifest)?;
        let wasm = self.blob(&layer, MAX_PLUGIN).await?;
        let signatures = match signatures {
            true => self.signatures(&Digest::of(&manifest)).await?,
            false => Vec::new(),
        };
        Ok(Fetched {
            manifest: Some(manifest.to_vec()),
            wasm,
            signatures,
        })
    }

    /// Puts a plugin in place, and returns the digest that names it.
    pub async fn push(&self, artifact: Artifact, wasm: Vec<u8>) -> Result<Digest, String> {
        let auth = self
            .client
            .auth(&self.reference, &self.auth, RegistryOperation::Push);
        auth.await.map_err(|error| told(&error))?;
        self.push_blob(wasm).await?;
        self.push_blob(artifact.config).await?;
        self.push_manifest(&self.reference, artifact.manifest).await
    }

    /// Puts a signature beside an artifact, and those that are there already stay: where cosign looks for it.
    pub async fn attach(
        &self,
        digest: &Digest,
        payload: Vec<u8>,
        signature: String,
    ) -> Result<(), String> {
        let place = self.tagged(format!("sha256-{}.sig", digest.hex()));
        let mut layers = self.layers(&place).await?;
        let mut layer = descriptor(SIMPLE_SIGNING, &payload);
        layer.annotations = Some([(SIGNATURE_ANNOTATION.to_owned(), signature)].into());
        self.push_blob(payload).await?;
        layers.push(layer);
        let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
        let config = serde_json::json!({
            "architecture": "", "os": "", "config": {},
            "rootfs": {"type": "layers", "diff_ids": digests},
        });
        let config = config.to_string().into_bytes();
        let manifest = OciImageManifest {
            schema_version: 2,
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: descriptor(IMAGE_CONFIG_MEDIA_TYPE, &config),
            layers,
            subject: None,
            artifact_type: None,
            annotations: None,
        };
        self.push_blob(config).await?;
        let manifest = serde_json::to_vec(&manifest).map_err(|error| error.to_string())?;
        self.push_manifest(&place, manifest).await.map(drop)
    }

    /// The signatures of an artifact: in the tag that cosign 2 gives them, and among what refers to the artifact. What is not
    /// understood there is somebody else's, and left alone.
    async fn signatures(&self, digest: &Digest) -> Result<Vec<Signature>, String> {
        let mut found = Vec::new();
        let place = self.tagged(format!("sha256-{}.sig", digest.hex()));
        for layer in self.layers(&place).await?.iter().take(MAX_SIGNATURES) {
            let signature = annotation(layer, SIGNATURE_ANNOTATION).and_then(decode);
            let (Some(signature), SIMPLE_SIGNING) = (signature, layer.media_type.as_str()) else {
                continue;
            };
            let payload = self.blob(layer, MAX_SIGNATURE).await?;
            found.push(Signature::Simple { payload, signature });
        }
        let subject = self.reference.clone_with_digest(digest.to_string());
        let referrers = match self.client.pull_referrers(&subject, None).await {
            Ok(index) => index.manifests,
            // One will do.
            Err(_) if !found.is_empty() => return Ok(found),
            Err(error) if is_missing(&error) => return Ok(found),
            Err(error) => return Err(told(&error)),
        };
        let is_bundle = |kind: &str| kind.starts_with(BUNDLE_TYPE);
        let bundles = referrers
            .into_iter()
            .filter(|entry| entry.artifact_type.as_deref().is_none_or(is_bundle));
        for entry in bundles.take(MAX_SIGNATURES) {
            let place = self.reference.clone_with_digest(entry.digest);
            let Ok(layers) = self.layers(&place).await else {
                continue;
            };
            for layer in layers.iter().filter(|layer| is_bundle(&layer.media_type)) {
                if found.len() < MAX_SIGNATURES
                    && let Ok(bundle) = self.blob(layer, MAX_SIGNATURE).await
                {
                    found.push(Signature::Bundle(bundle));
                }
            }
        }
        Ok(found)
    }

    /// The layers of a manifest that may not be there.
    async fn layers(&self, place: &Reference) -> Result<Vec<OciDescriptor>, String> {
        let kinds = [OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];
        let pulled = self.client.pull_manifest_raw(place, &self.auth, &kinds);
        let manifest = match pulled.await {
            Ok((manifest, _)) => manifest,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(told(&error)),
        };
        let manifest: OciImageManifest = serde_json::from_slice(&manifest)
            .map_err(|error| format!("the signatures' manifest is not understood: {error}"))?;
        Ok(manifest.layers)
    }

    async fn blob(&self, layer: &OciDescriptor, most: u64) -> Result<Vec<u8>, String> {
        let mut blob = Bounded {
            bytes: Vec::new(),
            most,
        };
        let pulled = self.client.pull_blob(&self.reference, layer, &mut blob);
        pulled.await.map_err(|error| told(&error))?;
        Ok(blob.bytes)
    }

    async fn push_blob(&self, bytes: Vec<u8>) -> Result<(), String> {
        let digest = Digest::of(&bytes).to_string();
        let there = self.client.blob_exists(&self.reference, &digest).await;
        if there.is_ok_and(|there| there) {
            return Ok(());
        }
        let pushed = self.client.push_blob(&self.reference, bytes, &digest);
        pushed.await.map(drop).map_err(|error| told(&error))
    }

    async fn push_manifest(&self, place: &Reference, bytes: Vec<u8>) -> Result<Digest, String> {
        let digest = Digest::of(&bytes);
        let kind = reqwest::header::HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        let pushed = self.client.push_manifest_raw(place, bytes, kind);
        pushed.await.map_err(|error| told(&error))?;
        Ok(digest)
    }

    fn tagged(&self, tag: String) -> Reference {
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        Reference::with_tag(registry.to_owned(), repository.to_owned(), tag)
    }
}

fn annotation<'a>(layer: &'a OciDescriptor, name: &str) -> Option<&'a String> {
    layer.annotations.as_ref()?.get(name)
}

fn decode(text: &String) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// What `docker login` or `podman login` has kept for a registry; nothing if nobody has logged in.
fn credentials(reference: &Reference) -> Result<RegistryAuth, String> {
    // Docker keeps those of its hub under an address of its own.
    let registry = match reference.registry() {
        "docker.io" => "https://index.docker.io/v1/",
        registry => registry,
    };
    use CredentialRetrievalError::{ConfigNotFound, ConfigReadError, NoCredentialConfigured};
    let unusable = |of: &str, error: CredentialRetrievalError| {
        Err(format!(
            "{of}'s login for {registry} cannot be used: {error}"
        ))
    };
    let mut found = docker_credential::get_credential(registry);
    match found {
        Ok(_) => {}
        // A file that is there and cannot be read is not as if nobody had logged in.
        Err(ConfigReadError) if docker_config().is_some_and(|path| path.exists()) => {
            return unusable("Docker", ConfigReadError);
        }
        Err(NoCredentialConfigured | ConfigNotFound | ConfigReadError) => {
            found = docker_credential::get_podman_credential(registry);
        }
        // As helpers say it of a registry that they do not know.
        Err(error) if format!("{error:?}").contains("credentials not found") => {
            found = Err(NoCredentialConfigured);
        }
        Err(error) => return unusable("Docker", error),
    }
    match found {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(RegistryAuth::Basic(user, password))
        }
        Ok(DockerCredential::IdentityToken(_)) => Err(format!(
            "the login for {registry} is an identity token, which is not supported; log in with a user and an access token"
        )),
        Err(NoCredentialConfigured | ConfigNotFound | ConfigReadError) => {
            Ok(RegistryAuth::Anonymous)
        }
        Err(error) => unusable("podman", error),
    }
}

/// Where Docker keeps logins.
fn docker_config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    Some(folder.or_else(home)?.join("config.json"))
}

/// What a registry means that asks who somebody is.
const REFUSED: &str = "the registry refuses access; log in to it with `docker login`";

fn is_refusal(error: &OciError) -> bool {
    matches!(
        error.code,
        OciErrorCode::Unauthorized | OciErrorCode::Denied
    )
}

fn is_missing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().all(|error| {
                matches!(
                    error.code,
                    OciErrorCode::ManifestUnknown
                        | OciErrorCode::NotFound
                        | OciErrorCode::NameUnknown
                )
            })
        }
        _ => false,
    }
}

/// An error in words, without addresses that a server led to, which may carry its secrets.
fn told(error: &OciDistributionError) -> String {
    match error {
        OciDistributionError::RequestError(error) => crate::error::told(error),
        OciDistributionError::RegistryError { envelope, .. }
            if envelope.errors.iter().any(is_refusal) =>
        {
            REFUSED.to_owned()
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let errors = envelope
                .errors
                .iter()
                .map(|error| match error.message.as_str() {
                    "" => format!("{:?}", error.code),
                    message => message.to_owned(),
                });
            let errors: Vec<String> = errors.collect();
            format!("the registry says: {}", errors.join("; "))
        }
        OciDistributionError::ServerError {
            code: 401 | 403, ..
        }
        | OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => REFUSED.to_owned(),
        OciDistributionError::ServerError { code: 404, .. }
        | OciDistributionError::ImageManifestNotFoundError(_) => "it is not there".to_owned(),
        OciDistributionError::ServerError { code, .. } => {
            format!("the registry answers with the status {code}")
        }
        error => error.to_string(),
    }
}

/// Bytes, up to a number.
struct Bounded {
    bytes: Vec<u8>,
    most: u64,
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        more: &[u8],
    ) -> Poll<io::Result<usize>> {
        let total = self.bytes.len().saturating_add(more.len());
        if u64::try_from(total).map_or(true, |total| total > self.most) {
            let why = format!("it has more than {} bytes", self.most);
            return Poll::Ready(Err(io::Error::other(why)));
        }
        self.bytes.extend_from_slice(more);
        Poll::Ready(Ok(more.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
