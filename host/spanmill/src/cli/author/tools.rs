//! Where the tools of each language come from.

/// What to do about a program that is not there.
pub(super) fn hint(program: &str) -> &'static str {
    match program.rsplit('/').next().unwrap_or(program) {
        "cargo" | "rustc" | "rustup" => {
            "install Rust with rustup, https://rustup.rs, then run `rustup target add wasm32-wasip2`"
        }
        "node" | "npm" | "npx" => "install Node.js 20 or newer, https://nodejs.org",
        "tsc" | "componentize-js" | "jco" | "esbuild" | "rolldown" => {
            "run `npm ci` in the plugin's folder"
        }
        "python3" | "python" => "install Python 3.10 or newer, with venv",
        "componentize-py" => {
            "run `python3 -m venv .venv && .venv/bin/pip install -r requirements.txt` in the plugin's folder"
        }
        "go" => "install Go 1.24 or newer, https://go.dev/dl",
        "clang" | "clang++" | "wasm-ld" | "wasm-ld-14" => {
            "install clang, lld, wasi-libc and libclang-rt-dev-wasm32, which are packages of Debian and Ubuntu"
        }
        "make" => "install GNU make",
        "bash" | "sh" => "install a shell",
        _ => "install it, or change `build` in plugin.yaml",
    }
}
