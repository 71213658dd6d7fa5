mod adapter;

use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::{Error, World, componentize};

const PROCESS: &str = "(param i32 i64 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0)";

/// A processor that does nothing, with other fields of the module.
fn processor(more: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {more}
          (memory (export "memory") 1)
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
          (func (export "spanmill:plugin/processor@0.1.0#configure") (param i32 i32) (result i32) (i32.const 0))
          (func (export "spanmill:plugin/processor@0.1.0#process") {PROCESS}))"#
    );
    wat::parse_str(text).expect("the test's module is well formed")
}

/// The interfaces that a component imports and exports.
fn interfaces(component: &[u8]) -> (Vec<String>, Vec<String>) {
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(component)
        .expect("the component is valid");
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("the component is well formed") {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.expect("well formed").name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.expect("well formed").name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    (imports, exports)
}

#[test]
fn the_world_is_that_of_the_exports() {
    let component = componentize(&processor(""), &World::Exported).expect("it is a processor");
    let (imports, exports) = interfaces(&component);
    assert_eq!(exports, ["spanmill:plugin/processor@0.1.0"]);
    // Types grant nothing.
    assert_eq!(
        imports,
        [
            "spanmill:plugin/telemetry@0.1.0",
            "spanmill:plugin/contract@0.1.0"
        ]
    );
}

#[test]
fn preview_1_is_answered_by_the_adapter() {
    let imports = r#"
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"#;
    let component = componentize(&processor(imports), &World::Exported).expect("WASI is there");
    let (imports, _) = interfaces(&component);
    assert!(
        imports.contains(&"spanmill:plugin/log@0.1.0".to_owned()),
        "{imports:?}"
    );
    assert!(
        imports
            .iter()
            .all(|import| import.starts_with("spanmill:plugin/")),
        "{imports:?}"
    );
}

#[test]
fn optional_interfaces_are_exported_too() {
    let about =
        r#"(func (export "spanmill:plugin/about@0.1.0#describe") (result i32) (i32.const 0))"#;
    let component = componentize(&processor(about), &World::Exported).expect("about is known");
    let (_, exports) = interfaces(&component);
    assert_eq!(
        exports,
        [
            "spanmill:plugin/about@0.1.0",
            "spanmill:plugin/processor@0.1.0"
        ]
    );
}

#[test]
fn a_world_may_be_named() {
    let wit = "package my:plugin; world mine { include spanmill:plugin/processor-plugin@0.1.0; }";
    let world = World::Named { wit, name: "mine" };
    let component = componentize(&processor(""), &world).expect("the world is a processor's");
    assert_eq!(
        interfaces(&component).1,
        ["spanmill:plugin/processor@0.1.0"]
    );
    let wrong = World::Named { wit, name: "yours" };
    assert!(matches!(
        componentize(&processor(""), &wrong),
        Err(Error::World(_))
    ));
}

#[test]
fn what_cannot_become_a_plugin_is_told() {
    let module = |text: &str| wat::parse_str(text).expect("the test's module is well formed");
    let fails = |core: &[u8]| {
        componentize(core, &World::Exported)
            .expect_err("it is no plugin")
            .to_string()
    };
    assert!(fails(b"no module").starts_with("this is no WebAssembly module"));
    let component = componentize(&processor(""), &World::Exported).expect("it is a processor");
    assert!(fails(&component).starts_with("this is a component already"));
    assert!(fails(&module("(module)")).starts_with("it exports no role"));
    let unknown = module(r#"(module (func (export "spanmill:plugin/profiler@0.1.0#run")))"#);
    assert_eq!(
        fails(&unknown),
        "it exports `spanmill:plugin/profiler@0.1.0`, which this version's contract does not have"
    );
    let half =
        r#"(func (export "spanmill:plugin/router@0.1.0#process") (result i32) (i32.const 0))"#;
    let message = fails(&processor(half));
    assert!(
        message.contains("spanmill:plugin/router@0.1.0"),
        "{message}"
    );
    let env = r#"(import "env" "fork" (func))"#;
    let message = fails(&processor(env));
    assert!(
        message.starts_with("it does not fit the contract") && message.contains("env"),
        "{message}"
    );
}
