//! Generated from the WIT. All kinds of plugin stand in one world, so that they share their types.
#![allow(
    missing_docs,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

wasmtime::component::bindgen!({
    path: "../../wit",
    inline: "
        package spanmill:host;
        world host {
            import spanmill:plugin/log@0.1.0;
            import spanmill:plugin/counters@0.1.0;
            export spanmill:plugin/processor@0.1.0;
            export spanmill:plugin/connector@0.1.0;
            export spanmill:plugin/record-connector@0.1.0;
            export spanmill:plugin/router@0.1.0;
            export spanmill:plugin/ticker@0.1.0;
            export spanmill:plugin/holder@0.1.0;
            export spanmill:plugin/reasons@0.1.0;
            export spanmill:plugin/grouper@0.1.0;
            export spanmill:plugin/state@0.1.0;
            export spanmill:plugin/about@0.1.0;
        }
    ",
    ownership: Borrowing { duplicate_if_necessary: true },
});
