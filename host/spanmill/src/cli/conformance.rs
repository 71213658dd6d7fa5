//! `spanmill plugin test --conformance`: runs a plugin, in whatever language it is written, against the contract.
//!
//! The plugin gets the limits it would have in a service. Its answers are checked and applied by the code that does so
//! in a service, and what is left must be a request that a receiver would take.

mod batches;
mod report;
mod stage;

use std::path::Path;

use spanmill_runtime::{Answer, ConfigureError, Limits, Plugin, Role, Slot, Snapshot};

use self::batches::TestBatch;
use self::report::Report;
use self::stage::Stage;
use super::output::{Failure, say};
use super::role::role;
use super::settings;
use crate::service::Folders;

/// Runs every check in every role of the plugin, prints a table, and fails if a check does. A router is tested with
/// `pipelines`, such as `traces/eu`.
pub(super) fn test(file: &Path, settings: &str, pipelines: &[String]) -> Result<(), Failure> {
    let settings = &settings::of_option(settings)?;
    let runtime = Folders::from_environment()?.runtime()?;
    let plugin = runtime.load_file(file)?;
    let mut report = Report::default();
    report.passed("load", &plugin.interfaces().collect::<Vec<_>>().join(", "));
    match plugin.about() {
        Ok(Some(about)) => report.passed("about", &format!("{} {}", about.name, about.version)),
        Ok(None) => report.passed("about", "not exported"),
        Err(error) => report.failed("about", &error.to_string()),
    }
    let has_several = plugin.kinds().len() > 1;
    for &kind in plugin.kinds() {
        let Some(role) = role(kind, pipelines)? else {
            report.skipped(
                kind.name(),
                "name pipelines that it sends to with --pipelines",
            );
            continue;
        };
        if has_several {
            report.passed(&format!("as a {kind}:"), "");
        }
        let subject = Subject {
            plugin: &plugin,
            role,
            settings,
        };
        test_role(&subject, &mut report)?;
    }
    report.lines().iter().for_each(say);
    match report.failures() {
        0 => Ok(()),
        1 => Err(Failure("error: one check failed".to_owned())),
        many => Err(Failure(format!("error: {many} checks failed"))),
    }
}

/// A plugin in one of its roles.
struct Subject<'a> {
    plugin: &'a Plugin,
    role: Role,
    settings: &'a str,
}

impl Subject<'_> {
    /// A further instance.
    fn stage(&self) -> Result<Stage, String> {
        Stage::new(self.plugin, &self.role, self.settings)
    }
}

/// Runs every check in one role.
fn test_role(subject: &Subject<'_>, report: &mut Report) -> Result<(), Failure> {
    if let Some(slot) = configure(subject, report)? {
        let batches: Vec<TestBatch> = match &subject.role {
            // The other signals are not offered to it.
            Role::Router { signal, .. } => {
                let all = batches::all(slot.declared()).into_iter();
                all.filter(|batch| batch.signal == *signal).collect()
            }
            _ => batches::all(slot.declared()),
        };
        let answers = process(subject, &batches, report);
        repeat(subject, &batches, &answers, report);
        hand_over(subject, &batches, report);
        hold(subject, &slot, &batches, report);
        explain(subject, &batches, report);
    }
    Ok(())
}

/// Asks a plugin that holds rows for its decisions.
fn hold(subject: &Subject<'_>, slot: &Slot, batches: &[TestBatch], report: &mut Report) {
    const CHECK: &str = "held rows are decided on";
    if subject.role != Role::Processor {
        return;
    }
    if !slot.may_hold() {
        let why = match subject.plugin.has_ticker() {
            true => "sharding is none",
            false => "ticker not exported",
        };
        return report.skipped(CHECK, why);
    }
    let decided = subject.stage().and_then(|mut stage| {
        for batch in batches {
            stage.run(batch)?;
        }
        stage.decide()
    });
    match decided {
        Ok(note) => report.passed(CHECK, &note),
        Err(why) => report.failed(CHECK, &why),
    }
}

/// Asks a plugin that says so by which rules it answered.
fn explain(subject: &Subject<'_>, batches: &[TestBatch], report: &mut Report) {
    const CHECK: &str = "rules are told";
    if subject.role != Role::Processor {
        return;
    }
    if !subject.plugin.has_reasons() {
        return report.skipped(CHECK, "reasons not exported");
    }
    let told = subject.stage().and_then(Stage::explaining);
    let told = told.and_then(|mut stage| {
        let batches = batches.iter();
        batches
            .map(|batch| stage.reasons(batch))
            .sum::<Result<usize, String>>()
    });
    match told {
        Ok(items) => report.passed(CHECK, &format!("of {items} items")),
        Err(why) => report.failed(CHECK, &why),
    }
}

/// Configures an instance. Returns `None` if it rejects the settings, or answers in a way that the contract forbids.
fn configure(subject: &Subject<'_>, report: &mut Report) -> Result<Option<Slot>, Failure> {
    let (role, limits) = (subject.role.clone(), Limits::default());
    match Slot::in_role(
        subject.plugin,
        role,
        "conformance",
        subject.settings,
        limits,
    ) {
        Ok(slot) => {
            let declared = slot.declared();
            let signals: Vec<&str> = declared.signals.iter().map(|it| it.name()).collect();
            let (reads, writes) = (declared.reads.len(), declared.writes.len());
            let takes = signals.join(", ");
            let found = format!("takes {takes}; reads {reads} fields, writes {writes}");
            match subject.stage() {
                Ok(_) => report.passed("configure", &found),
                Err(why) => {
                    report.failed("configure", &why);
                    return Ok(None);
                }
            }
            Ok(Some(slot))
        }
        // Not the plugin's fault, so there is no verdict.
        Err(ConfigureError::Settings(problems)) => {
            let lines = problems
                .iter()
                .map(|it| format!("error: settings{}: {}", it.path, it.message));
            let lines: Vec<String> = lines.collect();
            Err(Failure(format!(
                "{}\nerror: the plugin needs other settings; give some with --settings '{{...}}'",
                lines.join("\n")
            )))
        }
        Err(error) => {
            report.failed("configure", &error.to_string());
            Ok(None)
        }
    }
}

/// Runs every batch through one instance, and returns its answers; `None` where there is none.
fn process(
    subject: &Subject<'_>,
    batches: &[TestBatch],
    report: &mut Report,
) -> Vec<Option<Answer>> {
    let mut stage = subject.stage();
    batches
        .iter()
        .map(|batch| {
            let running = match &mut stage {
                Ok(running) => running,
                Err(why) => {
                    report.failed(&batch.name(), why);
                    return None;
                }
            };
            match running.run(batch) {
                Ok(step) => {
                    report.ran(&batch.name(), batch.items, step.time, &step.note);
                    Some(step.answer)
                }
                Err(why) => {
                    report.failed(&batch.name(), &why);
                    // As in a service, the batches after a fault go to a new instance.
                    stage = subject.stage();
                    None
                }
            }
        })
        .collect()
}

/// Runs every batch through another instance, whose answers must be the same.
fn repeat(
    subject: &Subject<'_>,
    batches: &[TestBatch],
    answers: &[Option<Answer>],
    report: &mut Report,
) {
    const CHECK: &str = "same answers from another instance";
    if answers.iter().any(Option::is_none) {
        return report.skipped(CHECK, "not all batches were answered");
    }
    let mut stage = match subject.stage() {
        Ok(stage) => stage,
        Err(why) => return report.failed(CHECK, &why),
    };
    for (batch, answer) in batches.iter().zip(answers) {
        let again = stage.run(batch).map(|step| step.answer);
        if again.ok().as_ref() != answer.as_ref() {
            let name = batch.name();
            let why = format!(
                "another answer to `{name}`; the answer must depend on settings and batches alone"
            );
            return report.failed(CHECK, &why);
        }
    }
    report.passed(CHECK, "");
}

/// Hands state from one instance to another.
fn hand_over(subject: &Subject<'_>, batches: &[TestBatch], report: &mut Report) {
    const CHECK: &str = "state is handed over";
    if !subject.plugin.has_state() {
        return report.skipped(CHECK, "not exported");
    }
    match handed_over(subject, batches) {
        Ok(note) => report.passed(CHECK, &note),
        Err(why) => report.failed(CHECK, &why),
    }
}

fn handed_over(subject: &Subject<'_>, batches: &[TestBatch]) -> Result<String, String> {
    let (last, earlier) = batches.split_last().ok_or("there are no batches")?;
    let mut old = subject.stage()?;
    for batch in earlier {
        old.run(batch)?;
    }
    let snapshot = |stage: &mut Stage| -> Result<Snapshot, String> {
        let snapshot = stage.slot.snapshot();
        let snapshot = snapshot.map_err(|fault| format!("snapshot {fault}"))?;
        snapshot.ok_or_else(|| "there is no instance to ask".to_owned())
    };
    let saved = snapshot(&mut old)?;
    if snapshot(&mut old)? != saved {
        return Err("two snapshots without a batch between them differ".to_owned());
    }
    let mut new = subject.stage()?;
    let restored = new.slot.restore(&saved);
    restored.map_err(|fault| format!("its own snapshot was not taken: restore {fault}"))?;
    let (before, after) = (old.run(last)?, new.run(last)?);
    // Each instance of a connector numbers its series from 0.
    let is_outcome = !matches!(before.answer, Answer::Emission(_));
    if is_outcome && before.answer != after.answer {
        return Err("the successor answers a batch otherwise than its predecessor".to_owned());
    }
    let nonsense = Snapshot {
        format: u32::MAX,
        data: vec![0xff; 1000],
    };
    let mut another = subject.stage()?;
    match another.slot.restore(&nonsense) {
        Err(fault) if fault.kind() != "state" => {
            return Err(format!("a state that is not its own: restore {fault}"));
        }
        Ok(_) | Err(_) => {}
    }
    let bytes = saved.data.len();
    Ok(format!("format {}, {bytes} bytes", saved.format))
}
