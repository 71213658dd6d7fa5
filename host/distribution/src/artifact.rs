//! A plugin as an OCI artifact: https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/

use std::collections::BTreeMap;

use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use serde::Serialize;

use crate::digest::Digest;
use crate::limits::MAX_PLUGIN;

/// The layer that is the component.
const LAYER: &str = "application/wasm";
/// The same in artifacts from before the CNCF's layout.
const OLD_LAYER: &str = "application/vnd.wasm.content.layer.v1+wasm";
/// What the config is.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// When an artifact was made: the same file is to have the same digest whenever it is pushed.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// A plugin made ready for a registry.
pub(crate) struct Artifact {
    /// The manifest, JSON.
    pub manifest: Vec<u8>,
    /// The config that it names, JSON.
    pub config: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [String; 1],
    component: Component<'a>,
}

#[derive(Serialize)]
struct Component<'a> {
    exports: &'a [String],
    imports: &'a [String],
    target: Option<()>,
}

/// Makes an artifact of a component. `annotations` are the manifest's, such as `org.opencontainers.image.source`.
pub(crate) fn artifact(
    wasm: &[u8],
    imports: &[String],
    exports: &[String],
    annotations: BTreeMap<String, String>,
) -> Result<Artifact, serde_json::Error> {
    let config = Config {
        created: CREATED,
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [Digest::of(wasm).to_string()],
        component: Component {
            exports,
            imports,
            target: None,
        },
    };
    let config = serde_json::to_vec(&config)?;
    let manifest = OciImageManifest {
        schema_version: 2,
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        config: descriptor(CONFIG, &config),
        layers: vec![descriptor(LAYER, wasm)],
        subject: None,
        artifact_type: None,
        annotations: (!annotations.is_empty()).then_some(annotations),
    };
    Ok(Artifact {
        manifest: serde_json::to_vec(&manifest)?,
        config,
    })
}

/// What a manifest says of some bytes.
pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}

/// The layer of a manifest that is the component, and its digest.
///
/// # Errors
///
/// What the artifact holds instead, for a message.
pub(crate) fn component_layer(manifest: &[u8]) -> Result<(OciDescriptor, Digest), String> {
    let manifest: OciImageManifest = serde_json::from_slice(manifest).map_err(|error| {
        format!("its manifest is not that of one artifact ({error}); is it an index of several?")
    })?;
    let is_component =
        |layer: &&OciDescriptor| matches!(layer.media_type.as_str(), LAYER | OLD_LAYER);
    let mut components = manifest.layers.iter().filter(is_component);
    let (layer, further) = (components.next(), components.next());
    let Some(layer) = layer else {
        let kinds: Vec<&str> = manifest
            .layers
            .iter()
            .map(|layer| layer.media_type.as_str())
            .collect();
        return Err(match kinds.is_empty() {
            true => "it has no layers".to_owned(),
            false => format!("its layers are {}, and none is {LAYER}", kinds.join(", ")),
        });
    };
    if further.is_some() {
        return Err(format!("it has more than one layer {LAYER}"));
    }
    if u64::try_from(layer.size).map_or(true, |size| size > MAX_PLUGIN) {
        return Err(format!(
            "it has {} bytes, and {MAX_PLUGIN} is the most that is read",
            layer.size
        ));
    }
    let digest = layer
        .digest
        .parse()
        .map_err(|error| format!("its layer's digest is not understood: {error}"))?;
    Ok((layer.clone(), digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_in_the_layout_of_the_cncf() {
        let imports = ["wasi:io/streams@0.2.0".to_owned()];
        let exports = ["spanmill:plugin/processor@0.1.0".to_owned()];
        let made = artifact(b"\0asm", &imports, &exports, BTreeMap::new()).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&made.manifest).unwrap();
        assert_eq!(manifest["schemaVersion"], 2);
        assert_eq!(manifest["config"]["mediaType"], CONFIG);
        assert_eq!(
            manifest["config"]["digest"],
            Digest::of(&made.config).to_string()
        );
        assert_eq!(manifest["layers"][0]["mediaType"], LAYER);
        assert_eq!(manifest["layers"][0]["size"], 4);
        let config: serde_json::Value = serde_json::from_slice(&made.config).unwrap();
        assert_eq!(config["architecture"], "wasm");
        assert_eq!(config["os"], "wasip2");
        assert_eq!(config["layerDigests"][0], Digest::of(b"\0asm").to_string());
        assert_eq!(config["component"]["exports"][0], exports[0]);
        assert_eq!(config["component"]["imports"][0], imports[0]);
        let (_, digest) = component_layer(&made.manifest).unwrap();
        assert_eq!(digest, Digest::of(b"\0asm"));
    }

    #[test]
    fn what_holds_no_plugin_is_told() {
        let manifest = |layers: serde_json::Value| {
            let config = descriptor(CONFIG, b"{}");
            let manifest =
                serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers});
            component_layer(manifest.to_string().as_bytes()).unwrap_err()
        };
        let layer = |kind: &str, size: i64| {
            let digest = Digest::of(b"").to_string();
            serde_json::json!({"mediaType": kind, "digest": digest, "size": size})
        };
        let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
        for (layers, why) in [
            (serde_json::json!([]), "no layers"),
            (serde_json::json!([layer(tar, 1)]), tar),
            (
                serde_json::json!([layer(LAYER, 1), layer(OLD_LAYER, 1)]),
                "more than one",
            ),
            (serde_json::json!([layer(LAYER, i64::MAX)]), "the most"),
            (serde_json::json!([layer(LAYER, -1)]), "the most"),
            (
                serde_json::json!([{"mediaType": LAYER, "digest": "md5:1", "size": 1}]),
                "digest",
            ),
        ] {
            let refused = manifest(layers);
            assert!(refused.contains(why), "{refused}");
        }
        let index = br#"{"schemaVersion": 2, "manifests": []}"#;
        assert!(component_layer(index).unwrap_err().contains("index"));
    }
}
