//! Policies as they are written become policies that decide, and conditions that are asked of spans.

mod compiled;
mod compiler;

use std::collections::HashSet;

use spanmill_sdk::{Contract, Problems};

pub(crate) use self::compiled::{Compiled, Named};
use self::compiler::{Compiler, Level};
use crate::policy::Policy;
use crate::settings::PolicySettings;

pub(crate) fn compile(
    policies: &[PolicySettings],
    contract: &mut Contract,
    problems: &mut Problems,
) -> Compiled {
    let mut compiler = Compiler {
        contract,
        problems,
        compiled: Compiled::default(),
    };
    let mut names = HashSet::new();
    let (mut dropping, mut others) = (Vec::new(), Vec::new());
    for (at, settings) in policies.iter().enumerate() {
        let path = format!("/policies/{at}");
        if settings.name.is_empty() {
            compiler.mistake(&path, "/name", "a policy needs a name");
        } else if !names.insert(&settings.name) {
            let message = format!("{:?} is the name of an earlier policy", settings.name);
            compiler.mistake(&path, "/name", message);
        }
        let Some(policy) = compiler.policy(settings, &path, Level::Top) else {
            continue;
        };
        let subs = match &policy {
            Policy::Composite(_) => &settings.composite.composite_sub_policy[..],
            _ => &[],
        };
        let list = match policy {
            Policy::Drop(_) => &mut dropping,
            _ => &mut others,
        };
        list.push(Named {
            name: settings.name.clone(),
            subs: subs.iter().map(|sub| sub.name.clone()).collect(),
            policy,
        });
    }
    let mut compiled = compiler.compiled;
    dropping.append(&mut others);
    compiled.policies = dropping;
    compiled
}
