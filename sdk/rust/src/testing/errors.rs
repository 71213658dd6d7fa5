//! What a plugin answered instead of an outcome.

use crate::guest::contract_wit;
use crate::{ConfigError, PluginError, Problem};

pub(super) fn config_error(error: contract_wit::ConfigError) -> ConfigError {
    match error {
        contract_wit::ConfigError::Settings(problems) => ConfigError::Settings(
            problems
                .into_iter()
                .map(|problem| Problem {
                    path: problem.path,
                    message: problem.message,
                })
                .collect(),
        ),
        contract_wit::ConfigError::Unavailable(why) => ConfigError::Unavailable(why),
    }
}

pub(super) fn plugin_error(error: contract_wit::PluginError) -> PluginError {
    match error {
        contract_wit::PluginError::Batch(why) => PluginError::Batch(why),
        contract_wit::PluginError::State(why) => PluginError::State(why),
        contract_wit::PluginError::NotConfigured => PluginError::State("not configured".to_owned()),
    }
}
