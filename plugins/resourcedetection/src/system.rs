//! The detector `system`: facts of the machine, which the host gives as variables.

use serde::Deserialize;
use spanmill_sdk::Problems;

use crate::environment::Environment;
use crate::facts::{Choice, Fact, Facts, Known};

/// `system` of the settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct System {
    hostname_sources: Vec<String>,
    pub(crate) resource_attributes: Choice,
}

const FQDN: &str = "SPANMILL_HOST_FQDN";
const NAME: &str = "SPANMILL_HOST_NAME";

/// How a variable is read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Int,
    List,
    /// Addresses as the conventions write them: in capitals, with hyphens.
    Macs,
}

/// The attributes, and the variable that each comes from; `host.name` is looked up by the settings.
const ATTRIBUTES: [(Known, &str, Kind); 17] = [
    (HOST_NAME, NAME, Kind::Text),
    (("os.type", true), "SPANMILL_OS_TYPE", Kind::Text),
    (("os.version", false), "SPANMILL_OS_VERSION", Kind::Text),
    (
        ("os.description", false),
        "SPANMILL_OS_DESCRIPTION",
        Kind::Text,
    ),
    (("os.name", false), "SPANMILL_OS_NAME", Kind::Text),
    (("os.build.id", false), "SPANMILL_OS_BUILD_ID", Kind::Text),
    (("host.id", false), "SPANMILL_HOST_ID", Kind::Text),
    (("host.arch", false), "SPANMILL_HOST_ARCH", Kind::Text),
    (("host.ip", false), "SPANMILL_HOST_IPS", Kind::List),
    (("host.mac", false), "SPANMILL_HOST_MACS", Kind::Macs),
    (
        ("host.interface", false),
        "SPANMILL_HOST_INTERFACES",
        Kind::List,
    ),
    (
        ("host.cpu.vendor.id", false),
        "SPANMILL_HOST_CPU_VENDOR_ID",
        Kind::Text,
    ),
    (
        ("host.cpu.family", false),
        "SPANMILL_HOST_CPU_FAMILY",
        Kind::Text,
    ),
    (
        ("host.cpu.model.id", false),
        "SPANMILL_HOST_CPU_MODEL_ID",
        Kind::Text,
    ),
    (
        ("host.cpu.model.name", false),
        "SPANMILL_HOST_CPU_MODEL_NAME",
        Kind::Text,
    ),
    (
        ("host.cpu.stepping", false),
        "SPANMILL_HOST_CPU_STEPPING",
        Kind::Text,
    ),
    (
        ("host.cpu.cache.l2.size", false),
        "SPANMILL_HOST_CPU_CACHE_L2_SIZE",
        Kind::Int,
    ),
];

const HOST_NAME: Known = ("host.name", true);

/// The attributes that this detector may set.
pub(crate) fn known() -> Vec<Known> {
    ATTRIBUTES.map(|(known, ..)| known).to_vec()
}

impl System {
    pub(crate) fn check(&self, problems: &mut Problems) {
        for (place, source) in self.hostname_sources.iter().enumerate() {
            let message = match source.as_str() {
                "dns" | "os" => continue,
                "cname" | "lookup" => "asks DNS, which a plugin cannot; use dns or os",
                _ => "must be dns or os",
            };
            problems.push(format!("/system/hostname_sources/{place}"), message);
        }
    }

    /// Adds the facts of the machine, and returns the attributes that are to be set and that nothing is known of.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub(crate) fn detect<E: Environment>(
        &self,
        facts: &mut Facts,
    ) -> Result<Vec<&'static str>, String> {
        let usual = ["dns".to_owned(), "os".to_owned()];
        let sources = match self.hostname_sources.as_slice() {
            [] => &usual,
            sources => sources,
        };
        let host_name = sources.iter().find_map(|source| match source.as_str() {
            "dns" => given::<E>(FQDN),
            _ => given::<E>(NAME),
        });
        let Some(host_name) = host_name else {
            return Err(match sources.iter().any(|source| source == "os") {
                true => format!("the host does not say its name: {NAME} is not set"),
                false => format!(
                    "the host has no fully qualified name: {FQDN} is not set; add os to system.hostname_sources"
                ),
            });
        };
        let mut missing = Vec::new();
        for (known, variable, kind) in ATTRIBUTES {
            if !self.resource_attributes.has(known) {
                continue;
            }
            let value = match known {
                HOST_NAME => Some(host_name.clone()),
                _ => given::<E>(variable),
            };
            match value.and_then(|value| fact(value, kind)) {
                Some(fact) => facts.add(known.0, fact),
                None => missing.push(known.0),
            }
        }
        Ok(missing)
    }
}

fn given<E: Environment>(variable: &str) -> Option<String> {
    E::variable(variable).filter(|value| !value.is_empty())
}

fn fact(value: String, kind: Kind) -> Option<Fact> {
    let list = |value: &str| {
        value
            .split(',')
            .map(|item| item.trim().to_owned())
            .collect()
    };
    Some(match kind {
        Kind::Text => Fact::Text(value),
        Kind::Int => Fact::Int(value.parse().ok()?),
        Kind::List => Fact::List(list(&value)),
        Kind::Macs => Fact::List(list(&value.to_uppercase().replace(':', "-"))),
    })
}
