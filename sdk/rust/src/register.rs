//! The macros that make a plugin the component's export.

/// Makes a [`Processor`](crate::Processor) the component's export. Outside WebAssembly it expands to nothing,
/// so that the crate links natively, into tests or beside other plugins.
///
/// `register_processor!(MyPlugin, state, about, ticker, holder, reasons, grouper)` exports [`State`](crate::State),
/// [`About`](crate::About), [`Ticker`](crate::Ticker), [`Holder`](crate::Holder), [`Reasons`](crate::Reasons) and [`Grouper`](crate::Grouper) as well, which `MyPlugin`
/// must then implement; each of the words can be left out. Without `state` its instances start anew at each swap.
///
/// A plugin that has several roles registers a type for each; `about` stands with one of them, and `state` too.
#[macro_export]
macro_rules! register_processor {
    ($plugin:ty $(, $optional:ident)*) => {
        $crate::register!(
            $plugin,
            $plugin,
            (),
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
            $plugin,
            (),
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

/// Makes a [`RecordConnector`](crate::RecordConnector) the component's export, with its [`State`](crate::State) and
/// [`About`](crate::About) if they are named; as [`register_processor!`].
#[macro_export]
macro_rules! register_record_connector {
    ($plugin:ty $(, $optional:ident)*) => {
        $crate::register!(
            $plugin,
            $crate::guest::Recording<$plugin>,
            (),
            record_connector_world,
            record_connector,
            export_record_connector,
            configure_record_connector,
            run_record_connector,
            RecordContract,
            Records
            $(, $optional)*
        );
    };
}

/// Makes a [`Router`](crate::Router) the component's export, with its [`State`](crate::State) and
/// [`About`](crate::About) if they are named; as [`register_processor!`].
#[macro_export]
macro_rules! register_router {
    ($plugin:ty $(, $optional:ident)*) => {
        $crate::register!(
            $plugin,
            $plugin,
            (signal: wit::Signal, pipelines: Vec<String>),
            router_world,
            router,
            export_router,
            configure_router,
            run_router,
            Contract,
            Routes
            $(, $optional)*
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! register {
    (
        $plugin:ty, $configured:ty, ($($argument:ident: $type:ty),*), $world:ident, $interface:ident, $export:ident,
        $configure:ident, $run:ident, $declared:ident, $result:ident $(, $optional:ident)*
    ) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::$world::exports::spanmill::plugin::$interface as wit;

            thread_local! {
                static PLUGIN: std::cell::RefCell<Option<$configured>> = const { std::cell::RefCell::new(None) };
            }

            struct Component;

            impl wit::Guest for Component {
                fn configure(
                    settings: String
                    $(, $argument: $type)*
                ) -> Result<wit::$declared, wit::ConfigError> {
                    let (plugin, declared) =
                        $crate::guest::$configure::<$plugin>(&settings $(, $argument)*)?;
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

/// What `, state`, `, about` and `, ticker` add. They ask the plugin that the other export keeps in its slot.
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
    (holder, $plugin:ty, $component:ident, $slot:ident) => {
        use $crate::guest::holder_world::exports::spanmill::plugin::holder as holder_wit;

        impl holder_wit::Guest for $component {
            fn sees_released() -> bool {
                $slot.with(|slot| $crate::guest::sees_released(slot.borrow().as_ref()))
            }

            fn released(
                batch: holder_wit::Batch,
            ) -> Result<holder_wit::Outcome, holder_wit::PluginError> {
                $slot.with(|slot| $crate::guest::released(slot.borrow_mut().as_mut(), batch))
            }

            fn is_full() -> bool {
                $slot.with(|slot| $crate::guest::is_full(slot.borrow().as_ref()))
            }
        }

        $crate::guest::holder_world::export_holder!($component with_types_in $crate::guest::holder_world);
    };
    (reasons, $plugin:ty, $component:ident, $slot:ident) => {
        use $crate::guest::reasons_world::exports::spanmill::plugin::reasons as reasons_wit;

        impl reasons_wit::Guest for $component {
            fn explain(on: bool) {
                $slot.with(|slot| $crate::guest::explain(slot.borrow_mut().as_mut(), on));
            }

            fn why() -> reasons_wit::AppliedRules {
                $slot.with(|slot| $crate::guest::why(slot.borrow_mut().as_mut()))
            }
        }

        $crate::guest::reasons_world::export_reasons!($component with_types_in $crate::guest::reasons_world);
    };
    (grouper, $plugin:ty, $component:ident, $slot:ident) => {
        use $crate::guest::grouper_world::exports::spanmill::plugin::grouper as grouper_wit;

        impl grouper_wit::Guest for $component {
            fn groups_rows() -> bool {
                $slot.with(|slot| $crate::guest::groups_rows(slot.borrow().as_ref()))
            }

            fn group() -> grouper_wit::Groups {
                $slot.with(|slot| $crate::guest::group(slot.borrow_mut().as_mut()))
            }
        }

        $crate::guest::grouper_world::export_grouper!($component with_types_in $crate::guest::grouper_world);
    };
    (ticker, $plugin:ty, $component:ident, $slot:ident) => {
        use $crate::guest::ticker_world::exports::spanmill::plugin::ticker as ticker_wit;

        impl ticker_wit::Guest for $component {
            fn tick(
                now_unix_nano: u64,
                ending: bool,
            ) -> Result<ticker_wit::Decisions, ticker_wit::PluginError> {
                $slot.with(|slot| {
                    $crate::guest::tick(slot.borrow_mut().as_mut(), now_unix_nano, ending)
                })
            }

            fn review(batch: ticker_wit::Batch) -> Result<(), ticker_wit::PluginError> {
                $slot.with(|slot| $crate::guest::review(slot.borrow_mut().as_mut(), batch))
            }
        }

        $crate::guest::ticker_world::export_ticker!($component with_types_in $crate::guest::ticker_world);
    };
}
