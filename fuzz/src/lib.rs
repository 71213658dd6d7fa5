//! What the targets share. There is one for each signal and each of two questions: what is a request (`request`), and
//! what becomes of one that any outcome is applied to (`outcome`). And one for statements (`ottl`).

pub mod export;
pub mod ottl;
pub mod outcome;
pub mod request;
pub mod seeds;

use std::cell::RefCell;
use std::sync::Arc;

use spanmill_model::{Context, FIELDS, Field};
use spanmill_otlp::{Projection, StageContract, Workspace};

/// The attributes of every context, those of one key, and the fields that `include` picks.
fn paths(include: impl Fn(&Field) -> bool) -> Vec<String> {
    let mut paths = Vec::new();
    for context in Context::ALL {
        let (prefix, attributes) = (context.prefix(), context.attributes());
        paths.push(format!("{prefix}.{attributes}"));
        paths.push(format!("{prefix}.{attributes}[\"k1\"]"));
        let fields = FIELDS.iter().filter(|field| field.context == context);
        let picked = fields.filter(|field| include(field));
        paths.extend(picked.map(|field| format!("{prefix}.{}", field.name)));
    }
    paths
}

/// What the second stage reads and writes, which is less: most texts are hidden from it.
const FEW: [&str; 6] = [
    "span.name",
    "span.attributes[\"k1\"]",
    "log.body",
    "log.attributes[\"k1\"]",
    "metric.name",
    "datapoint.attributes[\"k1\"]",
];

/// How many fields each stage writes.
pub fn written() -> [u32; 2] {
    let all = paths(|field| field.writable);
    [all.len() as u32, FEW.len() as u32]
}

/// Runs something over the memory of a chain: a stage that sees everything, and one that sees little. The
/// memory is kept, so that what one input leaves behind can be found by the next.
pub fn with_workspace<T>(run: impl FnOnce(&mut Workspace) -> T) -> T {
    thread_local!(static WORKSPACE: RefCell<Workspace> = RefCell::new(workspace()));
    WORKSPACE.with(|workspace| run(&mut workspace.borrow_mut()))
}

fn workspace() -> Workspace {
    let wide = StageContract::parse(&paths(|_| true), &paths(|field| field.writable)).unwrap();
    let few = FEW.map(str::to_owned);
    let narrow = StageContract::parse(&few, &few).unwrap();
    let projection = Projection::new(vec![wide, narrow], &Workspace::span_id_paths()).unwrap();
    Workspace::new(Arc::new(projection))
}

/// Puts inputs into the folder that the command line names, which the fuzzer reads next.
pub fn plant(inputs: impl Iterator<Item = Vec<u8>>) {
    let folder = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let Some(folder) = folder
        .map(std::path::PathBuf::from)
        .filter(|path| path.is_dir())
    else {
        return;
    };
    for (number, input) in inputs.enumerate() {
        // A folder that cannot be written to only makes the start slower.
        let _ = std::fs::write(folder.join(format!("seed-{number}")), input);
    }
}
