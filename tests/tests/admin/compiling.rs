//! Plugins that are made to be compiled for ever, or into all the memory there is; and the cache of what was compiled.

use std::path::{Path, PathBuf};

use crate::operator::{Operated, spans};
use spanmill_tests::{Spanmill, guest, spanmill_with, within};

const MANIFEST: &str = r#"
processors:
  filter: {error_mode: ignore, traces: {span: ['name == "drop"']}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [filter], exporters: [otlp]}
"#;

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

fn section(id: u8, count: usize, entries: &[u8]) -> Vec<u8> {
    let content = [leb(count), entries.to_vec()].concat();
    [vec![id], leb(content.len()), content].concat()
}

/// A component of so many functions. In each, every one of so many variables changes in the innermost of so many loops,
/// so that a compiler that knows each variable at each loop has their product to remember.
fn bomb(functions: usize, loops: usize, variables: usize) -> Vec<u8> {
    let mut body = [leb(1), leb(variables), vec![0x7e]].concat();
    body.extend([0x03, 0x40].repeat(loops));
    for variable in 0..variables {
        body.push(0x20);
        body.extend(leb(variable));
        body.extend([0x42, 1, 0x7c, 0x21]);
        body.extend(leb(variable));
    }
    for number in 0..loops {
        body.push(0x20);
        body.extend(leb(number % variables));
        body.extend([0xa7, 0x0d, 0, 0x0b]);
    }
    body.push(0x0b);
    let body = [leb(body.len()), body].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, 1, &[0x60, 0, 0]),
        section(3, functions, &vec![0; functions]),
        section(10, functions, &body.repeat(functions)),
    ]
    .concat();
    let header = b"\0asm\x0d\0\x01\0".to_vec();
    [header, vec![1], leb(module.len()), module].concat()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// The processes that compile for a process.
fn compilers(of: u32) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let is_compiler = |process: &PathBuf| {
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        let parent = format!("PPid:\t{of}\n");
        arguments.windows(14).any(|part| part == b"compile-plugin") && status.contains(&parent)
    };
    processes.filter(is_compiler).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_takes_all_memory_to_compile_is_refused() {
    let mine = Operated::start(MANIFEST).await;
    mine.send(spans(0..1, "before")).await;
    let wasm = bomb(200, 500, 2000);
    assert!(wasm.len() > 4 << 20);
    let file = write(mine.spanmill.folder(), "bomb.wasm", &wasm);
    let swap = ["swap", "filter", &file];
    let mut sent = 1;
    // Telemetry flows meanwhile.
    let refused = {
        let mut refused = std::pin::pin!(mine.refused(&swap));
        loop {
            tokio::select! {
                refused = &mut refused => break refused,
                () = mine.send(spans(sent..sent + 1, "meanwhile")) => sent += 1,
            }
        }
    };
    assert!(sent > 1);
    assert!(
        refused.contains("needs more than 1024 MiB of memory"),
        "{refused}"
    );
    assert!(refused.contains("SPANMILL_COMPILE_MEMORY_MIB"), "{refused}");
    let peak = mine.spanmill.peak_kib();
    assert!(peak < 300 << 10, "{peak} KiB");
    assert_eq!(compilers(mine.spanmill.process()), Vec::<PathBuf>::new());
    // What is no bomb still goes in.
    let good = guest("sdk_processor").display().to_string();
    mine.told(&["swap", "filter", &good, "--allow-more"]).await;
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_takes_too_long_to_compile_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "bomb.wasm", &bomb(3000, 40, 300));
    let cache = folder.path().join("cache").display().to_string();
    let environment = [
        ("SPANMILL_COMPILE_TIMEOUT", "1s"),
        ("SPANMILL_CACHE", cache.as_str()),
    ];
    let output = spanmill_with(folder.path(), &["inspect", &file], &environment).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    let refused = output.stderr;
    assert!(refused.contains("takes longer than 1s"), "{refused}");
    let small = [("SPANMILL_COMPILE_MEMORY_MIB", "64")];
    let file = write(folder.path(), "other.wasm", &bomb(1, 300, 2000));
    let output = spanmill_with(folder.path(), &["inspect", &file], &small).await;
    assert!(
        output.stderr.contains("more than 64 MiB of memory"),
        "{}",
        output.stderr
    );
    for (name, value) in [
        ("SPANMILL_COMPILE_TIMEOUT", "soon"),
        ("SPANMILL_COMPILE_MEMORY_MIB", "0"),
    ] {
        let output = spanmill_with(folder.path(), &["inspect", &file], &[(name, value)]).await;
        assert_eq!(output.code, Some(1), "{}", output.stdout);
        let told = format!("{name}={value}: write a number");
        assert!(output.stderr.contains(&told), "{}", output.stderr);
    }
}

#[tokio::test]
async fn too_many_functions_are_refused_before_anything_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "many.wasm", &bomb(100_001, 1, 1));
    let output = spanmill_with(folder.path(), &["inspect", &file], &[]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(
        output.stderr.contains("it has 100001 functions"),
        "{}",
        output.stderr
    );
}

/// Without an end of the compiler this would take an hour.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_does_not_wait_for_a_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "bomb.wasm", &bomb(5000, 40, 300));
    let environment = [("SPANMILL_COMPILE_TIMEOUT", "1h")];
    let manifest = format!(
        "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: \"127.0.0.1:0\"}}}}}}\nexporters:\n  debug:\n{}",
        MANIFEST.replace("exporters: [otlp]", "exporters: [debug]")
    );
    let running = Spanmill::start_with(folder, Some(&manifest), &[], &environment).await;
    let process = running.process();
    let address = running.address("admin http").to_string();
    let arguments = ["plugin", "--admin", &address, "swap", "filter", &file];
    let swap = spanmill_with(Path::new("/"), &arguments, &[]);
    let stop = async {
        let compiling = within("a compiler", async {
            loop {
                if let Some(compiler) = compilers(process).pop() {
                    return compiler;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        running.stop().await;
        compiling
    };
    let (swapped, compiler) = tokio::join!(swap, stop);
    assert_eq!(swapped.code, Some(1), "{}", swapped.stdout);
    assert!(!compiler.exists(), "it still compiles");
}

/// A file that has become a bomb: who swaps another plugin meanwhile does not wait for it, nor does the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_compiles_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("mine.wasm");
    std::fs::copy(guest("hostile"), &plugin).unwrap();
    let v2 = guest("hostile_v2").display().to_string();
    let manifest = r#"
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}
plugins:
  mine: {file: mine.wasm}
processors:
  mine: {behaviour: well}
exporters:
  debug:
service:
  pipelines:
    traces: {receivers: [otlp], processors: [mine], exporters: [debug]}
"#;
    let environment = [("SPANMILL_COMPILE_TIMEOUT", "1h")];
    let running = Spanmill::start_with(folder, Some(manifest), &[], &environment).await;
    let address = running.address("admin http").to_string();
    let root = Path::new("/");
    // Compiled before, so that it need not wait for its turn.
    let inspected = spanmill_with(root, &["inspect", &v2], &[]).await;
    assert_eq!(inspected.code, Some(0), "{}", inspected.stderr);
    std::fs::write(&plugin, bomb(5000, 40, 300)).unwrap();
    within("a compiler", async {
        while compilers(running.process()).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for arguments in [&["status"][..], &["swap", "mine", &v2]] {
        let all = [&["plugin", "--admin", &address][..], arguments].concat();
        let output = spanmill_with(root, &all, &[]).await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
    }
    assert!(
        !compilers(running.process()).is_empty(),
        "it still compiles"
    );
    running.stop().await;
}

/// Any bit of what is executed may have been changed by somebody else.
#[tokio::test]
async fn a_cache_that_somebody_else_wrote_to_is_not_executed() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let named = cache.display().to_string();
    let environment = [("SPANMILL_CACHE", named.as_str())];
    let file = guest("hostile").display().to_string();
    let inspect = async || {
        let arguments = ["inspect", &file, "--settings", r#"{"behaviour": "well"}"#];
        let output = spanmill_with(folder.path(), &arguments, &environment).await;
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        assert!(output.stdout.contains("span.name"), "{}", output.stdout);
        output.stderr
    };
    assert!(inspect().await.contains(" compiling; "));
    assert_eq!(inspect().await, "");
    let code = std::fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "cwasm"))
        .unwrap();
    let mut bytes = std::fs::read(&code).unwrap();
    // Machine code stands in there; 2,000 bits of it.
    for at in (4096..bytes.len()).step_by(bytes.len() / 2000) {
        bytes[at] ^= 1;
    }
    std::fs::write(&code, bytes).unwrap();
    let told = inspect().await;
    assert!(
        told.contains("a cached plugin is not used") && told.contains(" compiling; "),
        "{told}"
    );
    assert_eq!(inspect().await, "", "compiled anew, and kept");
    // Nor is a folder that leads elsewhere.
    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&cache, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &cache).unwrap();
    assert!(inspect().await.contains("no cache for compiled plugins"));
}

/// Plugins are loaded and configured several at a time, which nobody should notice.
#[tokio::test]
async fn a_plugin_of_several_components_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache").display().to_string();
    let environment = [("SPANMILL_CACHE", cache.as_str())];
    let manifest = r#"
receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}
exporters:
  debug:
processors:
  filter: {traces: {span: ['name == "drop"']}}
  filter/2: {traces: {span: ['nam == "drop"']}}
  attributes: {actions: [{key: k, action: delete}]}
  filter/3: {traces: {span: ['name == "drop"']}}
  attributes/2: {actions: [{key: k, action: forget}]}
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [filter, filter/2, attributes, filter/3, attributes/2]
      exporters: [debug]
"#;
    std::fs::write(folder.path().join("several.yaml"), manifest).unwrap();
    let arguments = ["validate", "--config", "several.yaml"];
    for compiled in [["attributes.wasm", "filter.wasm"].as_slice(), &[]] {
        let output = spanmill_with(folder.path(), &arguments, &environment).await;
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        let lines = |part: &str| {
            let lines = output.stderr.lines().filter(|line| line.contains(part));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        // Not "still compiling", which a busy machine says every few seconds.
        let mut compiling = lines(" compiling; ");
        compiling.sort_by_key(|line| line.contains("filter.wasm"));
        assert_eq!(compiling.len(), compiled.len(), "{}", output.stderr);
        for (line, file) in compiling.iter().zip(compiled) {
            assert!(line.contains(file), "{}", output.stderr);
        }
        let errors = lines("error: processor");
        assert_eq!(errors.len(), 2, "{}", output.stderr);
        assert!(errors[0].contains("filter/2:") && errors[1].contains("attributes/2:"));
    }
}
