//! What a plugin imports, told from its bytes before it is compiled, which takes seconds for a large one.

#[cfg(feature = "compiler")]
use wasmparser::{Parser, Payload};

/// The contract's package.
#[cfg(feature = "compiler")]
const CONTRACT: &str = "spanmill:plugin/";

/// The imports that are granted: ours, and WASI with nothing behind it.
pub(crate) fn is_granted(import: &str) -> bool {
    matches!(import, "spanmill:plugin/log@0.1.0" | "spanmill:plugin/counters@0.1.0")
        // Types grant nothing.
        || matches!(
            import,
            "spanmill:plugin/telemetry@0.1.0"
                | "spanmill:plugin/contract@0.1.0"
                | "spanmill:plugin/metrics@0.1.0"
                | "spanmill:plugin/records@0.1.0"
                | "spanmill:plugin/routing@0.1.0"
        )
        || ["wasi:cli/", "wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/", "wasi:sockets/"]
            .iter()
            .any(|granted| import.starts_with(granted))
}

/// The foreign imports of a component that are not granted; those of the contract in another version are told after
/// compiling, with the version that the plugin is of. Empty for bytes that are no component: compiling says what is wrong
/// with those.
#[cfg(feature = "compiler")]
pub(crate) fn refused(wasm: &[u8]) -> Vec<String> {
    let mut depth = 0u32;
    let mut refused = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::Version { .. }) => depth = depth.saturating_add(1),
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            // Components inside import from the one around them.
            Ok(Payload::ComponentImportSection(section)) if depth == 1 => {
                let names = section.into_iter().filter_map(Result::ok);
                let names = names.map(|import| import.name.name.to_owned());
                let names = names.filter(|name| !name.starts_with(CONTRACT));
                refused.extend(names.filter(|name| !is_granted(name)));
            }
            Ok(_) => {}
            Err(_) => return Vec::new(),
        }
    }
    refused
}
