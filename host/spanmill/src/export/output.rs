//! Where debug exporters write.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Where debug exporters write. Clones write to the same place.
#[derive(Clone)]
pub struct DebugOutput {
    pub(super) writer: Arc<Mutex<dyn Write + Send>>,
    pub(super) colour: bool,
}

impl DebugOutput {
    /// Writes to `writer`; with ANSI colours only if `colour` says so.
    pub fn new(writer: impl Write + Send + 'static, colour: bool) -> Self {
        Self {
            writer: Arc::new(Mutex::new(writer)),
            colour,
        }
    }
}

impl fmt::Debug for DebugOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DebugOutput")
            .field("colour", &self.colour)
            .finish_non_exhaustive()
    }
}
