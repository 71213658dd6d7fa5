//! Bindings of the worlds that a plugin may be built against. What they import is bound once.

/// Bindings of the `processor-plugin` world.
#[allow(missing_docs)]
pub mod processor_world {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "processor-plugin",
        pub_export_macro: true,
        export_macro_name: "export_processor",
        default_bindings_module: "spanmill_sdk::guest::processor_world",
        generate_all,
    });
}

/// Bindings of the `connector-plugin` world.
#[allow(missing_docs)]
pub mod connector_world {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "connector-plugin",
        pub_export_macro: true,
        export_macro_name: "export_connector",
        default_bindings_module: "spanmill_sdk::guest::connector_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
            "spanmill:plugin/contract@0.1.0": crate::guest::processor_world::spanmill::plugin::contract,
            "spanmill:plugin/log@0.1.0": crate::guest::processor_world::spanmill::plugin::log,
            "spanmill:plugin/counters@0.1.0": crate::guest::processor_world::spanmill::plugin::counters,
        },
        generate_all,
    });
}

/// Bindings of `about`, in a world of its own; as those of `state`.
#[allow(missing_docs)]
pub mod about_world {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:sdk;
            world about-plugin { export spanmill:plugin/about@0.1.0; }
        ",
        world: "spanmill:sdk/about-plugin",
        pub_export_macro: true,
        export_macro_name: "export_about",
        default_bindings_module: "spanmill_sdk::guest::about_world",
        generate_all,
    });
}

/// Bindings of `state`, in a world of its own. The linker joins it with one of the first two into the plugin's world.
/// The contract's `stateful-` worlds are not bound themselves: two worlds of one crate cannot offer the same export,
/// since the macros for it would have one name.
#[allow(missing_docs)]
pub mod state_world {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:sdk;
            world state-plugin { export spanmill:plugin/state@0.1.0; }
        ",
        world: "spanmill:sdk/state-plugin",
        pub_export_macro: true,
        export_macro_name: "export_state",
        default_bindings_module: "spanmill_sdk::guest::state_world",
        generate_all,
    });
}

/// Bindings of the `record-connector-plugin` world.
#[allow(missing_docs)]
pub mod record_connector_world {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "record-connector-plugin",
        pub_export_macro: true,
        export_macro_name: "export_record_connector",
        default_bindings_module: "spanmill_sdk::guest::record_connector_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
            "spanmill:plugin/contract@0.1.0": crate::guest::processor_world::spanmill::plugin::contract,
            "spanmill:plugin/log@0.1.0": crate::guest::processor_world::spanmill::plugin::log,
            "spanmill:plugin/counters@0.1.0": crate::guest::processor_world::spanmill::plugin::counters,
        },
        generate_all,
    });
}

/// Bindings of the `router-plugin` world.
#[allow(missing_docs)]
pub mod router_world {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "router-plugin",
        pub_export_macro: true,
        export_macro_name: "export_router",
        default_bindings_module: "spanmill_sdk::guest::router_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
            "spanmill:plugin/contract@0.1.0": crate::guest::processor_world::spanmill::plugin::contract,
            "spanmill:plugin/log@0.1.0": crate::guest::processor_world::spanmill::plugin::log,
            "spanmill:plugin/counters@0.1.0": crate::guest::processor_world::spanmill::plugin::counters,
        },
        generate_all,
    });
}

/// Bindings of `holder`, in a world of its own; as those of `state`.
#[allow(missing_docs)]
pub mod holder_world {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:sdk;
            world holder-plugin { export spanmill:plugin/holder@0.1.0; }
        ",
        world: "spanmill:sdk/holder-plugin",
        pub_export_macro: true,
        export_macro_name: "export_holder",
        default_bindings_module: "spanmill_sdk::guest::holder_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
            "spanmill:plugin/contract@0.1.0": crate::guest::processor_world::spanmill::plugin::contract,
        },
        generate_all,
    });
}

/// Bindings of `grouper`, in a world of its own; as those of `state`.
#[allow(missing_docs)]
pub mod grouper_world {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:sdk;
            world grouper-plugin { export spanmill:plugin/grouper@0.1.0; }
        ",
        world: "spanmill:sdk/grouper-plugin",
        pub_export_macro: true,
        export_macro_name: "export_grouper",
        default_bindings_module: "spanmill_sdk::guest::grouper_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
        },
        generate_all,
    });
}

/// Bindings of `ticker`, in a world of its own; as those of `state`.
#[allow(missing_docs)]
pub mod ticker_world {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:sdk;
            world ticker-plugin { export spanmill:plugin/ticker@0.1.0; }
        ",
        world: "spanmill:sdk/ticker-plugin",
        pub_export_macro: true,
        export_macro_name: "export_ticker",
        default_bindings_module: "spanmill_sdk::guest::ticker_world",
        with: {
            "spanmill:plugin/telemetry@0.1.0": crate::guest::processor_world::spanmill::plugin::telemetry,
            "spanmill:plugin/contract@0.1.0": crate::guest::processor_world::spanmill::plugin::contract,
        },
        generate_all,
    });
}

/// Bindings of `reasons`, in a world of its own; as those of `state`.
#[allow(missing_docs)]
pub mod reasons_world {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package spanmill:sdk;
            world reasons-plugin { export spanmill:plugin/reasons@0.1.0; }
        ",
        world: "spanmill:sdk/reasons-plugin",
        pub_export_macro: true,
        export_macro_name: "export_reasons",
        default_bindings_module: "spanmill_sdk::guest::reasons_world",
        generate_all,
    });
}
