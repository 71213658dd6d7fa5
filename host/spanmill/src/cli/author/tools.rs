//! The tools of each language: which a command needs, and where they come from.

use std::path::Path;

/// The program that a command needs: not `env` and what it sets, nor the shell that runs a line.
pub(super) fn program(command: &[String]) -> Option<&str> {
    let mut words = command
        .iter()
        .map(String::as_str)
        .skip_while(|word| *word == "env" || word.contains('='));
    let first = words.next()?;
    match (first, words.next()) {
        ("sh" | "bash", Some("-c")) => words.next()?.split_whitespace().next(),
        _ => Some(first),
    }
}

/// Whether a program can be run in a folder: by its path, or as one of those in `PATH`.
pub(super) fn is_there(program: &str, folder: &Path) -> bool {
    if program.contains('/') {
        return folder.join(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What to do about a program that is not there.
///
/// `None` for a program that is not one of a language's tools: what runs it says what is wrong.
pub(super) fn hint(program: &str) -> Option<&'static str> {
    let hint = match program.rsplit('/').next().unwrap_or(program) {
        "cargo" | "rustc" | "rustup" => {
            "install Rust with rustup, https://rustup.rs, then run `rustup target add wasm32-wasip2`"
        }
        "node" | "npm" | "npx" => "install Node.js 20 or newer, https://nodejs.org",
        "python3" | "python" => "install Python 3.11 or newer, with venv",
        "go" => "install Go 1.26 or newer, https://go.dev/dl",
        "clang" | "clang++" => {
            "install clang, lld, wasi-libc and libclang-rt-dev-wasm32, which are packages of Debian and Ubuntu"
        }
        _ => return None,
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn the_program_that_a_command_needs() {
        for (command, needed) in [
            (&["cargo", "build"][..], Some("cargo")),
            (&["env", "GOOS=wasip1", "go", "build"], Some("go")),
            (
                &["sh", "-c", "clang-that-is-there -o a b"],
                Some("clang-that-is-there"),
            ),
            (&["sh", "build.sh"], Some("sh")),
            (&["env"], None),
        ] {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(program(&command), needed);
        }
    }
}
