//! The OCI image layout of a bundle: https://github.com/opencontainers/image-spec/blob/main/image-layout.md

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use serde::{Deserialize, Serialize};
use tar::{Archive, Builder, Header};

use super::content::{Bundle, BundleFile};
use crate::artifact::descriptor;
use crate::digest::Digest;
use crate::limits::MAX_BUNDLE;
use crate::signature::{MAX_SIGNATURES, SIGNATURE_ANNOTATION, SIMPLE_SIGNING, Signature};
use spanmill_keys::SigningKey;

/// What the artifact is.
const ARTIFACT_TYPE: &str = "application/vnd.spanmill.bundle.v1";
/// The config of an artifact that has none.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
/// Where a layer's file is.
const TITLE: &str = "org.opencontainers.image.title";
/// That a layer is a manifest; its value says which one of them.
const MANIFEST: &str = "dev.spanmill.manifest";
/// What an entry of the index is, as cosign writes it.
const KIND: &str = "kind";
const KIND_SIGNATURES: &str = "dev.cosignproject.cosign/sigs";

const INDEX_FILE: &str = "index.json";
const LAYOUT_FILE: &str = "oci-layout";
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const BLOBS: &str = "blobs/sha256/";

/// The most entries of an index, and the largest manifest: what is parsed takes some times its size.
const MAX_ENTRIES: usize = 16;
const MAX_MANIFEST: usize = 1024 * 1024;
/// The largest text of a signature.
const MAX_PAYLOAD: usize = 64 * 1024;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    manifests: Vec<OciDescriptor>,
}

/// Makes the archive, and returns it with the digest of the artifact's manifest.
pub(super) fn pack(bundle: &Bundle, key: Option<&SigningKey>) -> Result<(Vec<u8>, Digest), String> {
    let mut archive = Writer::new();
    archive.file(LAYOUT_FILE, LAYOUT)?;
    archive.blob(EMPTY)?;
    let mut layers = Vec::new();
    for (number, file) in bundle.all().enumerate() {
        archive.blob(&file.bytes)?;
        let is_manifest = number < bundle.manifests.len();
        let mut layer = descriptor(media_type(&file.path, is_manifest), &file.bytes);
        let mut annotations = BTreeMap::from([(TITLE.to_owned(), file.path.clone())]);
        if is_manifest {
            annotations.insert(MANIFEST.to_owned(), number.to_string());
        }
        layer.annotations = Some(annotations);
        layers.push(layer);
    }
    let mut manifest = manifest(descriptor(EMPTY_TYPE, EMPTY), layers);
    manifest.artifact_type = Some(ARTIFACT_TYPE.to_owned());
    let (entry, digest) = archive.manifest(&manifest)?;
    let mut entries = vec![entry];
    if let Some(key) = key {
        let signed = Signature::of_manifest(key, "bundle", &digest);
        let Some(Signature::Simple { payload, signature }) = signed else {
            return Err("the system has no randomness to sign with".to_owned());
        };
        archive.blob(&payload)?;
        let mut layer = descriptor(SIMPLE_SIGNING, &payload);
        layer.annotations =
            Some([(SIGNATURE_ANNOTATION.to_owned(), STANDARD.encode(signature))].into());
        let signatures = self::manifest(descriptor(EMPTY_TYPE, EMPTY), vec![layer]);
        let (mut entry, _) = archive.manifest(&signatures)?;
        entry.annotations = Some([(KIND.to_owned(), KIND_SIGNATURES.to_owned())].into());
        entries.push(entry);
    }
    let index = Index {
        schema_version: 2,
        manifests: entries,
    };
    archive.file(INDEX_FILE, &json(&index)?)?;
    Ok((archive.end()?, digest))
}

fn media_type(path: &str, is_manifest: bool) -> &'static str {
    match path.rsplit_once('.') {
        _ if is_manifest => "application/yaml",
        Some((_, "wasm")) => "application/wasm",
        Some((_, "json")) => "application/json",
        _ => "application/octet-stream",
    }
}

fn manifest(config: OciDescriptor, layers: Vec<OciDescriptor>) -> OciImageManifest {
    OciImageManifest {
        schema_version: 2,
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        config,
        layers,
        subject: None,
        artifact_type: None,
        annotations: None,
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}

/// An archive that is being made: the same files give the same bytes.
struct Writer {
    tar: Builder<Vec<u8>>,
    blobs: Vec<Digest>,
}

impl Writer {
    fn new() -> Self {
        Writer {
            tar: Builder::new(Vec::new()),
            blobs: Vec::new(),
        }
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let mut header = Header::new_ustar();
        header.set_size(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        let added = self.tar.append_data(&mut header, path, bytes);
        added.map_err(|error| error.to_string())
    }

    fn blob(&mut self, bytes: &[u8]) -> Result<Digest, String> {
        let digest = Digest::of(bytes);
        if !self.blobs.contains(&digest) {
            self.file(&format!("{BLOBS}{}", digest.hex()), bytes)?;
            self.blobs.push(digest.clone());
        }
        Ok(digest)
    }

    fn manifest(&mut self, manifest: &OciImageManifest) -> Result<(OciDescriptor, Digest), String> {
        let bytes = json(manifest)?;
        let digest = self.blob(&bytes)?;
        let mut entry = descriptor(OCI_IMAGE_MEDIA_TYPE, &bytes);
        entry.artifact_type.clone_from(&manifest.artifact_type);
        Ok((entry, digest))
    }

    fn end(self) -> Result<Vec<u8>, String> {
        self.tar.into_inner().map_err(|error| error.to_string())
    }
}

/// An archive that was read. Every blob in it is what its name says.
pub(super) struct Layout<'a> {
    blobs: BTreeMap<Digest, &'a [u8]>,
    /// The digest of the artifact's manifest.
    digest: Digest,
    manifest: OciImageManifest,
    /// The manifests of its signatures.
    signatures: Vec<OciImageManifest>,
}

impl<'a> Layout<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, String> {
        if u64::try_from(bytes.len()).map_or(true, |length| length > MAX_BUNDLE) {
            return Err(format!("it has more than {MAX_BUNDLE} bytes"));
        }
        let (index, blobs) = files(bytes)?;
        let index = index.ok_or("it is no bundle: there is no index.json in it")?;
        let index: Index = serde_json::from_slice(index)
            .map_err(|error| format!("its index is not understood: {error}"))?;
        if index.manifests.len() > MAX_ENTRIES {
            return Err(format!("its index has more than {MAX_ENTRIES} entries"));
        }
        let mut artifact = None;
        let mut signatures = Vec::new();
        for entry in &index.manifests {
            let digest = entry.digest.parse::<Digest>();
            let digest = digest.map_err(|error| format!("its index is not understood: {error}"))?;
            let bytes = blobs.get(&digest).ok_or_else(|| missing(&digest))?;
            if bytes.len() > MAX_MANIFEST {
                return Err(format!(
                    "a manifest in it has more than {MAX_MANIFEST} bytes"
                ));
            }
            let manifest: OciImageManifest = serde_json::from_slice(bytes)
                .map_err(|error| format!("a manifest in it is not understood: {error}"))?;
            if annotation(entry, KIND) == Some(KIND_SIGNATURES) {
                signatures.push(manifest);
            } else if manifest.artifact_type.as_deref() == Some(ARTIFACT_TYPE)
                && artifact.replace((digest, manifest)).is_some()
            {
                return Err("there are several bundles in it".to_owned());
            }
        }
        let (digest, manifest) =
            artifact.ok_or_else(|| format!("it is no bundle: nothing in it is {ARTIFACT_TYPE}"))?;
        Ok(Layout {
            blobs,
            digest,
            manifest,
            signatures,
        })
    }

    pub(super) fn digest(&self) -> &Digest {
        &self.digest
    }

    pub(super) fn signatures(&self) -> Vec<Signature> {
        let layers = self.signatures.iter().flat_map(|manifest| &manifest.layers);
        let signature = |layer: &OciDescriptor| {
            let signature = STANDARD
                .decode(annotation(layer, SIGNATURE_ANNOTATION)?)
                .ok()?;
            let payload = self.blobs.get(&layer.digest.parse().ok()?)?;
            (payload.len() <= MAX_PAYLOAD).then(|| Signature::Simple {
                payload: payload.to_vec(),
                signature,
            })
        };
        layers.take(MAX_SIGNATURES).filter_map(signature).collect()
    }

    pub(super) fn bundle(&self) -> Result<Bundle, String> {
        // Each blob once, however many files have it.
        let mut contents: BTreeMap<Digest, Arc<[u8]>> = BTreeMap::new();
        let mut manifests = BTreeMap::new();
        let mut files = Vec::new();
        for layer in &self.manifest.layers {
            let digest = layer.digest.parse::<Digest>();
            let digest = digest.map_err(|error| format!("a layer is not understood: {error}"))?;
            let bytes = self.blobs.get(&digest).ok_or_else(|| missing(&digest))?;
            let path = annotation(layer, TITLE).ok_or("a layer of it has no title")?;
            let file = BundleFile {
                path: path.to_owned(),
                bytes: Arc::clone(contents.entry(digest).or_insert_with(|| Arc::from(*bytes))),
            };
            match annotation(layer, MANIFEST) {
                Some(number) => {
                    let number: usize = number
                        .parse()
                        .map_err(|_| format!("`{number}` is no number of a manifest"))?;
                    manifests.insert(number, file);
                }
                None => files.push(file),
            }
        }
        if manifests.is_empty() {
            return Err("there is no manifest in it".to_owned());
        }
        Ok(Bundle {
            manifests: manifests.into_values().collect(),
            files,
        })
    }
}

fn missing(digest: &Digest) -> String {
    format!("it is damaged: {digest} is not in it")
}

fn annotation<'d>(descriptor: &'d OciDescriptor, name: &str) -> Option<&'d str> {
    let annotations = descriptor.annotations.as_ref()?;
    annotations.get(name).map(String::as_str)
}

/// The index of an archive, and its blobs; without a copy.
#[allow(clippy::type_complexity)]
fn files(bytes: &[u8]) -> Result<(Option<&[u8]>, BTreeMap<Digest, &[u8]>), String> {
    let damaged = |error: std::io::Error| format!("it is no archive, or a damaged one: {error}");
    let mut archive = Archive::new(Cursor::new(bytes));
    let mut index = None;
    let mut blobs = BTreeMap::new();
    for entry in archive.entries_with_seek().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path_bytes();
        let path = String::from_utf8_lossy(&path).into_owned();
        let from = usize::try_from(entry.raw_file_position()).unwrap_or(usize::MAX);
        let length = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let content = from
            .checked_add(length)
            .and_then(|to| bytes.get(from..to))
            .ok_or("it is damaged: it ends within a file")?;
        if path == INDEX_FILE {
            index = Some(content);
        } else if let Some(hex) = path.strip_prefix(BLOBS) {
            let digest = Digest::of(content);
            if digest.hex() != hex {
                return Err(format!("it is damaged: {path} has the digest {digest}"));
            }
            blobs.insert(digest, content);
        }
        // What is not read is skipped over.
        let _ = entry.read(&mut []);
    }
    Ok((index, blobs))
}
