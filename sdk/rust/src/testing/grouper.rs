//! The test kit for processors that put rows under other resources.

use super::Kit;
use crate::guest;
use crate::{ConfigError, Grouper, Processor};

impl<P: Processor + Grouper> Kit<P> {
    /// Configures a processor that puts rows under other resources: what [`Kit::run`] returns is put together as it says.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`. A contract that no host would take panics.
    pub fn grouping(settings: serde_json::Value) -> Result<Self, ConfigError> {
        let mut kit = Self::configured(settings, false)?;
        if guest::groups_rows(Some(&kit.plugin)) {
            let writes = &kit.contract.writes;
            assert!(
                writes.iter().any(|path| path == "resource.attributes"),
                "a plugin that groups rows declares that it writes resource.attributes"
            );
            kit.group = Some(|plugin| guest::group(Some(plugin)));
        }
        Ok(kit)
    }
}
