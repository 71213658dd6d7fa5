//! Runs the statements.

use spanmill_ottl::{Part, Program, Written};
use spanmill_sdk::{
    Batch, ConfigError, Contract, Counter, Outcome, PluginError, Problems, Processor, Signal,
};

use crate::settings::{Settings, Stage};

/// The transform processor.
#[derive(Debug)]
pub struct Transform {
    program: Program,
    failed: Counter,
}

impl Processor for Transform {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        contract.take(Signal::ALL);
        let mut problems = Problems::new();
        let lambdas = settings.lambdas();
        let stages = settings.stages(&mut problems);
        let written: Vec<Written> = stages.iter().map(|stage| stage.written.clone()).collect();
        let program = match Program::new(&written, lambdas, contract) {
            Ok(program) => program,
            Err(mistakes) => {
                for mistake in mistakes {
                    let stage: Option<&Stage> = stages.get(mistake.group);
                    let pointer = stage.and_then(|stage| match mistake.part {
                        Part::Condition(at) => stage.conditions.get(at),
                        Part::Statement(at) => stage.statements.get(at),
                    });
                    let pointer = pointer.cloned().unwrap_or_default();
                    problems.push(pointer, mistake.error.to_string());
                }
                Program::default()
            }
        };
        problems.check()?;
        Ok(Transform {
            program,
            failed: contract.counter("statements_failed"),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let failed = self.program.run(batch, outcome);
        let failed = failed.map_err(|error| PluginError::Batch(error.to_string()))?;
        if failed > 0 {
            self.failed.add(failed as u64);
        }
        Ok(())
    }
}
