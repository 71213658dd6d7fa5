//! `componentize in.wasm -o out.wasm`: a core module made a plugin.

use std::path::PathBuf;
use std::process::ExitCode;

use spanmill_componentize::{World, componentize};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            use std::io::Write;
            // Nothing is left to be done if even this fails.
            drop(writeln!(std::io::stderr(), "componentize: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args_os().skip(1);
    let (input, output) = match (
        arguments.next(),
        arguments.next(),
        arguments.next(),
        arguments.next(),
    ) {
        (Some(input), Some(flag), Some(output), None) if flag == "-o" => {
            (PathBuf::from(input), PathBuf::from(output))
        }
        _ => return Err("usage: componentize CORE.wasm -o COMPONENT.wasm".to_owned()),
    };
    let core = std::fs::read(&input).map_err(|error| format!("{}: {error}", input.display()))?;
    let component = componentize(&core, &World::Exported)
        .map_err(|error| format!("{}: {error}", input.display()))?;
    std::fs::write(&output, component).map_err(|error| format!("{}: {error}", output.display()))
}
