//! A worker's place for one plugin: keeps an instance in it, and makes a new one after a fault.

use std::time::{Duration, Instant};

use spanmill_otlp::BatchView;

use crate::abi::v0_1::answer::Declared;
use crate::error::{ConfigureError, Fault};
use crate::instance::{Answer, Instance, Limits};
use crate::plugin::Plugin;

/// The pause after the second fault in a row; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One instance of a configured plugin, made anew when it dies.
///
/// The first fault replaces the instance at once. Further ones in a row pause it, ever longer, up to 10 s;
/// a batch that goes well ends that.
pub struct Slot {
    plugin: Plugin,
    component: String,
    settings: String,
    limits: Limits,
    declared: Declared,
    instance: Option<Instance>,
    faults_in_a_row: u32,
    /// The same before the last answer, which may turn out to break the contract.
    faults_before_answer: u32,
    ready_at: Option<Instant>,
    /// Whether the instance is another than at the last answer.
    fresh: bool,
    /// Batches this instance has answered well.
    served: u64,
}

impl Slot {
    /// Makes an instance and configures it. `component` is the component id of the manifest, and `settings`
    /// its section as a JSON object.
    pub fn new(
        plugin: &Plugin,
        component: &str,
        settings: &str,
        limits: Limits,
    ) -> Result<Self, ConfigureError> {
        let mut instance = Instance::new(plugin, component, limits)?;
        let declared = instance.configure(settings)?;
        Ok(Slot {
            plugin: plugin.clone(),
            component: component.to_owned(),
            settings: settings.to_owned(),
            limits,
            declared,
            instance: Some(instance),
            faults_in_a_row: 0,
            faults_before_answer: 0,
            ready_at: None,
            fresh: true,
            served: 0,
        })
    }

    /// What the plugin declared.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Whether this is a new instance since this was last asked: what it knew of earlier batches is gone.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// Hands the plugin one batch. If an instance dies that went well before (one that has grown over
    /// many batches, say), the batch is tried once more on a new one.
    pub fn process(&mut self, view: &BatchView<'_>) -> Result<Answer, Fault> {
        let seasoned = self.served > 0;
        let mut answer = self.instance().and_then(|instance| instance.process(view));
        if let Err(fault) = &answer
            && fault.ends_instance()
            && seasoned
        {
            tracing::warn!(plugin = self.component, %fault, "plugin fault; the batch is tried on a new instance");
            self.instance = None;
            answer = self.instance().and_then(|instance| instance.process(view));
        }
        match &answer {
            Ok(_) => {
                self.faults_before_answer = std::mem::take(&mut self.faults_in_a_row);
                self.ready_at = None;
                self.served += 1;
            }
            Err(fault) => self.count(fault),
        }
        answer
    }

    /// Tells the slot of a fault that showed only after the call: an answer that breaks the contract.
    pub fn note(&mut self, fault: &Fault) {
        self.faults_in_a_row = self.faults_before_answer;
        self.count(fault);
    }

    fn count(&mut self, fault: &Fault) {
        if !fault.ends_instance() {
            return;
        }
        self.instance = None;
        self.faults_in_a_row += 1;
        if self.faults_in_a_row > 1 {
            let doublings = (self.faults_in_a_row - 2).min(16);
            let pause = FIRST_PAUSE
                .saturating_mul(1 << doublings)
                .min(LONGEST_PAUSE);
            self.ready_at = Some(Instant::now() + pause);
        }
    }

    /// Memory in use by the instance, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, Instance::memory_bytes)
    }

    /// The plugin's own counters since they were last taken.
    pub fn take_counts(&mut self) -> Vec<(String, u64)> {
        self.instance
            .as_mut()
            .map_or_else(Vec::new, Instance::take_counts)
    }

    fn instance(&mut self) -> Result<&mut Instance, Fault> {
        if self.instance.is_none() {
            let pause = self.ready_at.map_or(Duration::ZERO, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if !pause.is_zero() {
                return Err(Fault::Paused(pause));
            }
            let restart = |error: ConfigureError| Fault::Restart(error.to_string());
            let made = Instance::new(&self.plugin, &self.component, self.limits);
            let mut instance = made.map_err(|error| restart(error.into()))?;
            let declared = instance.configure(&self.settings).map_err(restart)?;
            if declared != self.declared {
                return Err(Fault::Restart(
                    "it declares another contract than before".to_owned(),
                ));
            }
            self.instance = Some(instance);
            self.fresh = true;
            self.served = 0;
        }
        // Never the default: the lines above filled it.
        self.instance.as_mut().ok_or(Fault::Paused(Duration::ZERO))
    }
}
