//! Plugins that do what no plugin should, as their settings say: `behaviour`, and for some `name` and `size_mib`; the
//! second versions do what `v2` says instead, if it is there.
//! They read and write `span.name`. Answering well means that every span is called `batch N`, or `v2 batch N` by the
//! second version, where N counts the batches that this instance has seen, those before a `restore` included.
//! They stand on the bare bindings: the SDK would not let them do much of this.
//!
//! - `hostile`, `hostile_v2`: processors without state; the versions differ in nothing but the names they give.
//! - `stateful`, `stateful_v2`: the same, exporting `state`: format 1, the count as eight bytes, least first.
//! - `importer`: as `hostile`, and imports what no host grants.
//! - `hostile_roles`: a processor that holds spans, a record connector and a router, with behaviours of its own.
//! - `misnamed`: says in `about` what no plugin may be called.
//! - `sdk_processor`, `sdk_connector`: well-behaved ones with state, by way of the SDK; the former says what it is.
//!
//! Behaviours by where they stand:
//!
//! - [`configure`]: a contract, or none.
//! - `manners`: on every batch, whatever is in it.
//! - `answers` and `crimes`: on batches that have a span named `misbehave`; on others they answer well.
//! - [`snapshot`] and [`restore`]: of `stateful` only.

mod answers;
pub mod bindings;
mod crimes;
mod instance;
mod keeping;
mod manners;
mod state;

pub use instance::{configure, process};
pub use keeping::{Refusal, restore, snapshot};

/// The bindings of a world in a module `bindings`, and `Hostile`, which is the world's processor.
#[macro_export]
macro_rules! processor {
    ($version:literal, { $($world:tt)* }) => {
        mod bindings {
            wit_bindgen::generate!({
                path: "../../wit",
                $($world)*
                with: {
                    "spanmill:plugin/telemetry@0.1.0": spanmill_hostile::bindings::spanmill::plugin::telemetry,
                    "spanmill:plugin/contract@0.1.0": spanmill_hostile::bindings::spanmill::plugin::contract,
                    "spanmill:plugin/log@0.1.0": spanmill_hostile::bindings::spanmill::plugin::log,
                    "spanmill:plugin/counters@0.1.0": spanmill_hostile::bindings::spanmill::plugin::counters,
                },
                generate_all,
            });
        }

        struct Hostile;

        impl bindings::exports::spanmill::plugin::processor::Guest for Hostile {
            fn configure(
                settings: String,
            ) -> Result<
                bindings::exports::spanmill::plugin::processor::Contract,
                bindings::exports::spanmill::plugin::processor::ConfigError,
            > {
                $crate::configure($version, &settings)
            }

            fn process(
                batch: bindings::exports::spanmill::plugin::processor::Batch,
            ) -> Result<
                bindings::exports::spanmill::plugin::processor::Outcome,
                bindings::exports::spanmill::plugin::processor::PluginError,
            > {
                $crate::process($version, &batch)
            }
        }

        bindings::export!(Hostile with_types_in bindings);
    };
}

/// As [`processor!`], of the world that exports `state` too.
#[macro_export]
macro_rules! stateful_processor {
    ($version:literal) => {
        $crate::processor!($version, { world: "stateful-processor-plugin", });

        impl bindings::exports::spanmill::plugin::state::Guest for Hostile {
            fn snapshot() -> bindings::exports::spanmill::plugin::state::SavedState {
                let (format, data) = $crate::snapshot();
                bindings::exports::spanmill::plugin::state::SavedState { format, data }
            }

            fn restore(
                saved: bindings::exports::spanmill::plugin::state::SavedState,
            ) -> Result<(), bindings::exports::spanmill::plugin::state::RestoreError> {
                use bindings::exports::spanmill::plugin::state::RestoreError;
                $crate::restore(saved.format, &saved.data).map_err(|refusal| match refusal {
                    $crate::Refusal::Format => RestoreError::Format,
                    $crate::Refusal::Data(why) => RestoreError::Data(why),
                })
            }
        }
    };
}
