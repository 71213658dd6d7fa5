//! `spanmill plugin dev`: builds a plugin whenever its source changes, and puts it into a running service.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use notify::Watcher as _;
use spanmill_admin::{AdminClient, PluginStatus, SwapOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::build;
use super::project::Project;
use super::sources::modified;
use crate::cli::admin::{self, AdminArgs};
use crate::cli::output::{Failure, say};

/// Editors write a file in several steps: a build begins once nothing has changed for so long.
const SETTLED: Duration = Duration::from_millis(150);
/// How often rows are shown.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the service may take to listen.
const START: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DevArgs {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The manifest to run; `manifest.yaml` of the folder if not given.
    #[arg(long, value_name = "LOCATION", conflicts_with = "into")]
    config: Option<String>,
    /// Swap into a service that runs already, the one that `--admin` names, as this component.
    #[arg(long, value_name = "COMPONENT")]
    into: Option<String>,
}

/// Where new versions go.
enum Target {
    /// A service of our own, which watches the plugin's file.
    Own(OwnService),
    /// A component of another service.
    Component(String),
}

/// A service that ends with this command.
struct OwnService(Child);

impl Drop for OwnService {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.0.id())
            && let Some(pid) = rustix::process::Pid::from_raw(id)
        {
            // It drains what it has.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.0.wait();
        }
    }
}

/// Builds and swaps until Ctrl-C.
///
/// # Errors
///
/// A first build that fails, a service that does not start or that ends.
pub(in crate::cli) fn dev(args: &DevArgs, admin: &AdminArgs) -> Result<(), Failure> {
    let project = Project::read(&args.folder)?;
    if !project.output.exists() || project.stale().is_some() {
        build::make(&project)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(args, &project, admin))
}

async fn run(args: &DevArgs, project: &Project, admin: &AdminArgs) -> Result<(), Failure> {
    let (changes, mut changed) = mpsc::unbounded_channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event
            && !event.kind.is_access()
        {
            event
                .paths
                .into_iter()
                .for_each(|path| drop(changes.send(path)));
        }
    })?;
    let sources = project.sources.absolute()?;
    for (folder, mode) in sources.watched() {
        watcher.watch(folder, mode).map_err(|error| {
            Failure(format!("error: cannot watch {}: {error}", folder.display()))
        })?;
    }
    // From now on, so that none comes between two looks.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let (mut target, client) = match &args.into {
        Some(component) => {
            let client = admin::client(admin)?;
            swap(&client, component, &project.output).await?;
            (Target::Component(component.clone()), client)
        }
        None => {
            let (service, client) = start(args, project)?;
            (Target::Own(service), client)
        }
    };
    tokio::select! {
        ready = await_service(&client, &mut target) => ready?,
        _ = interrupted.recv() => return Ok(()),
        _ = terminated.recv() => return Ok(()),
        _ = hung_up.recv() => return Ok(()),
    }
    say(format_args!("watching {}; Ctrl-C ends", project.sources));
    let mut rows = Rows::default();
    let mut tick = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            Some(path) = changed.recv() => {
                let mut next = Some(path).filter(|path| sources.contain(path));
                while let Some(path) = next {
                    settle(&mut changed).await;
                    say(format_args!("{} has changed", path.display()));
                    let built = build::make(project);
                    let ended = SystemTime::now();
                    let done = match built {
                        Ok(()) => put_in(project, &target, &client).await,
                        failed => failed,
                    };
                    if let Err(Failure(why)) = done {
                        say(format_args!("{}\nthe version before goes on", why.trim_end()));
                    }
                    // What the build wrote itself is no change; what somebody has saved since is.
                    let mut seen = settle(&mut changed).await.into_iter();
                    next = seen.find(|path| {
                        sources.contain(path) && modified(path).is_some_and(|at| at > ended)
                    });
                }
            }
            _ = tick.tick() => {
                still_runs(&mut target)?;
                if let Ok(plugins) = client.plugins().await {
                    rows.show(&plugins, &project.output, &target);
                }
            }
            _ = interrupted.recv() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
            _ = hung_up.recv() => return Ok(()),
        }
    }
}

/// Waits until nothing changes any more. Returns what has changed meanwhile.
async fn settle(changed: &mut mpsc::UnboundedReceiver<PathBuf>) -> Vec<PathBuf> {
    let mut seen = Vec::new();
    while let Ok(Some(path)) = tokio::time::timeout(SETTLED, changed.recv()).await {
        seen.push(path);
    }
    seen
}

/// Has the component that was built run.
async fn put_in(project: &Project, target: &Target, client: &AdminClient) -> Result<(), Failure> {
    match target {
        // It watches the file, and says what came of it.
        Target::Own(_) => Ok(()),
        Target::Component(component) => swap(client, component, &project.output).await,
    }
}

async fn swap(client: &AdminClient, component: &str, file: &Path) -> Result<(), Failure> {
    let wasm = std::fs::read(file)?;
    let name = file
        .file_name()
        .unwrap_or(file.as_os_str())
        .to_string_lossy();
    let options = SwapOptions {
        allow_more: true,
        ..SwapOptions::default()
    };
    let report = client.swap(component, &name, wasm.into(), &options).await?;
    for one in &report.components {
        let hash = one.to.get(..12).unwrap_or(&one.to);
        say(format_args!("{}: {hash} runs now", one.component));
    }
    Ok(())
}

/// Starts a service of the folder's manifest, which watches the plugin's file.
fn start(args: &DevArgs, project: &Project) -> Result<(OwnService, AdminClient), Failure> {
    let endpoint = admin::own_endpoint()?;
    let manifest = args
        .config
        .clone()
        .unwrap_or_else(|| "manifest.yaml".to_owned());
    let child = Command::new(std::env::current_exe()?)
        .args([
            "run",
            "--config",
            &manifest,
            "--end-with-parent",
            "--admin",
            &endpoint.to_string(),
        ])
        .current_dir(&project.folder)
        .spawn()?;
    Ok((OwnService(child), AdminClient::new(&endpoint, None)?))
}

/// Waits until the service answers.
async fn await_service(client: &AdminClient, target: &mut Target) -> Result<(), Failure> {
    let answering = async {
        while client.plugins().await.is_err() {
            still_runs(target)?;
            tokio::time::sleep(SETTLED).await;
        }
        Ok(())
    };
    match tokio::time::timeout(START, answering).await {
        Ok(ready) => ready,
        Err(_) => Err(Failure(format!(
            "error: the service does not answer after {START:?}"
        ))),
    }
}

fn still_runs(target: &mut Target) -> Result<(), Failure> {
    match target {
        Target::Own(service) => match service.0.try_wait()? {
            Some(status) => Err(Failure(format!("error: the service has ended: {status}"))),
            None => Ok(()),
        },
        Target::Component(_) => Ok(()),
    }
}

/// What the plugin had seen when it was last shown.
#[derive(Default)]
struct Rows {
    calls: u64,
    hash: String,
}

impl Rows {
    /// Shows what the plugin has done since, if anything.
    fn show(&mut self, plugins: &[PluginStatus], output: &Path, target: &Target) {
        let stem = output.file_stem().unwrap_or_default().to_string_lossy();
        let is_meant = |plugin: &&PluginStatus| match target {
            Target::Component(component) => plugin.component == *component,
            Target::Own(_) => plugin.component.split('/').next() == Some(&*stem),
        };
        let Some(plugin) = plugins.iter().find(is_meant) else {
            return;
        };
        let version = &plugin.version;
        if self.hash == version.hash && self.calls == version.calls {
            return;
        }
        if version.calls > 0 {
            let faults: u64 = version.faults.values().sum();
            say(format_args!(
                "{}: {} batches, {} rows in, {} out, {} dropped, {} faults; p50 {} us, p99 {} us",
                plugin.component,
                version.calls,
                version.items_in,
                version.items_out,
                version.items_dropped,
                faults,
                version.latency.p50_us,
                version.latency.p99_us
            ));
        }
        self.hash.clone_from(&version.hash);
        self.calls = version.calls;
    }
}
