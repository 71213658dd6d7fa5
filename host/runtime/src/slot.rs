//! A worker's place for one plugin: keeps an instance in it, and makes a new one after a fault.

mod between;

use std::sync::Arc;
use std::time::{Duration, Instant};

use spanmill_otlp::BatchView;

use crate::abi::v0_1::answer::{Declared, Sharding};
use crate::error::{ConfigureError, Fault};
use crate::health::Health;
#[cfg(not(feature = "native"))]
use crate::instance::Instance;
use crate::instance::{Answer, Limits, Snapshot};
#[cfg(feature = "native")]
use crate::native::Instance;
use crate::plugin::Plugin;
use crate::role::Role;

/// The quarantine after the second fault in a row; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

const MIB: usize = 1024 * 1024;

/// What a slot does when an instance dies that went well before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// It tries the batch on a new instance: the old one may just have grown over many batches.
    Again,
    /// It reports the fault: the version is on probation, and another one stands by for the batch.
    Once,
}

/// One instance of a configured plugin, made anew when it dies.
///
/// The first fault replaces the instance at once. Further ones in a row put it into quarantine, ever longer, up
/// to 10 s; a batch that goes well ends that. Batches that are at fault themselves (see [`Health`]) do not count.
pub struct Slot {
    plugin: Plugin,
    role: Role,
    component: String,
    settings: String,
    limits: Limits,
    declared: Declared,
    /// Whether it wants to see rows once more when they are released.
    sees_released: bool,
    /// Whether it is asked by which of its rules it answered.
    explains: bool,
    instance: Option<Instance>,
    faults_in_a_row: u32,
    /// The same before the last answer, which may turn out to break the contract.
    faults_before_answer: u32,
    ready_at: Option<Instant>,
    /// Whether the instance is another than at the last answer.
    fresh: bool,
    /// Whether the instance does not know what the one before knew.
    lost_state: bool,
    /// Batches this instance has answered well.
    served: u64,
    /// Memory at which the instance is replaced, in bytes.
    recycle_at: usize,
    /// A fault that a second try has made good.
    made_good: Option<Fault>,
    /// Shared by all instances of the version.
    health: Arc<Health>,
    /// Whether the last fault is the batch's and not the plugin's.
    blames_batch: bool,
    /// Log lines that instances before this one dropped.
    dropped_lines: u64,
}

impl Slot {
    /// Makes an instance for the plugin's main role (see [`Plugin::main_role`]); otherwise as [`Slot::in_role`].
    ///
    /// # Errors
    ///
    /// Those of [`Slot::in_role`].
    pub fn new(
        plugin: &Plugin,
        component: &str,
        settings: &str,
        limits: Limits,
    ) -> Result<Self, ConfigureError> {
        Self::in_role(plugin, plugin.main_role(), component, settings, limits)
    }

    /// Makes an instance for a role and configures it. `component` is the component id of the manifest, and `settings`
    /// its section as a JSON object.
    ///
    /// # Errors
    ///
    /// A plugin that has no such role, does not start, does not take its settings, or declares what it may not.
    pub fn in_role(
        plugin: &Plugin,
        role: Role,
        component: &str,
        settings: &str,
        limits: Limits,
    ) -> Result<Self, ConfigureError> {
        let mut instance = Instance::new(plugin, &role, component, limits)?;
        let declared = instance.configure(settings)?;
        let sees_released = instance.sees_released()?;
        Ok(Slot {
            plugin: plugin.clone(),
            role,
            component: component.to_owned(),
            settings: settings.to_owned(),
            limits,
            declared,
            sees_released,
            explains: false,
            instance: Some(instance),
            faults_in_a_row: 0,
            faults_before_answer: 0,
            ready_at: None,
            fresh: true,
            lost_state: true,
            served: 0,
            recycle_at: usize::try_from(limits.recycle_mib)
                .unwrap_or(usize::MAX)
                .saturating_mul(MIB),
            made_good: None,
            health: Arc::default(),
            blames_batch: false,
            dropped_lines: 0,
        })
    }

    /// One more, whose instance is made when it is needed, or by [`Slot::warm`]. It would be like this one: a guest depends
    /// on nothing but its settings.
    pub fn another(&self) -> Self {
        Slot {
            plugin: self.plugin.clone(),
            role: self.role.clone(),
            component: self.component.clone(),
            settings: self.settings.clone(),
            limits: self.limits,
            declared: self.declared.clone(),
            sees_released: self.sees_released,
            explains: self.explains,
            instance: None,
            faults_in_a_row: 0,
            faults_before_answer: 0,
            ready_at: None,
            fresh: true,
            lost_state: true,
            served: 0,
            recycle_at: self.recycle_at,
            made_good: None,
            health: Arc::clone(&self.health),
            blames_batch: false,
            dropped_lines: 0,
        }
    }

    /// Has the plugin keep the reasons for its answers, for [`Slot::why`].
    ///
    /// # Errors
    ///
    /// The plugin's fault when it was told.
    pub fn explaining(mut self) -> Result<Self, ConfigureError> {
        if let Some(instance) = &mut self.instance {
            instance.explain(true)?;
        }
        self.explains = true;
        Ok(self)
    }

    /// Makes the instance if there is none, so that no batch has to wait for it.
    pub fn warm(&mut self) -> Result<(), Fault> {
        self.instance().map(drop)
    }

    /// The health of the version, to be shared with its other instances.
    pub fn health(&self) -> Arc<Health> {
        Arc::clone(&self.health)
    }

    /// Shares the health of the version's other instances.
    pub fn with_health(mut self, health: Arc<Health>) -> Self {
        self.health = health;
        self
    }

    /// Whether the last fault is the batch's, and it would fail again: a new instance failed on it, while others of the plugin's
    /// batches went well a moment ago; or the answer was too much for a batch.
    pub fn blames_batch(&self) -> bool {
        self.blames_batch
    }

    /// What the plugin declared.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// What its instances are made for.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Whether the plugin may hold rows: it exports `ticker`, and sees every row of a trace.
    pub fn may_hold(&self) -> bool {
        self.role == Role::Processor
            && self.plugin.has_ticker()
            && self.declared.sharding != Sharding::None
    }

    /// Whether this is a new instance since this was last asked: what it knew of earlier batches is gone.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// Whether the instance knows nothing of earlier batches, which an instance before it knew, since this was last asked:
    /// after a fault, and at first unless [`Slot::restore`] has handed something on. What a plugin holds must then be shown
    /// to it by [`Slot::review`].
    pub fn take_lost_state(&mut self) -> bool {
        std::mem::take(&mut self.lost_state)
    }

    /// Hands the plugin one batch.
    pub fn process(&mut self, view: &BatchView<'_>, tries: Tries) -> Result<Answer, Fault> {
        let seasoned = self.served > 0 && tries == Tries::Again;
        self.blames_batch = false;
        let mut answer = self.instance().and_then(|instance| instance.process(view));
        if let Err(fault) = &answer
            && fault.ends_instance()
            && seasoned
        {
            tracing::debug!(plugin = self.component, %fault, "plugin fault; the batch is tried on a new instance");
            let first = fault.clone();
            self.discard();
            answer = self.instance().and_then(|instance| instance.process(view));
            if answer.is_ok() {
                self.made_good = Some(first);
            }
        }
        match &answer {
            Ok(_) => {
                self.faults_before_answer = std::mem::take(&mut self.faults_in_a_row);
                self.ready_at = None;
                self.served += 1;
            }
            Err(fault) => {
                self.blames_batch = fault.is_of_the_batch() && self.health.is_well();
                self.count(fault);
            }
        }
        answer
    }

    /// Counts the fault of a call between two batches.
    fn settled<T>(&mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &result {
            self.blames_batch = false;
            self.count(fault);
        }
        result
    }

    /// The fault that the last batch met before a second try went well; for counting.
    pub fn take_made_good(&mut self) -> Option<Fault> {
        self.made_good.take()
    }

    /// Tells the slot that the last answer was good.
    pub fn confirm(&self) {
        self.health.succeeded();
    }

    /// Tells the slot of a fault that showed only after the call: an answer that breaks the contract.
    pub fn note(&mut self, fault: &Fault) {
        self.faults_in_a_row = self.faults_before_answer;
        // However the plugin fares otherwise: it would answer the same again.
        self.blames_batch = fault.is_of_size();
        self.count(fault);
    }

    fn count(&mut self, fault: &Fault) {
        if !fault.ends_instance() {
            return;
        }
        self.discard();
        self.health.failed();
        self.faults_in_a_row = self.faults_in_a_row.saturating_add(1);
        let failures = self.health.failures_that_count(self.faults_in_a_row);
        if failures > 1 {
            let doublings = (failures - 2).min(16);
            let pause = FIRST_PAUSE
                .saturating_mul(1 << doublings)
                .min(LONGEST_PAUSE);
            self.ready_at = Instant::now().checked_add(pause);
        }
    }

    /// Replaces an instance whose memory has passed the mark, and hands its state on. To be called between two
    /// batches. Gives whether it did. On a fault the old instance stays, unless the fault is its own.
    pub fn recycle(&mut self) -> Result<bool, Fault> {
        let before = self.memory_bytes();
        let recycled = self.recycle_above(self.recycle_at);
        // What is needed, and not leaked, is needed again: without this, every batch would replace the instance.
        let after = self.memory_bytes();
        if before > self.recycle_at && after > self.recycle_at / 4 * 3 {
            self.recycle_at = after.max(before).saturating_mul(2);
        }
        recycled
    }

    /// The same with another mark, in bytes: for after a batch that was an exception.
    pub fn recycle_above(&mut self, mark: usize) -> Result<bool, Fault> {
        if self.memory_bytes() <= mark {
            return Ok(false);
        }
        match self.successor() {
            Ok(instance) => {
                self.discard();
                self.instance = Some(instance);
                self.fresh = true;
                self.lost_state |= !self.plugin.has_state();
                self.served = 0;
                Ok(true)
            }
            Err(fault) => {
                tracing::warn!(plugin = self.component, %fault, "an instance that has grown could not be replaced");
                Err(fault)
            }
        }
    }

    fn successor(&mut self) -> Result<Instance, Fault> {
        let snapshot = self.snapshot()?;
        let mut instance = self.make()?;
        if let Some(snapshot) = snapshot {
            instance.restore(&snapshot)?;
        }
        Ok(instance)
    }

    /// What the instance knows of earlier batches. Nothing if the plugin does not hand it on, or if there is no
    /// instance since the last fault. A fault here ends the instance.
    pub fn snapshot(&mut self) -> Result<Option<Snapshot>, Fault> {
        let Some(instance) = &mut self.instance else {
            return Ok(None);
        };
        let snapshot = instance.snapshot();
        if let Err(fault) = &snapshot {
            self.count(fault);
        }
        snapshot
    }

    /// Takes over what an instance of another version knew. Gives whether the plugin does that at all.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<bool, Fault> {
        if !self.plugin.has_state() {
            return Ok(false);
        }
        let restored = self
            .instance()
            .and_then(|instance| instance.restore(snapshot));
        match &restored {
            Ok(()) => self.lost_state = false,
            Err(fault) => self.count(fault),
        }
        restored.map(|()| true)
    }

    /// Memory in use by the instance, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.instance.as_ref().map_or(0, Instance::memory_bytes)
    }

    /// Until when the plugin is in quarantine, if it is.
    pub fn quarantined_until(&self) -> Option<Instant> {
        self.ready_at.filter(|_| self.instance.is_none())
    }

    /// Passes on what the plugin itself has counted since this was last asked.
    pub fn take_counts(&mut self, each: impl FnMut(&str, u64)) {
        if let Some(instance) = &mut self.instance {
            instance.take_counts(each);
        }
    }

    /// Log lines that were dropped because there were too many, since this was last asked.
    pub fn take_dropped_lines(&mut self) -> u64 {
        let now = self
            .instance
            .as_mut()
            .map_or(0, Instance::take_dropped_lines);
        std::mem::take(&mut self.dropped_lines).saturating_add(now)
    }

    /// Lets go of an instance that is of no more use.
    fn discard(&mut self) {
        self.dropped_lines = self.take_dropped_lines();
        self.instance = None;
    }

    fn instance(&mut self) -> Result<&mut Instance, Fault> {
        if self.instance.is_none() {
            let pause = self.ready_at.map_or(Duration::ZERO, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if !pause.is_zero() {
                return Err(Fault::Quarantined(pause));
            }
            self.instance = Some(self.make()?);
            self.fresh = true;
            self.lost_state = true;
            self.served = 0;
        }
        // Never the default: the lines above filled it.
        self.instance
            .as_mut()
            .ok_or(Fault::Quarantined(Duration::ZERO))
    }

    fn make(&self) -> Result<Instance, Fault> {
        let restart = |error: ConfigureError| Fault::Restart(error.to_string());
        let made = Instance::new(&self.plugin, &self.role, &self.component, self.limits);
        let mut instance = made.map_err(|error| restart(error.into()))?;
        let declared = instance.configure(&self.settings).map_err(restart)?;
        if declared != self.declared {
            return Err(Fault::Restart(
                "it declares another contract than before".to_owned(),
            ));
        }
        if self.explains {
            instance.explain(true)?;
        }
        Ok(instance)
    }
}
