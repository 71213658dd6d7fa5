//! The settings, as the Collector reads them.

use serde::Deserialize;
use serde_json::Value as Json;
use spanmill_sdk::{ConfigError, Problems, closest};
use spanmill_settings::Duration;

use crate::cloud::{Cloud, HEROKU, LAMBDA};
use crate::facts::Known;
use crate::system::{self, System};

/// The detectors that need nothing but the environment.
pub(crate) const DETECTORS: [&str; 4] = ["env", "system", HEROKU.name, LAMBDA.name];

const FILES: &str = "reads a file";
const DAEMON: &str = "asks a service of the machine";
const NETWORK: &str = "asks over the network";

/// Makes the settings, and the table of the Collector's detectors that a plugin cannot be.
macro_rules! settings {
    ($($elsewhere:ident: $why:expr,)*) => {
        /// The component's section of the manifest.
        #[derive(Debug, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct Settings {
            pub(crate) detectors: Vec<String>,
            #[serde(rename = "override")]
            pub(crate) overrides: bool,
            pub(crate) system: System,
            pub(crate) heroku: Cloud,
            pub(crate) lambda: Cloud,
            pub(crate) fail_on_missing_metadata: bool,
            pub(crate) timeout: Option<Duration>,
            refresh_interval: Duration,
            attributes: Json,
            $($elsewhere: Json,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Settings {
                    detectors: vec!["env".to_owned()],
                    overrides: true,
                    system: System::default(),
                    heroku: Cloud::default(),
                    lambda: Cloud::default(),
                    fail_on_missing_metadata: false,
                    timeout: None,
                    refresh_interval: Duration(0),
                    attributes: Json::Null,
                    $($elsewhere: Json::Null,)*
                }
            }
        }

        const ELSEWHERE: &[(&str, &str)] = &[$((stringify!($elsewhere), $why)),*];

        impl Settings {
            /// The sections of detectors that a plugin cannot be.
            fn elsewhere(&self) -> impl Iterator<Item = &'static str> {
                let sections = [$((stringify!($elsewhere), &self.$elsewhere)),*];
                let given = sections.into_iter().filter(|(_, section)| !section.is_null());
                given.map(|(name, _)| name)
            }
        }
    };
}

settings! {
    akamai: NETWORK,
    aks: NETWORK,
    alibaba_ecs: NETWORK,
    azure: NETWORK,
    consul: DAEMON,
    digitalocean: NETWORK,
    docker: DAEMON,
    dynatrace: FILES,
    ec2: NETWORK,
    ecs: NETWORK,
    eks: NETWORK,
    elasticbeanstalk: FILES,
    gcp: NETWORK,
    hetzner: NETWORK,
    ibmcloud_classic: NETWORK,
    ibmcloud_vpc: NETWORK,
    k8s_api: NETWORK,
    k8snode: NETWORK,
    kubeadm: NETWORK,
    nova: NETWORK,
    openshift: NETWORK,
    oraclecloud: NETWORK,
    scaleway: NETWORK,
    tencent_cvm: NETWORK,
    upcloud: NETWORK,
    vultr: NETWORK,
}

impl Settings {
    /// Notes every mistake.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        if self.detectors.is_empty() {
            problems.push("/detectors", "needs one at least, such as env");
        }
        for (place, detector) in self.detectors.iter().enumerate() {
            if let Some(message) = refusal(detector.trim()) {
                problems.push(format!("/detectors/{place}"), message);
            }
        }
        for section in self.elsewhere() {
            problems.push(
                format!("/{section}"),
                format!("{section} is no detector here; take it out"),
            );
        }
        self.system.check(&mut problems);
        let attributes = [
            ("system", &self.system.resource_attributes, system::known()),
            ("heroku", &self.heroku.resource_attributes, HEROKU.known()),
            ("lambda", &self.lambda.resource_attributes, LAMBDA.known()),
        ];
        for (section, choice, known) in attributes {
            for key in choice.unknown(&known) {
                let name = key.replace('~', "~0").replace('/', "~1");
                let path = format!("/{section}/resource_attributes/{name}");
                problems.push(path, unknown_attribute(key, &known));
            }
        }
        if !self.attributes.is_null() {
            problems.push(
                "/attributes",
                "was taken out of the Collector; choose under resource_attributes of a detector",
            );
        }
        if self.refresh_interval.0 > 0 {
            problems.push(
                "/refresh_interval",
                "facts are read once, when the plugin is started; take it out",
            );
        }
        problems.check()
    }
}

/// Why there is no such detector; `None` if there is.
fn refusal(detector: &str) -> Option<String> {
    if DETECTORS.contains(&detector) {
        return None;
    }
    if let Some((name, why)) = ELSEWHERE.iter().find(|(name, _)| *name == detector) {
        return Some(format!(
            "{name} {why}, which a plugin cannot; use env, and put its attributes into OTEL_RESOURCE_ATTRIBUTES"
        ));
    }
    Some(match closest(detector, DETECTORS) {
        Some(meant) => format!("there is no such detector; did you mean {meant}?"),
        None => format!("must be one of {}", DETECTORS.join(", ")),
    })
}

fn unknown_attribute(key: &str, known: &[Known]) -> String {
    match closest(key, known.iter().map(|(known, _)| *known)) {
        Some(meant) => format!("the detector sets no such attribute; did you mean {meant}?"),
        None => "the detector sets no such attribute".to_owned(),
    }
}
