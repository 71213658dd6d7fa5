//! `spanmill plugin bench`: what a plugin costs an item, in batches of several sizes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spanmill_otlp::{Projection, Request, StageContract, Workspace};
use spanmill_runtime::{Limits, Plugin, Role, Slot, Tries};

use super::input;
use crate::cli::output::{Failure, say};
use crate::cli::recording;
use crate::cli::role::role;
use crate::service::Folders;
use spanmill_model::Signal;

/// Items a batch.
const SIZES: [usize; 4] = [10, 100, 1_000, 8_192];
/// How long one size is measured, and how many times by turns with the others.
const SLICE: Duration = Duration::from_millis(150);
const ROUNDS: usize = 5;
/// When every batch counts as received: 2020-01-01.
const RECEIVED: u64 = 1_577_836_800_000_000_000;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BenchArgs {
    /// The plugin, a component; that of `plugin.yaml` in the current folder if not given.
    pub(super) plugin: Option<PathBuf>,
    /// Settings, as JSON, YAML or @FILE (YAML); those of the first case in `cases` if not given.
    #[arg(long, value_name = "SETTINGS")]
    pub(super) settings: Option<String>,
    /// Recorded OTLP, .json or .pb, instead of made input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Another plugin to measure beside it by turns, such as the version that runs now.
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// Pipelines of one signal that a router may send to.
    #[arg(long, value_name = "PIPELINES", value_delimiter = ',')]
    pipelines: Vec<String>,
}

/// One plugin that is measured.
struct Contestant {
    name: String,
    slot: Slot,
    workspace: Workspace,
    /// How often its instance was replaced because its memory had grown.
    replaced: u32,
}

/// Measures, and prints a table: ns an item, the median of the rounds.
///
/// # Errors
///
/// Plugins that are refused, settings that they refuse, a plugin that fails.
pub(super) fn bench(args: &BenchArgs, plugin: &Path, settings: &str) -> Result<(), Failure> {
    let runtime = Folders::from_environment()?.runtime()?;
    let load = |file: &Path| -> Result<Plugin, Failure> {
        let begun = Instant::now();
        let plugin = runtime.load_file(file)?;
        say(format_args!(
            "{}: {} KiB, loaded in {:.0?}",
            file.display(),
            plugin.size() / 1024,
            begun.elapsed()
        ));
        Ok(plugin)
    };
    let subject = load(plugin)?;
    let role = match subject.kinds().first() {
        Some(kind) => role(*kind, &args.pipelines)?.ok_or_else(|| {
            let why = "a router is measured with pipelines: --pipelines traces/a,traces/b";
            Failure(format!("error: {}: {why}", plugin.display()))
        })?,
        None => Role::Processor,
    };
    let mut contestants = vec![Contestant::new("plugin", &subject, &role, settings)?];
    let signal = contestants
        .first()
        .and_then(|one| one.slot.declared().signals.first().copied())
        .unwrap_or(Signal::Traces);
    if let Some(beside) = &args.beside {
        contestants.push(Contestant::new("beside", &load(beside)?, &role, settings)?);
    }
    let idle = no_op(&contestants, signal)?;
    let idle = runtime.load("no-op", &idle)?;
    contestants.push(Contestant::new("no-op", &idle, &Role::Processor, "{}")?);
    let recorded = match &args.input {
        Some(file) => Some(recorded(file, signal)?),
        None => None,
    };
    let mut header = format!("{:>8}", signal.items());
    contestants
        .iter()
        .for_each(|one| header.push_str(&format!("{:>12}", one.name)));
    say(format_args!("\nns an item\n{header}"));
    for size in SIZES {
        let batch = match &recorded {
            Some(all) => resized(signal, all, size)?,
            None => input::request(signal, size),
        };
        let mut taken = vec![Vec::new(); contestants.len()];
        for _ in 0..ROUNDS {
            for (contestant, taken) in contestants.iter_mut().zip(&mut taken) {
                taken.push(contestant.slice(signal, &batch)?);
            }
        }
        let mut line = format!("{size:>8}");
        for taken in &mut taken {
            taken.sort_by(f64::total_cmp);
            let median = taken.get(ROUNDS / 2).copied().unwrap_or_default();
            line.push_str(&format!("{median:>12.1}"));
        }
        say(line);
    }
    for one in &contestants {
        let replaced = match one.replaced {
            0 => String::new(),
            times => format!("; replaced {times} times as it grew, which the figures hold"),
        };
        say(format_args!(
            "{:<8} {} KiB of memory{replaced}",
            one.name,
            one.slot.memory_bytes() / 1024
        ));
    }
    Ok(())
}

impl Contestant {
    fn new(name: &str, plugin: &Plugin, role: &Role, settings: &str) -> Result<Self, Failure> {
        let limits = Limits {
            timeout: Duration::from_secs(10),
            ..Limits::default()
        };
        let slot = Slot::in_role(plugin, role.clone(), name, settings, limits)
            .map_err(|error| Failure(format!("error: {name}: {error}")))?;
        let declared = slot.declared();
        let mut contract = StageContract::parse(&declared.reads, &declared.writes)
            .map_err(|error| Failure(format!("error: {name}: {error}")))?;
        contract.may_hold = slot.may_hold();
        let projection = Projection::new(vec![contract], &Workspace::span_id_paths())
            .map_err(|error| Failure(format!("error: {name}: {error}")))?;
        Ok(Contestant {
            name: name.to_owned(),
            workspace: Workspace::new(Arc::new(projection)),
            slot,
            replaced: 0,
        })
    }

    /// Calls the plugin with a batch for a while. Returns ns an item: of the call, with what it copies in and out.
    fn slice(&mut self, signal: Signal, batch: &Bytes) -> Result<f64, Failure> {
        let request = Request::parse(signal, batch.clone())?;
        let items = request.item_count().max(1);
        self.workspace.load(request, RECEIVED)?;
        let view = self
            .workspace
            .view(0)
            .ok_or_else(|| Failure("error: there is no stage".to_owned()))?;
        let failed = |fault| Failure(format!("error: {}: {fault}", self.name));
        // As the host does it: between two batches, an instance that has grown is replaced.
        let mut call = || {
            self.slot.process(&view, Tries::Once).map_err(failed)?;
            if self.slot.recycle().map_err(failed)? {
                self.replaced = self.replaced.saturating_add(1);
            }
            Ok::<(), Failure>(())
        };
        // What is made at the first batch is not the price of the others.
        call()?;
        let (begun, mut calls) = (Instant::now(), 0u32);
        while begun.elapsed() < SLICE {
            call()?;
            calls = calls.saturating_add(1);
        }
        Ok(begun.elapsed().as_nanos() as f64 / f64::from(calls) / items as f64)
    }
}

/// A plugin that reads what the first one reads, and does nothing.
fn no_op(contestants: &[Contestant], signal: Signal) -> Result<Vec<u8>, Failure> {
    let reads = contestants
        .first()
        .map(|one| one.slot.declared().reads.clone());
    let mut reads = reads.unwrap_or_default();
    // A plugin of several signals reads fields that this one does not have.
    let contexts = signal.contexts();
    reads.retain(|path| {
        let path = spanmill_otlp::Path::parse(path);
        path.is_ok_and(|path| contexts.contains(&path.context()))
    });
    let number = match signal {
        Signal::Traces => 0,
        Signal::Logs => 1,
        Signal::Metrics => 2,
    };
    spanmill_componentize::no_op(number, &reads)
        .map_err(|error| Failure(format!("error: no-op: {error}")))
}

/// All of a recording that is of a signal.
fn recorded(file: &Path, signal: Signal) -> Result<Bytes, Failure> {
    let requests = recording::read(file, signal)?.into_iter();
    let all: Vec<u8> = requests
        .filter(|request| request.signal == signal)
        .flat_map(|request| request.bytes)
        .collect();
    match all.is_empty() {
        false => Ok(all.into()),
        true => Err(Failure(format!(
            "error: {}: there are no {} in it",
            file.display(),
            signal.items()
        ))),
    }
}

/// A batch of a size: the first of a recording that is longer, or one that is shorter several times.
fn resized(signal: Signal, all: &Bytes, size: usize) -> Result<Bytes, Failure> {
    let items = Request::parse(signal, all.clone())?.item_count().max(1);
    let repeated: Bytes = all.repeat(size.div_ceil(items)).into();
    let parts = Request::parse(signal, repeated)?.split(size);
    let first = parts.into_iter().next();
    Ok(first.map(|part| part.bytes).unwrap_or_default())
}
