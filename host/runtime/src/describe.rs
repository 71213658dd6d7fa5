//! Asking a plugin what it is.

use crate::about::About;
use crate::error::LoadError;
use crate::instance::{Instance, Limits};
use crate::plugin::Plugin;

impl Plugin {
    /// What the plugin says of itself; `None` if it does not export `about`. Asks an instance of its own, which takes
    /// about as long as a start.
    ///
    /// # Errors
    ///
    /// A plugin that does not start, fails to answer, or answers with what the contract does not allow.
    pub fn about(&self) -> Result<Option<About>, LoadError> {
        if self.about.is_none() {
            return Ok(None);
        }
        let bad = |why| LoadError::About {
            name: self.name.to_string(),
            why,
        };
        let mut instance = Instance::new(self, &self.main_role(), "about", Limits::default())?;
        match instance
            .describe()
            .map_err(|fault| bad(fault.to_string()))?
        {
            None => Ok(None),
            Some(about) => about.checked().map(Some).map_err(bad),
        }
    }
}
