//! Spanmill with the built-in plugins linked in instead of run as WebAssembly; everything else, the command line
//! included, is the product's own. Beside it stands what the sandbox costs.

use std::process::ExitCode;

use spanmill_benches::native::{connector, processor};
use spanmill_runtime::native::{Configure, register};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let plugins: [(&str, Configure); 7] = [
        ("attributes", processor::<spanmill_attributes::Attributes>),
        ("filter", processor::<spanmill_filter::Filter>),
        (
            "probabilistic_sampler",
            processor::<spanmill_probabilistic_sampler::ProbabilisticSampler>,
        ),
        ("redaction", processor::<spanmill_redaction::Redaction>),
        ("resource", processor::<spanmill_resource::Resource>),
        (
            "spanmetrics",
            connector::<spanmill_spanmetrics::SpanMetrics>,
        ),
        ("transform", processor::<spanmill_transform::Transform>),
    ];
    register(plugins);
    spanmill::cli::main()
}
