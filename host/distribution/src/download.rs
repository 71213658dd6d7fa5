//! Speaking to servers. For a process of its own: see the crate's documentation.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, StatusCode, Url};

use crate::artifact::artifact;
use crate::digest::Digest;
use crate::error::{DistributionError, told, words};
use crate::exchange::{FetchRequest, Fetched};
use crate::limits::{CONNECT_TIMEOUT, MAX_PLUGIN, MAX_SIGNATURE, READ_TIMEOUT};
use crate::location::{Location, is_loopback};
use crate::registry::Repository;
use crate::signature::Signature;
use spanmill_keys::SigningKey;

/// Fetches a plugin. What comes may be anything: [`Store::obtain`](crate::Store::obtain) checks it.
///
/// # Errors
///
/// What the server said, or why it was not reached.
pub async fn download(request: &FetchRequest) -> Result<Fetched, DistributionError> {
    use_ring();
    let location = &request.location;
    let done = match (location.reference(), location.url()) {
        (Some(reference), _) => match Repository::new(reference) {
            Ok(repository) => repository.pull(request.signatures).await,
            Err(why) => Err(why),
        },
        (None, Some(url)) => from_address(url, request.signatures).await,
        (None, None) => Err("the reference is not understood".to_owned()),
    };
    done.map_err(|why| server(location, why))
}

/// Puts a plugin into a registry, signed if there is a key. `imports` and `exports` are the component's, for whoever looks at
/// the artifact.
///
/// # Errors
///
/// What the registry said, or why it was not reached; or that the location is no registry's.
pub async fn push(
    location: &Location,
    wasm: Vec<u8>,
    imports: &[String],
    exports: &[String],
    key: Option<&SigningKey>,
) -> Result<Digest, DistributionError> {
    use_ring();
    let failed = |why: String| server(location, why);
    let Some(reference) = location.reference() else {
        return Err(failed("plugins are pushed to registries only".to_owned()));
    };
    let name = format!("{}/{}", reference.registry(), reference.repository());
    let artifact = artifact(&wasm, imports, exports, BTreeMap::new())
        .map_err(|error| failed(error.to_string()))?;
    let repository = Repository::new(reference).map_err(failed)?;
    let digest = repository.push(artifact, wasm).await.map_err(failed)?;
    if let Some(key) = key {
        let signed = Signature::of_manifest(key, &name, &digest);
        let Some(Signature::Simple { payload, signature }) = signed else {
            return Err(failed(
                "the system has no randomness to sign with".to_owned(),
            ));
        };
        let signature = STANDARD.encode(signature);
        let attached = repository.attach(&digest, payload, signature).await;
        attached.map_err(|why| failed(format!("it is pushed, but not signed: {why}")))?;
    }
    Ok(digest)
}

fn server(location: &Location, why: String) -> DistributionError {
    DistributionError::Server {
        location: location.to_string(),
        why: words(&why),
    }
}

/// One implementation of cryptography for the whole process, as the host's listeners have it.
fn use_ring() {
    // It fails if there is one already, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn from_address(text: &str, signatures: bool) -> Result<Fetched, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let is_local = url.host_str().is_some_and(is_loopback);
    let client = Client::builder()
        .https_only(!is_local)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(concat!("spanmill/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| told(&error))?;
    let wasm = match get(&client, url.clone(), MAX_PLUGIN).await? {
        Ok(wasm) => wasm,
        Err(StatusCode::NOT_FOUND) => return Err("it is not there (status 404)".to_owned()),
        Err(status) => return Err(format!("the server answers with the status {status}")),
    };
    let mut found = Vec::new();
    if signatures {
        // Servers have several ways to say that a file is not there.
        if let Ok(signature) = get(&client, beside(&url, ".sig"), MAX_SIGNATURE).await? {
            found.push(Signature::detached(&signature));
        }
        if let Ok(bundle) = get(&client, beside(&url, ".sigstore.json"), MAX_SIGNATURE).await? {
            found.push(Signature::Bundle(bundle));
        }
    }
    Ok(Fetched {
        manifest: None,
        wasm,
        signatures: found,
    })
}

/// The address of a file whose name goes on.
fn beside(url: &Url, suffix: &str) -> Url {
    let mut url = url.clone();
    let path = format!("{}{suffix}", url.path());
    url.set_path(&path);
    url
}

/// What is at an address; the status if that is not OK.
async fn get(client: &Client, url: Url, most: u64) -> Result<Result<Vec<u8>, StatusCode>, String> {
    let sent = client.get(url).send().await;
    let mut response = sent.map_err(|error| told(&error))?;
    if response.status() != StatusCode::OK {
        return Ok(Err(response.status()));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        bytes.extend_from_slice(&chunk);
        if u64::try_from(bytes.len()).map_or(true, |length| length > most) {
            return Err(format!("it has more than {most} bytes"));
        }
    }
    Ok(Ok(bytes))
}
