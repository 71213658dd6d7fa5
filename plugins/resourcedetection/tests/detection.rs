//! What resources get, of environments that are written here.

use serde_json::{Value as Json, json};
use spanmill_resourcedetection::{Environment, ResourceDetection};
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::{Attr, DataPoint, Kit, LogRecord, Logs, Metric, Metrics, Resource};
use spanmill_sdk::testing::{Span, Spans};

fn find(variables: &[(&str, &str)], name: &str) -> Option<String> {
    let mut known = variables.iter().filter(|(known, _)| *known == name);
    known.next().map(|(_, value)| (*value).to_owned())
}

/// A machine that says all there is to say.
struct Machine;

impl Environment for Machine {
    fn variable(name: &str) -> Option<String> {
        let variables = [
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment=prod,os.type=mine",
            ),
            ("OTEL_RESOURCE", "ignored=yes"),
            ("SPANMILL_HOST_NAME", "web-1"),
            ("SPANMILL_HOST_FQDN", "web-1.example.com"),
            ("SPANMILL_HOST_ID", "4f1c"),
            ("SPANMILL_HOST_ARCH", "arm64"),
            ("SPANMILL_HOST_IPS", "10.0.0.7, fe80::1"),
            ("SPANMILL_HOST_MACS", "0a:1b:2c:3d:4e:5f"),
            ("SPANMILL_HOST_INTERFACES", "lo,eth0"),
            ("SPANMILL_HOST_CPU_VENDOR_ID", "ARM"),
            ("SPANMILL_HOST_CPU_FAMILY", "8"),
            ("SPANMILL_HOST_CPU_MODEL_NAME", "Neoverse N1"),
            ("SPANMILL_HOST_CPU_MODEL_ID", ""),
            ("SPANMILL_HOST_CPU_STEPPING", "3"),
            ("SPANMILL_HOST_CPU_CACHE_L2_SIZE", "1024"),
            ("SPANMILL_OS_TYPE", "linux"),
            ("SPANMILL_OS_NAME", "Debian GNU/Linux"),
            ("SPANMILL_OS_VERSION", "13.1"),
            ("SPANMILL_OS_DESCRIPTION", "Debian GNU/Linux 13 (trixie)"),
        ];
        find(&variables, name)
    }
}

/// One that says nothing.
struct Nothing;

impl Environment for Nothing {
    fn variable(_: &str) -> Option<String> {
        None
    }
}

/// A function on Lambda.
struct Function;

impl Environment for Function {
    fn variable(name: &str) -> Option<String> {
        let variables = [
            ("AWS_LAMBDA_FUNCTION_NAME", "resize"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/resize"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/31"),
        ];
        find(&variables, name)
    }
}

/// A dyno with a part of its metadata.
struct Dyno;

impl Environment for Dyno {
    fn variable(name: &str) -> Option<String> {
        let variables = [
            ("HEROKU_APP_ID", "app"),
            ("HEROKU_APP_NAME", "shop"),
            ("HEROKU_RELEASE_VERSION", "v7"),
            ("OTEL_RESOURCE", "team=a%2Cb"),
        ];
        find(&variables, name)
    }
}

/// One with a list that is none.
struct Broken;

impl Environment for Broken {
    fn variable(name: &str) -> Option<String> {
        (name == "OTEL_RESOURCE_ATTRIBUTES").then(|| "secret".to_owned())
    }
}

fn resource<E: Environment>(settings: Json, before: &[(&str, &str)]) -> Resource {
    let mut kit = Kit::<ResourceDetection<E>>::new(settings).unwrap();
    let spans = Spans::new().resource(before.to_vec()).span(Span::new("a"));
    kit.run(&spans).resource(0).clone()
}

fn error<E: Environment>(settings: Json) -> ConfigError {
    Kit::<ResourceDetection<E>>::new(settings).err().unwrap()
}

#[test]
fn the_environment_is_what_is_detected_by_default() {
    let found = resource::<Machine>(json!({}), &[("os.type", "sent"), ("kept", "yes")]);
    assert_eq!(found.get("deployment.environment"), Some(&"prod".into()));
    assert_eq!(found.get("os.type"), Some(&"mine".into()));
    assert_eq!(found.get("kept"), Some(&"yes".into()));
    assert_eq!(found.attributes.len(), 3);
    let found = resource::<Dyno>(json!({}), &[]);
    assert_eq!(found.attributes, [("team".to_owned(), "a,b".into())]);
}

#[test]
fn without_override_what_was_sent_stays() {
    let settings = json!({"detectors": ["system"], "override": false});
    let mut kit = Kit::<ResourceDetection<Machine>>::new(settings).unwrap();
    assert_eq!(
        kit.reads(),
        [
            r#"resource.attributes["host.name"]"#,
            r#"resource.attributes["os.type"]"#
        ]
    );
    let spans = Spans::new()
        .resource([("os.type", Attr::Empty)])
        .span(Span::new("a"))
        .resource([("host.name", "sent")])
        .span(Span::new("b"));
    let changed = kit.run(&spans);
    let [one, two] = [changed.resource(0), changed.resource(1)];
    assert_eq!(one.get("os.type"), Some(&Attr::Empty));
    assert_eq!(one.get("host.name"), Some(&"web-1.example.com".into()));
    assert_eq!(two.get("os.type"), Some(&"linux".into()));
    assert_eq!(two.get("host.name"), Some(&"sent".into()));
}

#[test]
fn of_several_detectors_the_first_counts() {
    let found = resource::<Machine>(json!({"detectors": ["env", " system"]}), &[]);
    assert_eq!(found.get("os.type"), Some(&"mine".into()));
    assert_eq!(found.get("host.name"), Some(&"web-1.example.com".into()));
    let found = resource::<Machine>(json!({"detectors": ["system", "env"]}), &[]);
    assert_eq!(found.get("os.type"), Some(&"linux".into()));
}

#[test]
fn facts_of_the_machine_are_chosen_one_by_one() {
    let all = [
        "os.version",
        "os.description",
        "os.name",
        "os.build.id",
        "host.id",
        "host.arch",
        "host.ip",
        "host.mac",
        "host.interface",
        "host.cpu.vendor.id",
        "host.cpu.family",
        "host.cpu.model.id",
        "host.cpu.model.name",
        "host.cpu.stepping",
        "host.cpu.cache.l2.size",
    ];
    let mut chosen: serde_json::Map<String, Json> = all
        .iter()
        .map(|key| ((*key).to_owned(), json!({"enabled": true})))
        .collect();
    chosen.insert("os.type".to_owned(), json!({"enabled": false}));
    let system = json!({"hostname_sources": ["os"], "resource_attributes": chosen});
    let settings = json!({"detectors": ["system"], "system": system});
    let found = resource::<Machine>(settings, &[]);
    let list = |items: &[&str]| Attr::Array(items.iter().map(|item| (*item).into()).collect());
    for (key, value) in [
        ("host.name", "web-1".into()),
        ("host.id", "4f1c".into()),
        ("host.arch", "arm64".into()),
        ("host.ip", list(&["10.0.0.7", "fe80::1"])),
        ("host.mac", list(&["0A-1B-2C-3D-4E-5F"])),
        ("host.interface", list(&["lo", "eth0"])),
        ("host.cpu.stepping", "3".into()),
        ("host.cpu.cache.l2.size", 1024.into()),
        ("os.name", "Debian GNU/Linux".into()),
    ] {
        assert_eq!(found.get(key), Some(&value), "{key}");
    }
    // Not chosen, not given, and given without a value.
    for key in ["os.type", "os.build.id", "host.cpu.model.id"] {
        assert_eq!(found.get(key), None, "{key}");
    }
}

#[test]
fn every_signal_gets_them() {
    let settings = || json!({"detectors": ["system"]});
    let name = Some(&Attr::from("web-1.example.com"));
    let mut kit = Kit::<ResourceDetection<Machine>>::new(settings()).unwrap();
    let changed = kit.run(&Logs::of([LogRecord::new("a")]));
    assert_eq!(changed.resource(0).get("host.name"), name);
    let metric = Metric::gauge("g").point(DataPoint::int(1));
    let changed = kit.run(&Metrics::of([metric]));
    assert_eq!(changed.resource(0).get("host.name"), name);
}

#[test]
fn platforms_say_what_they_are() {
    let found = resource::<Function>(json!({"detectors": ["lambda"]}), &[]);
    let text = |value: &str| Some(Attr::from(value));
    assert_eq!(found.get("cloud.platform").cloned(), text("aws_lambda"));
    assert_eq!(found.get("faas.name").cloned(), text("resize"));
    assert_eq!(found.get("faas.version"), None);
    let streams = Attr::Array(vec!["2026/01/31".into()]);
    assert_eq!(found.get("aws.log.stream.names"), Some(&streams));
    assert_eq!(found.attributes.len(), 8);

    let heroku = json!({
        "detectors": ["heroku"],
        "heroku": {"resource_attributes": {"service.name": {"enabled": false}}},
    });
    let found = resource::<Dyno>(heroku, &[]);
    assert_eq!(found.get("cloud.provider").cloned(), text("heroku"));
    assert_eq!(found.get("heroku.app.id").cloned(), text("app"));
    assert_eq!(found.get("service.version").cloned(), text("v7"));
    assert_eq!(found.attributes.len(), 3);
    // Elsewhere they say nothing, and with fail_on_missing_metadata that is an error.
    for detector in ["heroku", "lambda"] {
        let settings = json!({"detectors": [detector]});
        assert_eq!(resource::<Nothing>(settings, &[]).attributes, []);
        let settings = json!({"detectors": [detector], "fail_on_missing_metadata": true});
        let error = error::<Nothing>(settings).to_string();
        assert!(error.ends_with("is not set"), "{error}");
    }
}

#[test]
fn an_environment_that_cannot_be_used_is_an_error_without_its_values() {
    let broken = error::<Broken>(json!({})).to_string();
    assert!(
        broken.contains("OTEL_RESOURCE_ATTRIBUTES is no list of attributes"),
        "{broken}"
    );
    assert!(!broken.contains("secret"), "{broken}");
    for (sources, why) in [
        (
            json!([]),
            "the host does not say its name: SPANMILL_HOST_NAME is not set",
        ),
        (
            json!(["dns"]),
            "the host has no fully qualified name: SPANMILL_HOST_FQDN is not set; add os to system.hostname_sources",
        ),
    ] {
        let settings = json!({"detectors": ["system"], "system": {"hostname_sources": sources}});
        assert_eq!(
            error::<Nothing>(settings).to_string(),
            format!("the plugin cannot run here: detector system: {why}")
        );
    }
}

#[test]
fn every_mistake_is_named() {
    for (settings, message) in [
        (
            json!({"detectors": []}),
            "/detectors: needs one at least, such as env",
        ),
        (
            json!({"detectors": ["env", "ec2", "systm", "abacus"]}),
            "/detectors/1: ec2 asks over the network, which a plugin cannot; use env, and put its attributes into \
             OTEL_RESOURCE_ATTRIBUTES; /detectors/2: there is no such detector; did you mean system?; \
             /detectors/3: must be one of env, system, heroku, lambda",
        ),
        (
            json!({"ec2": {"tags": ["a"]}, "attributes": ["host.id"], "refresh_interval": "1m"}),
            "/ec2: ec2 is no detector here; take it out; /attributes: was taken out of the Collector; choose under \
             resource_attributes of a detector; /refresh_interval: facts are read once, when the plugin is started; \
             take it out",
        ),
        (
            json!({"system": {
                "hostname_sources": ["os", "cname", "x"],
                "resource_attributes": {"host.nam": {"enabled": true}},
            }}),
            "/system/hostname_sources/1: asks DNS, which a plugin cannot; use dns or os; \
             /system/hostname_sources/2: must be dns or os; \
             /system/resource_attributes/host.nam: the detector sets no such attribute; did you mean host.name?",
        ),
    ] {
        assert_eq!(error::<Machine>(settings).to_string(), message);
    }
}
