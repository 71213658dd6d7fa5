//! Packs the templates of `spanmill plugin new` into the binary, with what of the SDKs a new plugin's folder carries along: each file
//! once, compressed, as languages and kinds share most of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

/// A language, the folder in `sdk` that has its templates, and what a plugin's folder carries along: from where to where.
type Language = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const LANGUAGES: [Language; 6] = [
    (
        "rust",
        "rust/templates",
        &[
            ("sdk/rust", "vendor/spanmill/sdk/rust"),
            ("host/model", "vendor/spanmill/host/model"),
            ("host/otlp", "vendor/spanmill/host/otlp"),
            ("wit", "vendor/spanmill/wit"),
        ],
    ),
    (
        "js",
        "js/templates",
        &[
            ("sdk/js/src", "spanmill_sdk"),
            ("sdk/js/README.md", "spanmill_sdk/README.md"),
            ("wit", "wit/deps/spanmill"),
        ],
    ),
    (
        "ts",
        "ts/templates",
        &[
            ("sdk/js/src", "spanmill_sdk"),
            ("sdk/js/README.md", "spanmill_sdk/README.md"),
            ("wit", "wit/deps/spanmill"),
        ],
    ),
    (
        "python",
        "python/templates",
        &[
            ("sdk/python/spanmill_sdk", "spanmill_sdk"),
            ("sdk/python/README.md", "spanmill_sdk/README.md"),
            ("wit", "wit/deps/spanmill"),
        ],
    ),
    ("go", "go/templates", &[("sdk/go", "spanmill_sdk")]),
    (
        "c",
        "c/templates",
        &[
            ("sdk/c/README.md", "spanmill_sdk/README.md"),
            ("sdk/c/include", "spanmill_sdk/include"),
            ("sdk/c/src", "spanmill_sdk/src"),
            ("sdk/c/test", "spanmill_sdk/test"),
        ],
    ),
];
const KINDS: [&str; 2] = ["processor", "connector"];
/// What lies in these folders, and is no source.
const LEFT_OUT: [&str; 11] = [
    "target",
    "node_modules",
    "__pycache__",
    ".venv",
    "templates",
    "tests",
    "released",
    ".git",
    ".pytest_cache",
    ".mypy_cache",
    "vendor",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV")? == "musl" {
        replace_memory_functions();
    }
    // Without a compiler there are no commands for authors.
    if std::env::var_os("CARGO_FEATURE_COMPILER").is_none() {
        return Ok(());
    }
    pack_templates()?;
    // A fifth of the executable is names of functions, which backtraces alone would use. Libraries and tests keep theirs.
    if std::env::var("CARGO_CFG_TARGET_OS")? == "linux" && std::env::var("PROFILE")? == "release" {
        println!("cargo::rustc-link-arg-bins=-Wl,-s");
    }
    Ok(())
}

/// Links `memcpy` and its like before those of musl, which are slow; see there.
fn replace_memory_functions() {
    const SOURCE: &str = "../../edge/memory.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    cc::Build::new()
        .file(SOURCE)
        .flag("-ffreestanding")
        .opt_level(2)
        .compile("spanmill_memory");
}

/// What templates hold, one file after the other, and where each begins.
#[derive(Default)]
struct Contents {
    bytes: Vec<u8>,
    places: BTreeMap<Vec<u8>, usize>,
}

impl Contents {
    /// Where these bytes begin; they are put there unless they are there already.
    fn place(&mut self, bytes: Vec<u8>) -> usize {
        let end = self.bytes.len();
        *self.places.entry(bytes).or_insert_with_key(|bytes| {
            self.bytes.extend_from_slice(bytes);
            end
        })
    }
}

fn pack_templates() -> Result<(), Box<dyn std::error::Error>> {
    let home = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut contents = Contents::default();
    let mut code = String::from("pub(super) static TEMPLATES: &[Template] = &[\n");
    for (language, templates, carried) in LANGUAGES {
        for kind in KINDS {
            let mut files = Vec::new();
            collect(
                &home.join("sdk").join(templates).join(kind),
                Path::new(""),
                &mut files,
            )?;
            for (from, to) in carried {
                collect(&home.join(from), Path::new(to), &mut files)?;
            }
            // The Go SDK's tests stay with it; the template has its own.
            files.retain(|(path, _)| {
                let is_test = path.to_string_lossy().ends_with("_test.go");
                !(is_test && path.starts_with("spanmill_sdk"))
            });
            if language == "rust" {
                let workspace = out.join("workspace.toml");
                std::fs::write(&workspace, carried_workspace(&home)?)?;
                files.push(("vendor/spanmill/Cargo.toml".into(), workspace));
            }
            writeln!(
                code,
                "Template {{ language: {language:?}, kind: {kind:?}, files: &["
            )?;
            files.sort();
            for (path, from) in files {
                // Not the folders: what tests leave there (`__pycache__`) would have all of it built again.
                // Nor what was made just now, which is newer each time.
                if !from.starts_with(&out) {
                    println!("cargo::rerun-if-changed={}", from.display());
                }
                let bytes = std::fs::read(from)?;
                let length = bytes.len();
                let start = contents.place(bytes);
                writeln!(code, "({:?}, {start}, {length}),", path.to_string_lossy())?;
            }
            code.push_str("] },\n");
        }
    }
    code.push_str("];\n");
    std::fs::write(out.join("templates.rs"), code)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&contents.bytes)?;
    std::fs::write(out.join("templates.gz"), packed.finish()?)?;
    Ok(())
}

/// A file, or the files of a folder, and where they go.
fn collect(folder: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> std::io::Result<()> {
    if folder.is_file() {
        files.push((to.to_owned(), folder.to_owned()));
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if LEFT_OUT.contains(&&*text) || text.ends_with(".wasm") || text.ends_with(".pyc") {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &to.join(&name), files)?,
            // Of the contract, its text alone.
            false if folder.ends_with("wit") && !text.ends_with(".wit") => {}
            false => files.push((to.join(&name), entry.path())),
        }
    }
    Ok(())
}

/// The workspace that the Rust SDK's crates inherit their settings from, with no other crate in it.
fn carried_workspace(home: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(home.join("Cargo.toml"))?;
    println!(
        "cargo::rerun-if-changed={}",
        home.join("Cargo.toml").display()
    );
    let members = "members = [\"sdk/rust\", \"host/model\", \"host/otlp\"]";
    let mut workspace = String::new();
    for line in text.lines() {
        if line.starts_with("[profile") {
            break;
        }
        let path = line
            .split_once("path = \"")
            .and_then(|(_, rest)| rest.split_once('"'));
        let is_carried =
            path.is_none_or(|(path, _)| ["sdk/rust", "host/model", "host/otlp"].contains(&path));
        match line {
            line if line.starts_with("members") => workspace.push_str(members),
            line if line.starts_with("default-members")
                || line.starts_with("exclude")
                || !is_carried =>
            {
                continue;
            }
            line => workspace.push_str(line),
        }
        workspace.push('\n');
    }
    Ok(workspace)
}
