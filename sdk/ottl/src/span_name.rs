//! The names that the semantic conventions give spans.

use crate::datum::Datum;
use crate::function::Input;

/// The attributes that names are made of.
pub(crate) const KEYS: [&str; 29] = [
    "http.request.method",
    "http.method",
    "http.route",
    "url.template",
    "rpc.system.name",
    "rpc.system",
    "rpc.method",
    "rpc.grpc.method",
    "rpc.service",
    "rpc.grpc.service",
    "db.system.name",
    "db.system",
    "db.query.summary",
    "db.operation.name",
    "db.operation",
    "db.namespace",
    "db.name",
    "db.collection.name",
    "db.stored_procedure.name",
    "server.address",
    "server.port",
    "messaging.system",
    "messaging.operation.name",
    "messaging.operation",
    "messaging.destination.temporary",
    "messaging.destination.anonymous",
    "messaging.destination.template",
    "messaging.destination.name",
    "messaging.destination",
];

/// Whether a version of the conventions is one of those that are known here.
pub(crate) fn knows(version: &str) -> bool {
    let version = version.trim_start_matches('v');
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([1, minor, ..]) => {
            (37..=39).contains(minor)
                || *minor == 40
                    && parts
                        .as_deref()
                        .is_some_and(|parts| parts.get(2).is_none_or(|&patch| patch == 0))
        }
        _ => false,
    }
}

/// The attributes of a span.
struct Span<'x, 'y, 'a>(&'x Input<'y, 'a>);

impl<'x> Span<'x, '_, '_> {
    fn datum(&self, key: &str) -> Option<&'x Datum<'_>> {
        let at = KEYS.iter().position(|known| *known == key)?;
        // The name and the kind come first.
        Some(self.0.value(at + 2)).filter(|datum| **datum != Datum::Nil)
    }

    /// The text of the first of some attributes that is there.
    fn get(&self, keys: &[&str]) -> Option<String> {
        let datum = keys.iter().find_map(|key| self.datum(key))?;
        let value = datum.to_value().ok()?;
        Some(value.to_text().into_owned())
    }

    fn is_true(&self, key: &str) -> bool {
        self.datum(key) == Some(&Datum::Bool(true))
    }

    fn http(&self, subject: &str) -> Option<String> {
        let method = self.get(&["http.request.method", "http.method"])?;
        Some(match self.get(&[subject]) {
            Some(subject) => format!("{method} {subject}"),
            None => method,
        })
    }

    fn rpc(&self) -> Option<String> {
        let system = self.get(&["rpc.system.name", "rpc.system"])?;
        let method = self.get(&["rpc.method", "rpc.grpc.method"]);
        let service = self.get(&["rpc.service", "rpc.grpc.service"]);
        Some(match (service, method) {
            (Some(service), Some(method)) => format!("{service}/{method}"),
            (None, Some(method)) => method,
            (Some(service), None) => format!("{service}/*"),
            (None, None) => system,
        })
    }

    fn server(&self) -> Option<String> {
        let address = self.get(&["server.address"])?;
        Some(match self.get(&["server.port"]) {
            Some(port) => format!("{address}:{port}"),
            None => address,
        })
    }

    fn database(&self) -> Option<String> {
        let system = self.get(&["db.system.name", "db.system"])?;
        if let Some(summary) = self.get(&["db.query.summary"]) {
            return Some(summary);
        }
        let namespace = self
            .get(&["db.namespace", "db.name"])
            .filter(|name| !name.is_empty());
        let within = |name: String| match &namespace {
            Some(namespace) => format!("{namespace}.{name}"),
            None => name,
        };
        let target = self
            .get(&["db.collection.name"])
            .map(within)
            .or_else(|| self.get(&["db.stored_procedure.name"]).map(within))
            .or_else(|| namespace.clone())
            .or_else(|| self.server())
            .filter(|target| !target.is_empty());
        let operation = self
            .get(&["db.operation.name", "db.operation"])
            .filter(|operation| !operation.is_empty());
        Some(match (operation, target) {
            (Some(operation), Some(target)) => format!("{operation} {target}"),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => system,
        })
    }

    fn messaging(&self) -> Option<String> {
        let system = self.get(&["messaging.system"])?;
        let operation = self.get(&["messaging.operation.name", "messaging.operation"]);
        let destination = if self.is_true("messaging.destination.temporary") {
            Some("(temporary)".to_owned())
        } else if self.is_true("messaging.destination.anonymous") {
            Some("(anonymous)".to_owned())
        } else {
            let names = ["messaging.destination.name", "messaging.destination"];
            self.get(&["messaging.destination.template"])
                .or_else(|| self.get(&names))
                .or_else(|| self.server())
        };
        Some(
            match (operation, destination.filter(|name| !name.is_empty())) {
                (Some(operation), Some(destination)) => format!("{operation} {destination}"),
                (None, Some(one)) | (Some(one), None) => one,
                (None, None) => system,
            },
        )
    }
}

/// The name of a span: what it had, where no convention gives another.
pub(crate) fn derived(input: &Input<'_, '_>) -> String {
    let span = Span(input);
    let kind = match input.value(1) {
        Datum::Int(kind) => *kind,
        _ => 0,
    };
    let is_named = |name: &String| !name.is_empty();
    let name = match kind {
        2 => span
            .http("http.route")
            .filter(is_named)
            .or_else(|| span.rpc().filter(is_named))
            .or_else(|| span.messaging()),
        3 => span
            .http("url.template")
            .filter(is_named)
            .or_else(|| span.rpc().filter(is_named))
            .or_else(|| span.database().filter(is_named))
            .or_else(|| span.messaging()),
        4 | 5 => span.messaging(),
        _ => None,
    };
    match (name.filter(is_named), input.value(0)) {
        (Some(name), _) => name,
        (None, Datum::Text(name)) => name.clone().into_owned(),
        (None, _) => String::new(),
    }
}
