//! What strangers are shown, for a moment the same to all of them: however often they ask, it is put together a few times a
//! second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::overview::Overview;

/// How long it is shown.
const LASTS: Duration = Duration::from_millis(200);

/// The last overview for strangers, as JSON.
#[derive(Default)]
pub(super) struct Glance(Mutex<Option<(Instant, Bytes)>>);

impl Glance {
    /// The overview of this moment, or of one that has just been.
    pub(super) fn of(&self, overview: impl FnOnce() -> Overview) -> Bytes {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, bytes)) if at.elapsed() < LASTS => bytes.clone(),
            _ => {
                // Texts and numbers always serialise.
                let bytes = Bytes::from(serde_json::to_vec(&overview()).unwrap_or_default());
                *last = Some((Instant::now(), bytes.clone()));
                bytes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overview::{Access, Layout, ServiceState};
    use crate::report::ServiceStatus;

    #[test]
    fn who_asks_at_once_is_shown_the_same() {
        let glance = Glance::default();
        let mut made = 0;
        let mut ask = || {
            glance.of(|| {
                made += 1;
                let layout = Layout {
                    state: ServiceState::Ready,
                    ready_since: Some(made.to_string()),
                    pipelines: Vec::new(),
                };
                let status = ServiceStatus {
                    receivers: Vec::new(),
                    exporters: Vec::new(),
                    lost: Vec::new(),
                };
                Overview::new(Access::Overview, layout, status, Vec::new())
            })
        };
        let asked = Instant::now();
        let first = ask();
        let mut same = 1;
        while ask() == first {
            same += 1;
        }
        assert!(asked.elapsed() >= LASTS);
        assert!(same > 1);
        assert_eq!(made, 2);
    }
}
