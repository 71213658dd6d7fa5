//! `openapi.yaml` says what is there: no more, no less.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::Server;
use super::fake::{self, Fake};
use super::schema::{Document, parse};
use crate::overview::{Access, Overview};
use crate::problem::Problem;
use crate::report::{EventKind, PluginState, ShadowState};
use crate::server::{EventList, PluginList, Verb, table};
use crate::trace_report::StepKind;
use crate::{Control as _, ControlError};
use crate::{ServiceState, StageKind};

const TEXT: &str = include_str!("../../openapi.yaml");

fn document() -> Document {
    Document::new(parse(TEXT))
}

#[test]
fn has_every_route_and_no_other() {
    let served: BTreeSet<String> = table::<Fake>()
        .iter()
        .map(|route| {
            let method = match route.verb {
                Verb::Get => "get",
                Verb::Post => "post",
                Verb::Delete => "delete",
            };
            format!("{method} {}", route.path)
        })
        .collect();
    assert_eq!(served.len(), table::<Fake>().len());
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, item) in document.0["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            if method != "parameters" {
                documented.insert(format!("{method} {path}"));
            }
        }
    }
    assert_eq!(served, documented);
}

#[tokio::test]
async fn is_served() {
    let server = Server::start(Fake::default(), None).await;
    let answer = server.request("GET", "/v1/openapi.yaml", &[], b"").await;
    assert_eq!(answer.header("content-type"), Some("application/yaml"));
    assert_eq!(answer.body, TEXT.as_bytes());
    server.stop().await;
}

#[test]
fn has_every_field_and_no_other() {
    let document = document();
    let check = |schema: &str, value: &dyn erased::Json| document.check(schema, &value.json());
    check(
        "PluginList",
        &PluginList {
            plugins: Fake::default().plugins(),
        },
    );
    check(
        "EventList",
        &EventList {
            events: Fake::default().events(),
        },
    );
    let fake = Fake::default();
    for access in [Access::Overview, Access::Full] {
        let overview = Overview::new(access, fake.layout(), fake.status(), fake.plugins());
        check("Overview", &overview);
    }
    check("ManifestReport", &fake::manifest_report());
    check("ServiceStatus", &Fake::default().status());
    check("TraceReport", &fake::trace_report());
    check("PluginStatus", &fake::status(true));
    check("PluginStatus", &fake::status(false));
    check("SwapReport", &fake::swap_report());
    check("ReloadReport", &fake::reload_report());
    check("ShadowReport", &fake::shadow_report(ShadowState::Running));
    check("ShadowReport", &fake::shadow_report(ShadowState::Ended));
    check("Event", &fake::event(EventKind::Reload));
    check(
        "Problem",
        &Problem::from(ControlError::Invalid("why".to_owned())),
    );
    let unseen = document.unseen();
    assert!(unseen.is_empty(), "schemas without an example: {unseen:?}");
}

#[test]
fn has_every_value_of_the_enums() {
    let document = document();
    let states = [
        PluginState::Running,
        PluginState::Probation,
        PluginState::Quarantined,
    ];
    for state in states {
        // A new state must be added here.
        match state {
            PluginState::Running | PluginState::Probation | PluginState::Quarantined => {}
        }
    }
    assert_eq!(document.values("PluginState"), texts(&states));
    let states = [ShadowState::Running, ShadowState::Ended];
    for state in states {
        match state {
            ShadowState::Running | ShadowState::Ended => {}
        }
    }
    assert_eq!(document.values("ShadowState"), texts(&states));
    let kinds = [
        StageKind::Receiver,
        StageKind::Host,
        StageKind::Plugin,
        StageKind::Connector,
        StageKind::Exporter,
    ];
    for kind in kinds {
        match kind {
            StageKind::Receiver
            | StageKind::Host
            | StageKind::Plugin
            | StageKind::Connector
            | StageKind::Exporter => {}
        }
    }
    assert_eq!(document.values("StageKind"), texts(&kinds));
    let states = [
        ServiceState::Starting,
        ServiceState::Ready,
        ServiceState::Ending,
    ];
    for state in states {
        match state {
            ServiceState::Starting | ServiceState::Ready | ServiceState::Ending => {}
        }
    }
    assert_eq!(document.values("ServiceState"), texts(&states));
    let all = [Access::Overview, Access::Full];
    for access in all {
        match access {
            Access::Overview | Access::Full => {}
        }
    }
    assert_eq!(document.values("Access"), texts(&all));
    let kinds = [
        EventKind::Swap,
        EventKind::Rollback,
        EventKind::ProbationPassed,
        EventKind::Reload,
        EventKind::Refused,
        EventKind::Saved,
        EventKind::ShadowStarted,
        EventKind::ShadowEnded,
    ];
    for kind in kinds {
        match kind {
            EventKind::Swap
            | EventKind::Rollback
            | EventKind::ProbationPassed
            | EventKind::Reload
            | EventKind::Refused
            | EventKind::Saved
            | EventKind::ShadowStarted
            | EventKind::ShadowEnded => {}
        }
    }
    assert_eq!(document.values("EventKind"), texts(&kinds));
    let kinds = [
        StepKind::Kept,
        StepKind::Changed,
        StepKind::Measured,
        StepKind::Recorded,
        StepKind::Routed,
        StepKind::Dropped,
        StepKind::Held,
        StepKind::Released,
        StepKind::Passed,
        StepKind::DroppedOnError,
        StepKind::Lost,
        StepKind::Refused,
        StepKind::Waiting,
        StepKind::HandingOver,
        StepKind::Left,
        StepKind::NotTaken,
    ];
    for kind in kinds {
        match kind {
            StepKind::Kept
            | StepKind::Changed
            | StepKind::Measured
            | StepKind::Recorded
            | StepKind::Routed
            | StepKind::Dropped
            | StepKind::Held
            | StepKind::Released
            | StepKind::Passed
            | StepKind::DroppedOnError
            | StepKind::Lost
            | StepKind::Refused
            | StepKind::Waiting
            | StepKind::HandingOver
            | StepKind::Left
            | StepKind::NotTaken => {}
        }
    }
    assert_eq!(document.values("StepKind"), texts(&kinds));
}

fn texts<T: Serialize>(values: &[T]) -> Vec<Value> {
    values
        .iter()
        .map(|value| serde_json::to_value(value).unwrap())
        .collect()
}

/// `Serialize` for a list of different things.
mod erased {
    use serde::Serialize;
    use serde_json::Value;

    pub trait Json {
        fn json(&self) -> Value;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> Value {
            serde_json::to_value(self).unwrap()
        }
    }
}
