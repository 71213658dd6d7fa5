//! The command line.

mod admin;
#[cfg(feature = "compiler")]
mod author;
#[cfg(feature = "fetch")]
mod bundle;
#[cfg(feature = "compiler")]
mod compile;
#[cfg(feature = "compiler")]
mod conformance;
#[cfg(feature = "compiler")]
mod distribute;
#[cfg(feature = "compiler")]
mod executable;
mod explain;
#[cfg(feature = "fetch")]
mod fetch;
mod files;
mod inspect;
mod log;
mod manifest;
mod output;
mod plugin;
mod plugins;
mod recording;
mod replay;
mod role;
mod run;
mod settings;
mod status;
mod table;
mod tap;
mod top;
mod trace;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
#[cfg(feature = "compiler")]
use spanmill_runtime::{CodeTarget, Machine, PluginMemory, compile_child};

use log::LogFormat;
use manifest::ManifestArgs;
use output::Failure;
use spanmill_model::Signal;

/// Process telemetry with sandboxed WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(
    name = "spanmill",
    version,
    after_help = "\
Examples:
  spanmill run                                  the built-in quickstart pipeline on localhost:4317 and 4318
  spanmill run --config collector.yaml          your pipelines, in the OpenTelemetry Collector's own YAML
  spanmill validate --config collector.yaml     every mistake in it, plugins' settings included
  spanmill plugin swap redaction new.wasm       another version of a plugin, while telemetry flows
  spanmill replay --config c.yaml --input t.json --output out.json
                                                recorded OTLP through the pipelines, without a network"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How log lines are written, to stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,

    /// How much is logged: error, warn, info, debug or trace. Overrides the manifest's
    /// service.telemetry.logs.level.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<tracing::level_filters::LevelFilter>,
}

/// The signals, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum InputSignal {
    Traces,
    Logs,
    Metrics,
}

impl From<InputSignal> for Signal {
    fn from(signal: InputSignal) -> Self {
        match signal {
            InputSignal::Traces => Signal::Traces,
            InputSignal::Logs => Signal::Logs,
            InputSignal::Metrics => Signal::Metrics,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive, process and export, until SIGTERM or Ctrl-C.
    #[command(after_help = "\
Examples:
  spanmill run
  spanmill run --config gateway.yaml --log-format json")]
    Run {
        #[command(flatten)]
        manifest: ManifestArgs,
        /// Threads that run plugins, exactly; if not given, one a core, and a spare one for short batches while slow ones
        /// occupy the others.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
        workers: Option<u16>,
        /// Where the admin API listens, `unix:/path` or `host:port`, or `off`; SPANMILL_ADMIN if not given, else
        /// the manifest's `admin.endpoint`, else a Unix socket of this user's, which `spanmill plugin` finds.
        #[arg(long, value_name = "ENDPOINT")]
        admin: Option<String>,
        /// Do not reload when the manifest or a plugin's file changes; SIGHUP and `spanmill plugin` still work.
        #[arg(long)]
        no_watch: bool,
        /// End, as on SIGTERM, when the process that started this one is gone.
        #[arg(long, hide = true)]
        end_with_parent: bool,
    },
    /// Show what a running spanmill has delivered, holds and has lost, by exporter.
    #[command(after_help = "\
Examples:
  spanmill status
  spanmill status --json

Sent, failed: spans, or data points of metrics. Queue: what it holds of what it can hold.")]
    Status {
        #[command(flatten)]
        admin: admin::AdminArgs,
        /// Write JSON, as the admin API returns it.
        #[arg(long)]
        json: bool,
    },
    /// Show which plugin, rule and version kept, changed or dropped each span of a recent trace. The manifest of the running
    /// spanmill must ask for that account: `ledger: {}`.
    #[command(after_help = "\
Examples:
  spanmill explain 4bf92f3577b34da6a3ce929d0e0e4736
  spanmill explain 4bf92f3577b34da6a3ce929d0e0e4736 --json

Versions are the hashes that `spanmill plugin status` shows.")]
    Explain {
        /// The trace, 32 hexadecimal digits.
        trace_id: String,
        #[command(flatten)]
        admin: admin::AdminArgs,
        /// Write JSON, as the admin API returns it.
        #[arg(long)]
        json: bool,
    },
    /// Show what passes a running spanmill: rates, latencies, queues, refreshed until Ctrl-C.
    #[command(after_help = "\
Examples:
  spanmill top
  spanmill top --once                              one table, for a script")]
    Top {
        #[command(flatten)]
        admin: admin::AdminArgs,
        /// How often it is refreshed, and over which time rates are taken.
        #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = crate::config::parse_duration)]
        interval: std::time::Duration,
        /// Show one table, after one interval, and end.
        #[arg(long)]
        once: bool,
    },
    /// Show telemetry as it passes a running spanmill: a sample of it, until Ctrl-C.
    #[command(after_help = "\
Examples:
  spanmill tap                                     what leaves each pipeline
  spanmill tap traces/web --before                 what comes into one
  spanmill tap filter --before --limit 5           what a processor is given
  spanmill tap otlp/backend --filter 'span.status.code == STATUS_CODE_ERROR'

Where a pipeline has a `redaction` processor, telemetry is shown behind it alone, unless the manifest says `admin: {tap: all}`.")]
    Tap {
        /// A pipeline, or a component of any kind; not given, every pipeline.
        target: Option<String>,
        /// As it comes there, rather than as it leaves.
        #[arg(long)]
        before: bool,
        /// Only what meets an OTTL condition on spans, log records or data points.
        #[arg(long, value_name = "CONDITION")]
        filter: Option<String>,
        /// End after so many items.
        #[arg(long, value_name = "ITEMS")]
        limit: Option<std::num::NonZeroU64>,
        /// At most so many items a second.
        #[arg(long, value_name = "ITEMS", default_value = "10")]
        rate: std::num::NonZeroU32,
        /// Write each item as a line of OTLP's JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        admin: admin::AdminArgs,
    },
    /// Look at the plugins of a running spanmill, and put others in their place.
    #[command(after_help = "\
Examples:
  spanmill plugin status
  spanmill plugin swap redaction new.wasm          after it has proven itself in 100 batches it stays
  spanmill plugin shadow filter/health new.wasm --for 60s
  spanmill plugin promote filter/health

A type alone means every component of that type; `type/name` means one.
For a service of another user's or on another machine, set SPANMILL_ADMIN_TOKEN; --admin https://host:port speaks TLS.")]
    Plugin {
        #[command(subcommand)]
        command: plugin::PluginCommand,
        #[command(flatten)]
        admin: admin::AdminArgs,
        /// Write JSON, as the admin API returns it.
        #[arg(long, global = true)]
        json: bool,
    },
    /// Check a manifest: show every mistake, and load and configure every plugin.
    #[command(after_help = "\
Examples:
  spanmill validate --config gateway.yaml
  spanmill validate --config base.yaml --config site.yaml --set exporters.otlp.timeout=2s")]
    Validate {
        #[command(flatten)]
        manifest: ManifestArgs,
    },
    /// List the built-in plugins and the manifest's: what each reads and writes, and what it costs in memory.
    #[command(after_help = "\
Examples:
  spanmill plugins
  spanmill plugins --config gateway.yaml")]
    Plugins {
        #[command(flatten)]
        manifest: ManifestArgs,
    },
    /// Put a manifest, its plugins and a runtime into one executable, for a machine without a compiler.
    #[cfg(feature = "compiler")]
    #[command(after_help = "\
Examples:
  spanmill bundle --config gateway.yaml --target aarch64-linux -o edge
  spanmill bundle --config gateway.yaml --target x86_64-linux -o edge --with transform --code-key signing.pub

The executable runs the manifest, `edge run`, with ${env:..} as they are there, and knows `validate`, `plugins`, `inspect`, `status`
and the like. Nothing has to be installed beside it. Certificates and keys that the manifest names are not in it.")]
    Bundle(executable::BundleArgs),
    /// Put the built-in plugins into an executable: what a build does.
    #[cfg(feature = "compiler")]
    #[command(hide = true)]
    PackBuiltIns(executable::PackArgs),
    /// Show what a plugin file is: kind, contract version, imports, exports.
    #[command(after_help = "\
Examples:
  spanmill inspect my_plugin.wasm
  spanmill inspect                                 what is inside this executable
  spanmill inspect filter                          a plugin inside it
  spanmill inspect my_plugin.wasm --settings '{\"drop\": \"/healthz\"}'")]
    Inspect {
        /// The component, or the type of a plugin inside this executable; not given, all that is inside.
        file: Option<PathBuf>,
        /// Settings to configure it with, as JSON, YAML or @FILE (YAML): shows what it reads and writes under them.
        #[arg(long, value_name = "SETTINGS")]
        settings: Option<String>,
        /// Pipelines of one signal that a router may send to, such as traces/eu,traces/us.
        #[arg(long, value_name = "PIPELINES", value_delimiter = ',')]
        pipelines: Vec<String>,
    },
    /// Run recorded OTLP through the pipelines of a manifest, offline. Exporters and receivers are left out; the same input
    /// gives the same output every time.
    #[command(after_help = "\
Examples:
  spanmill replay --config gateway.yaml --input traces.json
  spanmill replay --config gateway.yaml --input request.pb --output out.json

Input is OTLP JSON (.json), one request or one a line, or one request in protobuf (.pb).
Output is OTLP JSON lines: what each pipeline would have exported, traces first, then logs, then metrics.")]
    Replay {
        #[command(flatten)]
        manifest: ManifestArgs,
        /// Recorded OTLP, .json or .pb.
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// What a request in protobuf carries, which it does not say itself.
        #[arg(long, value_enum, default_value_t = InputSignal::Traces)]
        signal: InputSignal,
        /// Where the result goes; stdout if not given.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Print what becomes of each trace, and by which policy of a tail sampler, and how much is left of each service.
        #[arg(long)]
        explain: bool,
        /// Another manifest: print which traces one of them keeps and the other does not.
        #[arg(long, value_name = "LOCATION")]
        against: Option<String>,
    },
    /// Fetch the plugin that stdin names: what spanmill runs as a process of its own, within limits.
    #[cfg(feature = "fetch")]
    #[command(hide = true)]
    FetchPlugin,
    /// Compile the plugin on stdin: what spanmill runs as a process of its own, within limits.
    #[cfg(feature = "compiler")]
    #[command(hide = true)]
    CompilePlugin {
        /// Memory, in MiB.
        memory_mib: u64,
        /// CPU time, in seconds.
        cpu_seconds: u64,
        /// How its memories lie.
        memory: PluginMemory,
        /// The machine; not given, this one.
        machine: Option<Machine>,
    },
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = match log::Log::start(cli.log_format, cli.log_level) {
        Ok(log) => log,
        // Without a thread for the log there is none for anything else.
        Err(error) => {
            let Failure(why) = output::no_threads(&error);
            output::warn(why);
            return ExitCode::FAILURE;
        }
    };
    let done = match cli.command {
        Command::Run {
            manifest,
            workers,
            admin,
            no_watch,
            end_with_parent,
        } => match end_with_parent.then(run::end_with_parent) {
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => run::run(&manifest, workers, admin, no_watch, &log),
        },
        Command::Status { admin, json } => status::status(&admin, json),
        Command::Explain {
            trace_id,
            admin,
            json,
        } => trace::trace(&admin, &trace_id, json),
        Command::Top {
            admin,
            interval,
            once,
        } => top::top(&admin, interval, once),
        Command::Tap {
            target,
            before,
            filter,
            limit,
            rate,
            json,
            admin,
        } => {
            let request = spanmill_admin::TapRequest {
                target,
                before,
                filter,
                limit: limit.map(Into::into),
                rate: Some(rate.into()),
            };
            tap::tap(&admin, &request, json)
        }
        Command::Plugin {
            command,
            admin,
            json,
        } => plugin::plugin(command, &admin, json),
        Command::Validate { manifest } => validate::validate(&manifest),
        Command::Plugins { manifest } => plugins::plugins(&manifest),
        Command::Inspect {
            file,
            settings,
            pipelines,
        } => inspect::inspect(file.as_deref(), settings.as_deref(), &pipelines),
        #[cfg(feature = "compiler")]
        Command::Bundle(args) => executable::bundle(&args),
        #[cfg(feature = "compiler")]
        Command::PackBuiltIns(args) => executable::pack(&args),
        #[cfg(feature = "compiler")]
        Command::CompilePlugin {
            memory_mib,
            cpu_seconds,
            memory,
            machine,
        } => {
            let target = CodeTarget { machine, memory };
            compile_child(memory_mib, Duration::from_secs(cpu_seconds), target).map_err(Failure)
        }
        #[cfg(feature = "fetch")]
        Command::FetchPlugin => fetch::fetch(),
        Command::Replay {
            manifest,
            input,
            signal,
            output,
            explain,
            against,
        } => {
            let against = against.as_deref();
            let explained = replay::Explained { against };
            let explained = (explain || against.is_some()).then_some(&explained);
            let output = output.as_deref();
            replay::replay(&manifest, &input, signal.into(), output, explained)
        }
    };
    let mut console = log.console();
    let code = match done.and_then(|()| output::check_said()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(message)) => {
            use std::io::Write as _;
            // In one write, which is whole; nothing can be done about a closed stderr.
            let line = format!("{}\n", message.trim_end());
            let _ = console.write_all(line.as_bytes());
            ExitCode::FAILURE
        }
    };
    console.flush_within(LAST_WORDS);
    code
}

/// How long the last lines may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);
