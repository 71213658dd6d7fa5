//! What may stand in a declared contract, as far as no pipeline has to be known for it.

use spanmill_otlp::{Context, Signal};

use crate::abi::v0_1::answer::Declared;
use crate::error::words;
use crate::role::Role;

/// Limit on the fields that a plugin may declare to read, and to write.
const PATHS: usize = 10_000;

/// Checks the signals and the number of fields, that each field belongs to one of the signals, and what the role adds.
///
/// # Errors
///
/// What is wrong, to be read behind "the plugin declares what it may not".
pub(crate) fn check(declared: &Declared, role: &Role) -> Result<(), String> {
    let signals = &declared.signals;
    if signals.is_empty() {
        return Err("it takes no signal, and must take at least one".to_owned());
    }
    let twice = (1..).zip(signals).find(|(next, signal)| {
        let later = signals.get(*next..).unwrap_or(&[]);
        later.contains(signal)
    });
    if let Some((_, signal)) = twice {
        return Err(format!("it takes {signal} twice"));
    }
    if let Role::Router { signal, .. } = role
        && !signals.contains(signal)
    {
        return Err(format!(
            "it does not take {signal}, which it is to route under these settings"
        ));
    }
    if role.kind().is_connector() && !declared.writes.is_empty() {
        return Err(format!(
            "it writes fields, and a {} writes none",
            role.kind()
        ));
    }
    let many = declared.reads.len().max(declared.writes.len());
    if many > PATHS {
        return Err(format!("{many} fields, and {PATHS} is the most"));
    }
    let fields = [("reads", &declared.reads), ("writes", &declared.writes)];
    for (verb, paths) in fields {
        for path in paths {
            if let Some(missing) = missing_signal(path, signals) {
                let path = words(path);
                return Err(format!("it {verb} `{path}`, but does not take {missing}"));
            }
        }
    }
    Ok(())
}

/// Checks what a processor that puts rows under other resources has to declare.
///
/// # Errors
///
/// As for [`check`].
pub(crate) fn check_grouping(declared: &Declared, groups_rows: bool) -> Result<(), String> {
    const ATTRIBUTES: &str = "resource.attributes";
    match groups_rows && !declared.writes.iter().any(|path| path == ATTRIBUTES) {
        true => Err(format!(
            "it puts rows under other resources, and does not have `{ATTRIBUTES}` among the fields that it writes"
        )),
        false => Ok(()),
    }
}

/// The signal that would have to be taken for a field to be there; `None` if one that is taken has it, or if the path
/// starts with no context, which is reported elsewhere.
fn missing_signal(path: &str, signals: &[Signal]) -> Option<Signal> {
    let (prefix, _) = path.split_once('.')?;
    let context = Context::with_prefix(prefix)?;
    let has = |signal: &Signal| signal.contexts().contains(&context);
    match signals.iter().any(has) {
        true => None,
        false => Signal::ALL.into_iter().find(has),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::v0_1::answer::Sharding;

    fn declared(signals: &[Signal], reads: &[&str], writes: &[&str]) -> Declared {
        let owned = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        Declared {
            signals: signals.to_vec(),
            reads: owned(reads),
            writes: owned(writes),
            sharding: Sharding::None,
            metrics: None,
            records: None,
        }
    }

    #[test]
    fn who_groups_rows_writes_resources_attributes() {
        let signals = [Signal::Logs];
        let other = declared(&signals, &[], &[r#"resource.attributes["a"]"#]);
        let own = declared(&signals, &[], &["log.attributes", "resource.attributes"]);
        assert_eq!(check_grouping(&other, false), Ok(()));
        assert_eq!(check_grouping(&own, true), Ok(()));
        let why = check_grouping(&other, true).unwrap_err();
        assert!(why.contains("`resource.attributes`"), "{why}");
    }

    #[test]
    fn fields_belong_to_the_signals_taken() {
        use Signal::{Logs, Metrics, Traces};
        for (signals, reads, writes, wrong) in [
            (&[Traces][..], &["span.name"][..], &["span.name"][..], None),
            (&[Logs], &["resource.attributes", "scope.name"], &[], None),
            (&[Logs, Traces], &["spanevent.name", "log.body"], &[], None),
            // Reported with the other mistakes in paths.
            (&[Logs], &["colour", "colour.of"], &["log.colour"], None),
            (
                &[],
                &[],
                &[],
                Some("it takes no signal, and must take at least one"),
            ),
            (
                &[Metrics, Logs, Metrics],
                &[],
                &[],
                Some("it takes metrics twice"),
            ),
            (
                &[Logs],
                &["span.name"],
                &[],
                Some("it reads `span.name`, but does not take traces"),
            ),
            (
                &[Traces, Logs],
                &[],
                &[r#"datapoint.attributes["a"]"#],
                Some(r#"it writes `datapoint.attributes["a"]`, but does not take metrics"#),
            ),
        ] {
            let checked = check(&declared(signals, reads, writes), &Role::Processor);
            assert_eq!(checked.err().as_deref(), wrong);
        }
    }

    #[test]
    fn fields_are_counted() {
        let many = vec!["log.body"; PATHS + 1];
        let wrong = check(&declared(&[Signal::Logs], &many, &[]), &Role::Processor).unwrap_err();
        assert_eq!(wrong, "10001 fields, and 10000 is the most");
    }

    #[test]
    fn a_connector_writes_nothing_and_a_router_takes_what_it_routes() {
        let router = Role::Router {
            signal: Signal::Logs,
            pipelines: ["logs/eu".to_owned()].into(),
        };
        for (role, signals, writes, wrong) in [
            (
                &Role::Processor,
                &[Signal::Logs][..],
                &["log.body"][..],
                None,
            ),
            (
                &Role::Connector,
                &[Signal::Logs],
                &["log.body"],
                Some("it writes fields, and a connector writes none"),
            ),
            (
                &Role::RecordConnector,
                &[Signal::Logs],
                &["log.body"],
                Some("it writes fields, and a record connector writes none"),
            ),
            (&router, &[Signal::Logs, Signal::Traces], &[], None),
            (
                &router,
                &[Signal::Traces],
                &[],
                Some("it does not take logs, which it is to route under these settings"),
            ),
        ] {
            let checked = check(&declared(signals, &[], writes), role);
            assert_eq!(checked.err().as_deref(), wrong);
        }
    }
}
