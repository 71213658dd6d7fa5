//! The macros that make a plugin the component's export.

/// Makes a [`Processor`](crate::Processor) the component's export. Outside WebAssembly it expands to nothing,
/// so that the crate links natively, into tests or beside other plugins.
///
/// `register_processor!(MyPlugin, state, about)` exports [`State`](crate::State) and [`About`](crate::About) as well, which
/// `MyPlugin` must then implement; each of the two words can be left out. Without `state` its instances start anew at each
/// swap.
#[macro_export]
macro_rules! register_processor {
    ($plugin:ty $(, $optional:ident)*) => {
        $crate::register!(
            $plugin,
            processor_world,
            processor,
            export_processor,
            configure_processor,
            run_processor,
            Contract,
            Outcome
            $(, $optional)*
        );
    };
}

/// Makes a [`Connector`](crate::Connector) the component's export, with its [`State`](crate::State) and
/// [`About`](crate::About) if they are named; as [`register_processor!`].
#[macro_export]
macro_rules! register_connector {
    ($plugin:ty $(, $optional:ident)*) => {
        $crate::register!(
            $plugin,
            connector_world,
            connector,
            export_connector,
            configure_connector,
            run_connector,
            ConnectorContract,
            Emission
            $(, $optional)*
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! register {
    (
        $plugin:ty, $world:ident, $interface:ident, $export:ident, $configure:ident, $run:ident,
        $declared:ident, $result:ident $(, $optional:ident)*
    ) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::$world::exports::spanmill::plugin::$interface as wit;

            thread_local! {
                static PLUGIN: std::cell::RefCell<Option<$plugin>> = const { std::cell::RefCell::new(None) };
            }

            struct Component;

            impl wit::Guest for Component {
                fn configure(settings: String) -> Result<wit::$declared, wit::ConfigError> {
                    let (plugin, declared) = $crate::guest::$configure::<$plugin>(&settings)?;
                    PLUGIN.with(|slot| *slot.borrow_mut() = Some(plugin));
                    Ok(declared)
                }

                fn process(batch: wit::Batch) -> Result<wit::$result, wit::PluginError> {
                    PLUGIN.with(|slot| $crate::guest::$run(slot.borrow_mut().as_mut(), batch))
                }
            }

            $crate::guest::$world::$export!(Component with_types_in $crate::guest::$world);
            $($crate::register_optional!($optional, $plugin, Component, PLUGIN);)*
        };
    };
}

/// What `, state` and `, about` add. `state` asks the plugin that the other export keeps in its slot.
#[doc(hidden)]
#[macro_export]
macro_rules! register_optional {
    (about, $plugin:ty, $component:ident, $slot:ident) => {
        use $crate::guest::about_world::exports::spanmill::plugin::about as about_wit;

        impl about_wit::Guest for $component {
            fn describe() -> about_wit::Description {
                $crate::guest::describe::<$plugin>()
            }
        }

        $crate::guest::about_world::export_about!($component with_types_in $crate::guest::about_world);
    };
    (state, $plugin:ty, $component:ident, $slot:ident) => {
        use $crate::guest::state_world::exports::spanmill::plugin::state as state_wit;

        impl state_wit::Guest for $component {
            fn snapshot() -> state_wit::SavedState {
                $slot.with(|slot| $crate::guest::take_snapshot(slot.borrow().as_ref()))
            }

            fn restore(saved: state_wit::SavedState) -> Result<(), state_wit::RestoreError> {
                $slot.with(|slot| $crate::guest::restore(slot.borrow_mut().as_mut(), saved))
            }
        }

        $crate::guest::state_world::export_state!($component with_types_in $crate::guest::state_world);
    };
}
