//! `spanmill plugin`: speaks to the admin API of a running spanmill.

mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use spanmill_admin::{AdminClient, ShadowReport, ShadowState, SwapOptions, SwapReport};

use super::admin;
use super::admin::AdminArgs;
#[cfg(feature = "compiler")]
use super::author::{self, BenchArgs, CasesArgs, DevArgs, NewArgs};
#[cfg(feature = "compiler")]
use super::compile::{CompileArgs, compile};
#[cfg(feature = "compiler")]
use super::conformance;
#[cfg(feature = "compiler")]
use super::distribute::{self, PackArgs, PullArgs, PushArgs};
use super::output::{Failure, say};
use crate::components::canonical_component;
use crate::config::parse_duration;
use spanmill_private::read_regular;

/// The largest plugin file that is sent; the service takes no larger one.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Show each plugin: its version, since when, calls, spans, time a batch, memory, faults, and the versions before.
    Status {
        /// The component: `type` for every one of the type, `type/name` for one; all if not given.
        component: Option<String>,
    },
    /// Put another version in the place of the running one, between two batches. If it fails in its first batches,
    /// the running one comes back by itself and those batches are run again.
    Swap {
        /// The component: `type` for every one of the type, `type/name` for one.
        component: String,
        /// The new version, a WebAssembly component.
        file: PathBuf,
        /// Batches in each pipeline after which it stays.
        #[arg(long, value_name = "BATCHES")]
        probation: Option<u32>,
        #[command(flatten)]
        how: How,
    },
    /// Show live batches to another version as well, without effect, and count how its answers differ.
    Shadow {
        /// The component: `type` for every one of the type, `type/name` for one.
        component: String,
        /// The other version, a WebAssembly component; not needed with --stop or --report.
        #[arg(required_unless_present_any = ["stop", "report"])]
        file: Option<PathBuf>,
        /// For how long, such as 60s or 5m.
        #[arg(long = "for", value_name = "DURATION", default_value = "60s", value_parser = duration)]
        duration: Duration,
        /// Begin it and do not wait for its end.
        #[arg(long)]
        detach: bool,
        /// Show what it has seen so far.
        #[arg(long, conflicts_with_all = ["stop", "file"])]
        report: bool,
        /// End it now.
        #[arg(long, conflicts_with = "file")]
        stop: bool,
        /// Let it read and write fields that the running version does not declare.
        #[arg(long)]
        allow_more: bool,
    },
    /// Swap the shadowed version in.
    Promote {
        /// The component, as it was shadowed.
        component: String,
        #[command(flatten)]
        how: How,
    },
    /// Read the manifest and the plugins' files again, as SIGHUP does, and say what changed.
    Reload,
    #[cfg(feature = "compiler")]
    /// Make a folder with a plugin that builds, tests and runs at once.
    #[command(after_help = "\
Examples:
  spanmill plugin new drop_probes --lang go
  spanmill plugin new slow_routes --lang python --kind connector")]
    New(NewArgs),
    #[cfg(feature = "compiler")]
    /// Build the plugin of a folder with its language's tools, as plugin.yaml says, and show what came of it.
    Build {
        /// The plugin's folder.
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    #[cfg(feature = "compiler")]
    /// Run a plugin's own tests and its cases, or the tests of the contract, in the sandbox and without a service.
    #[command(after_help = "\
A case is a folder in `cases`: settings.yaml, input.json (OTLP/JSON) and expected.json, what is left of the input or what a
connector makes of it; for a router, a file a pipeline, as in expected.traces.eu.json. --conformance loads a plugin, gives it
batches of every signal that it takes (empty, odd, large, random), and checks its answers.

Examples:
  spanmill plugin test
  spanmill plugin test --update
  spanmill plugin test --conformance my_plugin.wasm
  spanmill plugin test --conformance my_plugin.wasm --settings '{\"routes\": [\"/healthz\"]}'
  spanmill plugin test --conformance my_plugin.wasm --settings @cases/health_checks/settings.yaml
  spanmill plugin test --conformance my_router.wasm --pipelines traces/eu,traces/us")]
    Test {
        #[command(flatten)]
        cases: CasesArgs,
        /// Run a component, of any language, against the contract instead.
        #[arg(long, value_name = "FILE")]
        conformance: Option<PathBuf>,
        /// Settings to configure it with, as JSON, YAML or @FILE (YAML, such as a case's settings.yaml).
        #[arg(
            long,
            value_name = "SETTINGS",
            default_value = "{}",
            requires = "conformance"
        )]
        settings: String,
        /// Pipelines of one signal that a router may send to.
        #[arg(
            long,
            value_name = "PIPELINES",
            value_delimiter = ',',
            requires = "conformance"
        )]
        pipelines: Vec<String>,
    },
    #[cfg(feature = "compiler")]
    /// Measure what a plugin costs an item, in batches of 10, 100, 1,000 and 8,192, beside one that does nothing.
    #[command(after_help = "\
Examples:
  spanmill plugin bench
  spanmill plugin bench new.wasm --beside old.wasm --settings '{\"routes\": [\"/healthz\"]}' --input recorded.json")]
    Bench(BenchArgs),
    #[cfg(feature = "compiler")]
    /// Build a plugin whenever its source changes, and put it into a running service: one that this command starts, of
    /// the folder's manifest, or another one.
    #[command(after_help = "\
Examples:
  spanmill plugin dev
  spanmill plugin dev --into filter/mine --admin localhost:4319")]
    Dev(DevArgs),
    /// Compile a plugin for machines without a compiler.
    #[cfg(feature = "compiler")]
    #[command(after_help = "\
Examples:
  spanmill plugin compile drop_probes.wasm --target aarch64-linux,x86_64-linux -o drop_probes.cwasm --key signing.pem

What it makes is native code, for this version of spanmill alone. It is run where one of the keys in SPANMILL_CODE_KEYS, in `keys:` of
the manifest or in the bundle has signed it. The `x86_64-linux` machines have SSE 4.2 at least; `x86_64-v3-linux` is faster with AVX2.")]
    Compile(CompileArgs),
    #[cfg(feature = "compiler")]
    /// Fetch a plugin from a registry or an address: into a file; or with --config, those of a manifest, and pin them.
    #[command(after_help = "\
Examples:
  spanmill plugin pull ghcr.io/team/drop-probes:1.2
  spanmill plugin pull ghcr.io/team/drop-probes:1.2 --key cosign.pub --output plugins/drop-probes.wasm
  spanmill plugin pull --config gateway.yaml            what the manifest names, pinned in spanmill.lock beside it
  spanmill plugin pull --config gateway.yaml --update   pinned anew

A login is that of `docker login` or `podman login`.")]
    Pull(PullArgs),
    #[cfg(feature = "compiler")]
    /// Put a plugin into a registry, as an artifact in the CNCF's layout for WebAssembly.
    #[command(after_help = "\
Examples:
  spanmill plugin push drop_probes.wasm ghcr.io/team/drop-probes:1.2
  spanmill plugin push drop_probes.wasm ghcr.io/team/drop-probes:1.2 --key signing.pem

`cosign sign --key` signs it as well, and `cosign verify --key` verifies what --key has signed.")]
    Push(PushArgs),
    #[cfg(feature = "compiler")]
    /// Pack a manifest and its plugins into one file, which `spanmill run --bundle` runs.
    #[command(after_help = "\
Examples:
  spanmill plugin pack --config edge.yaml --output edge.bundle --key signing.pem
  spanmill run --bundle edge.bundle --bundle-key signing.pub

Built-ins come with spanmill and are not in it; nor are certificates, and what ${env:..} stands for.")]
    Pack(PackArgs),
    /// Show what happened lately: swaps, rollbacks, reloads, and what was refused.
    Events,
}

/// How another version takes the place of one.
#[derive(Debug, clap::Args)]
pub(super) struct How {
    /// Let it read and write fields that the running version does not declare; otherwise it is refused.
    #[arg(long)]
    allow_more: bool,
    /// Once it has passed its probation, put its file into `plugins` beside the manifest, and name it there; otherwise a
    /// restart forgets it.
    #[arg(long)]
    save: bool,
}

impl How {
    fn options(&self, probation: Option<u32>) -> SwapOptions {
        SwapOptions {
            probation,
            allow_more: self.allow_more,
            save: self.save,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("write a number and a unit, such as 500ms, 60s or 5m".to_owned()),
    }
}

pub(super) fn plugin(command: PluginCommand, admin: &AdminArgs, json: bool) -> Result<(), Failure> {
    #[cfg(feature = "compiler")]
    match &command {
        PluginCommand::New(args) => return author::new(args),
        PluginCommand::Build { folder } => return author::build(folder),
        PluginCommand::Test {
            cases,
            conformance,
            settings,
            pipelines,
        } => {
            return match conformance {
                Some(file) => conformance::test(file, settings, pipelines),
                None => author::cases(cases),
            };
        }
        PluginCommand::Bench(args) => return author::bench(args),
        PluginCommand::Pull(args) => return distribute::pull(args),
        PluginCommand::Push(args) => return distribute::push(args),
        PluginCommand::Pack(args) => return distribute::pack(args),
        PluginCommand::Compile(args) => return compile(args),
        PluginCommand::Dev(args) => return author::dev(args, admin),
        _ => {}
    }
    let client = admin::client(admin)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(command, &client, json))
}

async fn run(command: PluginCommand, client: &AdminClient, json: bool) -> Result<(), Failure> {
    match command {
        PluginCommand::Status { component } => {
            let plugins = match component {
                Some(component) => of(&component, client).await?,
                None => client.plugins().await?,
            };
            show(json, &plugins, || table::status(&plugins))
        }
        PluginCommand::Swap {
            component,
            file,
            probation,
            how,
        } => {
            let (name, wasm) = read(&file)?;
            let options = how.options(probation);
            let report = client.swap(&component, &name, wasm, &options).await?;
            show(json, &report, || swapped(&report))
        }
        PluginCommand::Shadow {
            component,
            file: Some(file),
            duration,
            detach,
            allow_more,
            ..
        } => {
            let (name, wasm) = read(&file)?;
            let shadow = client.shadow(&component, &name, wasm, duration, allow_more);
            let mut report = shadow.await?;
            if !json {
                let components = report.components.join(", ");
                say(format_args!(
                    "{components}: shadowed by {} for {duration:?}",
                    short(&report.hash)
                ));
            }
            while !detach && report.state == ShadowState::Running {
                tokio::time::sleep(Duration::from_millis(200)).await;
                report = client.shadow_report(&component).await?;
            }
            show(json, &report, || shadowed(&component, &report))
        }
        PluginCommand::Shadow {
            component, stop, ..
        } => {
            let report = match stop {
                true => client.end_shadow(&component).await?,
                false => client.shadow_report(&component).await?,
            };
            show(json, &report, || shadowed(&component, &report))
        }
        PluginCommand::Promote { component, how } => {
            let report = client.promote(&component, &how.options(None)).await?;
            show(json, &report, || swapped(&report))
        }
        PluginCommand::Reload => {
            let report = client.reload().await?;
            show(json, &report, || {
                let mut lines = report.warnings.clone();
                match report.changes.is_empty() {
                    true => lines.push("nothing has changed".to_owned()),
                    false => lines.extend(report.changes.clone()),
                }
                lines
            })
        }
        // They need no client, and have been done.
        #[cfg(feature = "compiler")]
        PluginCommand::New(_)
        | PluginCommand::Build { .. }
        | PluginCommand::Test { .. }
        | PluginCommand::Bench(_)
        | PluginCommand::Dev(_)
        | PluginCommand::Compile(_)
        | PluginCommand::Pull(_)
        | PluginCommand::Push(_)
        | PluginCommand::Pack(_) => Ok(()),
        PluginCommand::Events => {
            let events = client.events().await?;
            show(json, &events, || {
                let line =
                    |event: &spanmill_admin::Event| format!("{}  {}", event.time, event.message);
                events.iter().map(line).collect()
            })
        }
    }
}

/// The components that a name means, as for a swap.
async fn of(
    component: &str,
    client: &AdminClient,
) -> Result<Vec<spanmill_admin::PluginStatus>, Failure> {
    let all = client.plugins().await?;
    let wanted = canonical_component(component);
    let kind = |id: &str| id.split('/').next().map(canonical_component);
    let is_meant = |id: &str| canonical_component(id) == wanted || kind(id) == Some(wanted.clone());
    let meant: Vec<_> = all.into_iter().filter(|p| is_meant(&p.component)).collect();
    match meant.is_empty() {
        // Says which there are.
        true => Ok(vec![client.plugin(component).await?]),
        false => Ok(meant),
    }
}

/// A file's bytes, and the name that it goes by in messages.
fn read(file: &Path) -> Result<(String, bytes::Bytes), Failure> {
    let wasm = read_regular(file, MAX_BYTES)
        .map_err(|error| Failure(format!("error: cannot read {}: {error}", file.display())))?;
    let name = file.file_name().unwrap_or(file.as_os_str());
    Ok((name.to_string_lossy().into_owned(), wasm.into()))
}

fn show(
    json: bool,
    value: &impl Serialize,
    lines: impl FnOnce() -> Vec<String>,
) -> Result<(), Failure> {
    if json {
        say(serde_json::to_string_pretty(value)?);
    } else {
        lines().iter().for_each(say);
    }
    Ok(())
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn swapped(report: &SwapReport) -> Vec<String> {
    let mut lines: Vec<String> = report
        .components
        .iter()
        .map(|one| {
            let state = match one.state_handed_over {
                true => ", with its state",
                false => "",
            };
            let (from, to) = (short(&one.from), short(&one.to));
            let more = match one.allowed_more.is_empty() {
                true => String::new(),
                false => format!("; beyond that one it {}", one.allowed_more.join(", ")),
            };
            format!("{}: {to} in place of {from}{state}{more}", one.component)
        })
        .collect();
    let already = report.already_running.iter();
    lines.extend(already.map(|component| format!("{component}: runs this version already")));
    lines.extend(after_a_restart(report));
    if report.components.is_empty() {
        return lines;
    }
    lines.push(format!(
        "compiled in {} ms, prepared in {} ms, switched in {} us; on probation for {} batches",
        report.compile_us / 1000,
        report.prepare_us / 1000,
        report.switch_us,
        report.probation
    ));
    lines
}

/// What a restart makes of a swap.
fn after_a_restart(report: &SwapReport) -> Option<String> {
    match &report.saved {
        Some(saved) if saved.after_probation => Some(format!(
            "once it has passed its probation it is saved: {} in {}",
            saved.file, saved.manifest
        )),
        Some(saved) => Some(format!("saved: {} in {}", saved.file, saved.manifest)),
        None if report.differs_from_manifest => Some(
            "the manifest and its files say otherwise, so a restart forgets it; --save writes it there".to_owned(),
        ),
        None => None,
    }
}

fn shadowed(target: &str, report: &ShadowReport) -> Vec<String> {
    let mut lines = vec![format!(
        "{} batches, {} spans; {} batches skipped while it was busy",
        report.batches, report.spans, report.batches_skipped
    )];
    lines.push(format!(
        "verdicts that differ {}, edits that differ {}, measurements that differ {}",
        report.verdicts_differ, report.edits_differ, report.measurements_differ
    ));
    lines.push(format!(
        "p50 {} us, p99 {} us a batch",
        report.latency.p50_us, report.latency.p99_us
    ));
    let faults: u64 = report.faults.values().sum();
    if faults > 0 {
        let last = report.last_fault.as_deref().unwrap_or("unknown");
        lines.push(format!("{faults} faults, the last: {last}"));
    }
    if !report.sampled_trace_ids.is_empty() {
        let ids = report.sampled_trace_ids.join(" ");
        lines.push(format!("traces with spans that differ, some: {ids}"));
    }
    if report.state == ShadowState::Ended {
        lines.push(format!("to swap it in: spanmill plugin promote {target}"));
    }
    lines
}
