//! What a version of a plugin may read and write: what it declares, and not more than it is granted.
//!
//! A plugin that the manifest names is granted what it declares, or at most what `allow` says. One that comes in its
//! place while the service runs is granted what its predecessor declared: whoever can exchange a file or reach the
//! admin API must not get to see fields that nobody has granted.

use std::fmt;

use spanmill_otlp::{Path, StageContract};
use spanmill_runtime::Slot;

use super::version::{Version, limits};
use crate::config::{Allow, Signal};

/// Fields that a plugin declares and is not granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    reads: Vec<String>,
    writes: Vec<String>,
}

impl Excess {
    /// What one contract declares beyond another; `None` if nothing.
    pub fn of(declared: &StageContract, granted: &StageContract) -> Option<Self> {
        let beyond = |declared: &[Path], granted: &[Path]| {
            let beyond = declared
                .iter()
                .filter(|path| !granted.iter().any(|grant| grant.covers(path)));
            beyond.map(|path| format!("`{path}`")).collect()
        };
        let excess = Excess {
            reads: beyond(&declared.reads, &granted.reads),
            writes: beyond(&declared.writes, &granted.writes),
        };
        (excess != Excess::default()).then_some(excess)
    }

    /// A phrase a field.
    pub fn phrases(&self) -> Vec<String> {
        let reads = self.reads.iter().map(|path| format!("reads {path}"));
        let writes = self.writes.iter().map(|path| format!("writes {path}"));
        reads.chain(writes).collect()
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reads, writes) = (self.reads.join(", "), self.writes.join(", "));
        match (reads.is_empty(), writes.is_empty()) {
            (false, true) => write!(f, "reads {reads}"),
            (true, _) => write!(f, "writes {writes}"),
            (false, false) => write!(f, "reads {reads} and writes {writes}"),
        }
    }
}

/// The fields of a contract that batches of these signals have: what a plugin declares of others it never sees.
fn of_signals(contract: &StageContract, signals: &[Signal]) -> StageContract {
    let is_there = |path: &&Path| {
        let mut contexts = signals.iter().flat_map(|signal| signal.contexts());
        contexts.any(|context| *context == path.context())
    };
    StageContract {
        reads: contract.reads.iter().filter(is_there).cloned().collect(),
        writes: contract.writes.iter().filter(is_there).cloned().collect(),
        may_hold: contract.may_hold,
    }
}

/// Fails if a plugin declares more than the manifest allows, in pipelines of these signals; says by what.
pub(super) fn check_allow(
    allow: &Allow,
    contract: &StageContract,
    signals: &[Signal],
) -> Result<(), String> {
    let granted = StageContract::parse(&allow.reads, &[])
        .and_then(|reads| Ok((reads, StageContract::parse(&[], &allow.writes)?)))
        .map_err(|error| format!("allow: {error}"))?;
    let granted = StageContract {
        reads: granted.0.reads,
        writes: granted.1.writes,
        ..StageContract::default()
    };
    let Some(excess) = Excess::of(&of_signals(contract, signals), &granted) else {
        return Ok(());
    };
    let key = match (excess.reads.is_empty(), excess.writes.is_empty()) {
        (false, true) => "allow.reads",
        (true, _) => "allow.writes",
        (false, false) => "allow",
    };
    Err(format!("the plugin {excess}, which `{key}` does not grant"))
}

/// What a version that comes in the place of another declares beyond it. Nothing if the manifest bounds it: then
/// `allow` was checked when it was configured.
pub fn beyond_predecessor(new: &Version, old: &Version) -> Option<Excess> {
    if new.spec.allow.is_some() || new.plugin.hash() == old.plugin.hash() {
        return None;
    }
    let declared = of_signals(&new.rights, &new.signals);
    Excess::of(&declared, &predecessors(new, old))
}

/// As [`beyond_predecessor`], for a version that a file holds now: an operator who named another file in the manifest,
/// or this one's digest, has granted it what it declares.
pub fn beyond_grant(new: &Version, old: &Version) -> Option<Excess> {
    let is_named = new.spec.file != old.spec.file || new.spec.digest.is_some();
    match is_named {
        true => None,
        false => beyond_predecessor(new, old),
    }
}

/// What the code that ran declares under the settings that are to run: other settings are the operator's doing, and
/// whatever they lead to is granted.
fn predecessors(new: &Version, old: &Version) -> StageContract {
    if new.settings == old.settings {
        return old.rights.clone();
    }
    let mut all = StageContract::default();
    for role in &old.roles {
        let slot = Slot::in_role(
            &old.plugin,
            role.clone(),
            old.id.as_str(),
            &new.settings,
            limits(&old.spec),
        );
        let declared = slot.ok().and_then(|slot| {
            let declared = slot.declared();
            StageContract::parse(&declared.reads, &declared.writes).ok()
        });
        match declared {
            Some(declared) => add(&mut all, &declared),
            None => return old.rights.clone(),
        }
    }
    all
}

/// Adds what a plugin declares in one role to what it does in others.
pub(super) fn add(all: &mut StageContract, one: &StageContract) {
    for (all, one) in [(&mut all.reads, &one.reads), (&mut all.writes, &one.writes)] {
        for path in one {
            if !all.contains(path) {
                all.push(path.clone());
            }
        }
    }
    all.may_hold |= one.may_hold;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(reads: &[&str], writes: &[&str]) -> StageContract {
        let owned = |paths: &[&str]| {
            paths
                .iter()
                .map(|path| (*path).to_owned())
                .collect::<Vec<_>>()
        };
        StageContract::parse(&owned(reads), &owned(writes)).unwrap()
    }

    #[test]
    fn what_is_declared_of_other_signals_is_not_looked_at() {
        let allow = Allow {
            reads: vec!["span.name".to_owned(), "resource.attributes".to_owned()],
            writes: Vec::new(),
        };
        let declared = contract(&["span.name", "log.body", "resource.attributes"], &[]);
        assert_eq!(check_allow(&allow, &declared, &[Signal::Traces]), Ok(()));
        let refused = check_allow(&allow, &declared, &[Signal::Traces, Signal::Logs]);
        assert!(refused.unwrap_err().contains("reads `log.body`"));
    }

    #[test]
    fn more_is_what_the_other_does_not_cover() {
        let granted = contract(&["span.name", "resource.attributes"], &["span.name"]);
        for (reads, writes, excess) in [
            (&["span.name"][..], &[][..], None),
            (&[r#"resource.attributes["a"]"#], &["span.name"], None),
            (&["span.attributes"], &[], Some("reads `span.attributes`")),
            (&[], &["span.kind"], Some("writes `span.kind`")),
            (
                &["span.kind", r#"span.attributes["a"]"#],
                &["resource.attributes"],
                Some(
                    r#"reads `span.kind`, `span.attributes["a"]` and writes `resource.attributes`"#,
                ),
            ),
        ] {
            let found = Excess::of(&contract(reads, writes), &granted);
            let found = found.map(|excess| excess.to_string());
            assert_eq!(found.as_deref(), excess);
        }
    }
}
