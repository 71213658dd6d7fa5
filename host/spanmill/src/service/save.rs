//! Writing a swap to the manifest, so that it also runs after a restart: the plugin's file into `plugins` beside it, and
//! the file's name and digest into its section `plugins:`. Everything else in the manifest stays as it is written.

mod edit;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use spanmill_distribution::Digest;
use spanmill_runtime::is_precompiled;

use crate::components::canonical_type;
use crate::config::{self, ComponentId, Manifest, ManifestSource, Source};
use crate::pipeline::plugins_of;
use spanmill_private::{read_regular_text, replace};

/// Where plugins are put, beside the manifest.
const FOLDER: &str = "plugins";

/// A version that is to be written to the manifest.
#[derive(Clone)]
pub(super) struct ManifestEdit {
    manifest: PathBuf,
    kind: String,
    wasm: Bytes,
    hash: String,
}

impl ManifestEdit {
    /// What a swap of some components would write; says why if it cannot.
    pub(super) fn new(
        source: &ManifestSource,
        manifest: &Manifest,
        components: &[ComponentId],
        wasm: Bytes,
        hash: &str,
    ) -> Result<Self, String> {
        let Some(path) = source.only_file() else {
            return Err(
                "only a manifest that is one file can be written to; run with one `--config FILE`, and put the version's file into it yourself otherwise"
                    .to_owned(),
            );
        };
        let mut kinds = components.iter().map(|id| canonical_type(id.kind()));
        let kind = kinds.next().unwrap_or_default().to_owned();
        if kinds.any(|other| other != kind) {
            return Err("components of several types are swapped at once".to_owned());
        }
        let of_kind = plugins_of(manifest)
            .filter(|spec| spec.kind == kind)
            .count();
        if of_kind != components.len() {
            return Err(format!(
                "`plugins: {kind}:` is about every component of the type; swap `{kind}` instead of one of them"
            ));
        }
        let save = ManifestEdit {
            manifest: path.to_owned(),
            kind,
            wasm,
            hash: hash.to_owned(),
        };
        save.edited().map(|_| save)
    }

    /// The manifest.
    pub(super) fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// The plugin's file, as the manifest will name it.
    pub(super) fn file(&self) -> String {
        let hash = self.hash.get(..12).unwrap_or(&self.hash);
        let extension = match is_precompiled(&self.wasm) {
            true => "cwasm",
            false => "wasm",
        };
        format!("{FOLDER}/{}-{hash}.{extension}", self.kind)
    }

    /// Writes both files, the manifest last. What either was before is either there or replaced as a whole.
    pub(super) fn write(&self) -> Result<(), String> {
        let edited = self.edited()?;
        let folder = self.folder();
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let plugins = folder.join(FOLDER);
        std::fs::create_dir_all(&plugins).map_err(|error| failed(&plugins, error))?;
        let file = folder.join(self.file());
        replace(&file, &self.wasm).map_err(|error| failed(&file, error))?;
        replace(&self.manifest, edited.as_bytes()).map_err(|error| failed(&self.manifest, error))
    }

    fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new(""))
    }

    /// The manifest as it is to be, after a look at whether it then says what it should.
    fn edited(&self) -> Result<String, String> {
        let by_hand = |why: &str| {
            format!(
                "{why}; write `{}: {{file: {}, digest: sha256:{}}}` under `plugins:` by hand",
                self.kind,
                self.file(),
                self.hash
            )
        };
        let found = std::fs::symlink_metadata(&self.manifest);
        if !found.is_ok_and(|found| found.is_file()) {
            return Err(by_hand("the manifest is no file of its own but a link"));
        }
        let text = read_regular_text(&self.manifest, config::MAX_BYTES)
            .map_err(|error| format!("{}: {error}", self.manifest.display()))?;
        let edited = edit::with_plugin(&text, &self.kind, &self.file(), &self.hash)
            .ok_or_else(|| by_hand("the manifest is written in a way that is not edited"))?;
        let source = Source::new(self.manifest.display().to_string(), edited.clone());
        let env = |name: &str| std::env::var(name).ok();
        let (manifest, _) = config::examine(source, self.folder(), &env);
        let file = self.folder().join(self.file());
        let mut specs = manifest.iter().flat_map(plugins_of);
        if specs.any(|spec| spec.kind == self.kind && spec.location.is_some()) {
            return Err(by_hand(
                "the manifest has the plugin fetched; take out from where, or push the version there",
            ));
        }
        let says_so = manifest.as_ref().is_some_and(|manifest| {
            let mut specs = plugins_of(manifest).filter(|spec| spec.kind == self.kind);
            let says_so = |spec: &crate::config::PluginSpec| {
                spec.file.as_ref() == Some(&file)
                    && spec.digest.as_ref().map(Digest::hex) == Some(&self.hash)
            };
            let first = specs.next().is_some_and(says_so);
            first && specs.all(says_so)
        });
        match says_so {
            true => Ok(edited),
            false => Err(by_hand("the edited manifest would not say it")),
        }
    }
}
