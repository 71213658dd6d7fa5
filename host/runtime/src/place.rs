//! Where a guest was when it was stopped: the functions that its component names, or the lines of the script that its
//! interpreter ran.

mod frame;
mod python;

use wasmtime::{AsContext, Error, WasmBacktrace, WasmCoreDump};

use frame::Frame;

use crate::error::words;

/// The most functions of a component that a place names: an author's own may stand below several of their language's runtime
/// (writing to a map takes four in Go).
const FUNCTIONS: usize = 8;

/// Where it was, innermost first: ` in spin, called by process`. Empty if nothing tells.
pub(crate) fn place(error: &Error, store: impl AsContext) -> String {
    let mut calls = script(error, store);
    if calls.is_empty() {
        calls = functions(error);
    }
    match calls.is_empty() {
        true => String::new(),
        false => format!(" in {}", calls.join(", called by ")),
    }
}

/// The calls of a script, as its interpreter's memory has them.
fn script(error: &Error, store: impl AsContext) -> Vec<String> {
    let Some(dump) = error.downcast_ref::<WasmCoreDump>() else {
        return Vec::new();
    };
    let store = store.as_context();
    let found = dump
        .memories()
        .iter()
        .map(|memory| python::frames(memory.data(&store)));
    let frames = found.into_iter().find(|frames| !frames.is_empty());
    frames.iter().flatten().map(Frame::to_string).collect()
}

fn functions(error: &Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let names = trace.frames().iter().filter_map(|frame| frame.func_name());
    // Rust's linker leaves names mangled, unlike clang's; without the hash they are those of the source.
    let demangled = |name| words(&format!("{:#}", rustc_demangle::demangle(name)));
    names.take(FUNCTIONS).map(demangled).collect()
}

/// What went wrong and why, in the words of the runtime and of the guest. An error that has a dump would put that first.
pub(crate) fn causes(error: &Error) -> String {
    let causes = error.chain().skip(usize::from(error.is::<WasmCoreDump>()));
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}
