//! What is noted, and when.

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::*;

/// What the history holds whenever a line is logged.
struct Reader {
    history: Arc<History>,
    read: Arc<Mutex<Vec<Vec<String>>>>,
}

impl<S: Subscriber> Layer<S> for Reader {
    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        let events = self.history.events().into_iter();
        lock(&self.read).push(events.map(|event| event.message).collect());
    }
}

#[test]
fn whoever_reads_the_log_finds_the_event_noted() {
    let history = Arc::new(History::default());
    let read = Arc::new(Mutex::new(Vec::new()));
    let reader = Reader {
        history: Arc::clone(&history),
        read: Arc::clone(&read),
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(reader), || {
        history.event(EventKind::Swap, Vec::new(), "swapped".to_owned());
        history.event(EventKind::Rollback, Vec::new(), "rolled back".to_owned());
    });
    assert_eq!(
        *lock(&read),
        [vec!["swapped"], vec!["swapped", "rolled back"]]
    );
}

#[test]
fn only_the_latest_events_are_remembered() {
    let history = History::default();
    for number in 0..=EVENTS {
        history.event(EventKind::Reload, Vec::new(), number.to_string());
    }
    let events = history.events();
    assert_eq!(events.len(), EVENTS);
    assert_eq!(
        events.first().map(|event| event.message.as_str()),
        Some("1")
    );
}
