//! How the service, a pipeline or a component fares, in the Collector's words.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::status_config::Unhealthy;
use crate::health::{ComponentFault, Health, Phase, PipelineOutline};

/// What the Collector calls it, `StatusOK` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Starting,
    Ok,
    RecoverableError,
    Stopping,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Starting => "StatusStarting",
            Status::Ok => "StatusOK",
            Status::RecoverableError => "StatusRecoverableError",
            Status::Stopping => "StatusStopping",
        }
    }

    /// Whether requests are taken.
    pub fn is_serving(self) -> bool {
        matches!(self, Status::Ok | Status::RecoverableError)
    }
}

/// How something fares, and what it is made of.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub status: Status,
    pub is_healthy: bool,
    /// For how long it has been so; with a fault, that of the oldest.
    lasted: Duration,
    error: Option<String>,
    parts: BTreeMap<String, Report>,
}

impl Report {
    /// How the whole service fares, and each pipeline and component.
    pub fn of(health: &Health, unhealthy: Unhealthy) -> Report {
        let (pipelines, faults) = health.pipelines();
        let uptime = health
            .uptime()
            .map_or(Duration::ZERO, |uptime| uptime.lasted);
        let usual = match health.phase() {
            Phase::Starting => Status::Starting,
            Phase::Ready => Status::Ok,
            Phase::Ending => Status::Stopping,
        };
        let whole = Reporter {
            usual,
            uptime,
            unhealthy,
            faults: &faults,
        };
        let reports = pipelines.iter().map(|pipeline| {
            let key = format!("pipeline:{}", pipeline.pipeline);
            (key, whole.pipeline(pipeline))
        });
        whole.joined(reports.collect())
    }

    /// One pipeline of the service.
    pub fn pipeline(&self, pipeline: &str) -> Option<&Report> {
        self.parts.get(&format!("pipeline:{pipeline}"))
    }

    /// The names of the pipelines, and how each fares.
    pub fn pipelines(&self) -> impl Iterator<Item = (&str, &Report)> {
        let parts = self.parts.iter();
        parts.filter_map(|(key, report)| Some((key.strip_prefix("pipeline:")?, report)))
    }

    /// The HTTP status that says so.
    pub fn http_status(&self) -> http::StatusCode {
        match (self.is_healthy, self.status.is_serving()) {
            (_, false) => http::StatusCode::SERVICE_UNAVAILABLE,
            (false, true) => http::StatusCode::INTERNAL_SERVER_ERROR,
            (true, true) => http::StatusCode::OK,
        }
    }

    /// As the Collector writes it; with `verbose`, what it is made of too.
    pub fn json(&self, start: Option<Timestamp>, verbose: bool) -> Value {
        let now = Timestamp::now();
        let lasted = SignedDuration::try_from(self.lasted).unwrap_or(SignedDuration::ZERO);
        let since = now.checked_sub(lasted).unwrap_or(now);
        let mut json = Map::new();
        if let Some(start) = start {
            json.insert("start_time".to_owned(), json!(start.to_string()));
        }
        json.insert("healthy".to_owned(), json!(self.is_healthy));
        json.insert("status".to_owned(), json!(self.status.name()));
        if let Some(error) = &self.error {
            json.insert("error".to_owned(), json!(error));
        }
        json.insert("status_time".to_owned(), json!(since.to_string()));
        if verbose && !self.parts.is_empty() {
            let parts = self.parts.iter();
            let parts: Map<String, Value> = parts
                .map(|(key, part)| (key.clone(), part.json(None, true)))
                .collect();
            json.insert("components".to_owned(), Value::Object(parts));
        }
        Value::Object(json)
    }
}

struct Reporter<'a> {
    usual: Status,
    uptime: Duration,
    unhealthy: Unhealthy,
    faults: &'a BTreeMap<String, ComponentFault>,
}

impl Reporter<'_> {
    fn pipeline(&self, pipeline: &PipelineOutline) -> Report {
        let components = pipeline.components.iter();
        self.joined(
            components
                .map(|component| (component.clone(), self.component(component)))
                .collect(),
        )
    }

    fn component(&self, component: &str) -> Report {
        let fault = self
            .faults
            .get(component)
            .filter(|_| self.usual == Status::Ok);
        let Some(fault) = fault else {
            return self.joined(BTreeMap::new());
        };
        let after = self.unhealthy.after;
        Report {
            status: Status::RecoverableError,
            is_healthy: after.is_none_or(|after| fault.lasted < after),
            lasted: fault.lasted,
            error: Some(fault.what.clone()),
            parts: BTreeMap::new(),
        }
    }

    /// What is made of these: the oldest fault among them is its own.
    fn joined(&self, parts: BTreeMap<String, Report>) -> Report {
        let faulty = parts
            .values()
            .filter(|part| part.status == Status::RecoverableError)
            .max_by_key(|part| part.lasted);
        let (status, lasted) = match faulty {
            Some(oldest) => (Status::RecoverableError, oldest.lasted),
            None => (self.usual, self.uptime),
        };
        Report {
            status,
            is_healthy: parts.values().all(|part| part.is_healthy),
            lasted,
            error: faulty.and_then(|part| part.error.clone()),
            parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::Faults;

    struct Failing(u64);

    impl Faults for Failing {
        fn faults(&self) -> BTreeMap<String, ComponentFault> {
            let fault = ComponentFault {
                what: "down".to_owned(),
                lasted: Duration::from_secs(self.0),
            };
            BTreeMap::from([("exporter:otlp".to_owned(), fault)])
        }
    }

    fn health() -> Health {
        let health = Health::default();
        let outline = |pipeline: &str, components: &[&str]| PipelineOutline {
            pipeline: pipeline.to_owned(),
            components: components.iter().map(|&id| id.to_owned()).collect(),
        };
        health.set_pipelines(vec![
            outline("traces", &["receiver:otlp", "exporter:otlp"]),
            outline("logs", &["receiver:otlp", "exporter:debug"]),
        ]);
        health
    }

    #[test]
    fn a_fault_is_that_of_its_pipeline_and_the_service_and_unhealthy_once_it_has_lasted() {
        let health = health();
        let unhealthy = |seconds| Unhealthy {
            after: Some(Duration::from_secs(seconds)),
        };
        let report = Report::of(&health, Unhealthy { after: None });
        assert_eq!(report.status, Status::Starting);
        assert_eq!(report.http_status(), 503);
        health.set_ready();
        assert_eq!(Report::of(&health, unhealthy(0)).http_status(), 200);
        health.watch(Arc::new(Failing(60)));
        for (after, status) in [(None, 200), (Some(61), 200), (Some(60), 500)] {
            let unhealthy = Unhealthy {
                after: after.map(Duration::from_secs),
            };
            let report = Report::of(&health, unhealthy);
            assert_eq!(report.status, Status::RecoverableError);
            assert_eq!(report.http_status(), status);
            assert_eq!(report.pipeline("logs").unwrap().http_status(), 200);
            let traces = report.pipeline("traces").unwrap().json(None, true);
            assert_eq!(traces["error"], "down");
            assert_eq!(traces["components"]["receiver:otlp"]["status"], "StatusOK");
            assert!(report.pipeline("metrics").is_none());
        }
        health.set_ending();
        let report = Report::of(&health, unhealthy(0));
        assert_eq!((report.status, report.is_healthy), (Status::Stopping, true));
        assert_eq!(report.http_status(), 503);
    }
}
