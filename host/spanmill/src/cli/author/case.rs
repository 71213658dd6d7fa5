//! One case of a plugin: a folder with settings, a request, and what is expected to come of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value as Json, json};
use spanmill_manifest::{Diagnostics, Source};
use spanmill_runtime::{Kind, Plugin};

use crate::cli::files::read_text;
use crate::cli::output::{Failure, colour};
use crate::cli::{recording, settings};
use crate::config::{self, Manifest, PipelineId};
use crate::otlp_json;
use crate::pipeline::{Offline, PluginLoader, Recorded};
use spanmill_model::Signal;

/// What is expected, if the plugin does not choose between pipelines.
const EXPECTED: &str = "expected.json";

/// A case.
pub(super) struct Case {
    folder: PathBuf,
    settings: Json,
    requests: Vec<Recorded>,
    /// What is expected of each pipeline, by file. A router's files name pipelines: `expected.traces.eu.json` is what
    /// `traces/eu` gets.
    expected: BTreeMap<PathBuf, Option<PipelineId>>,
}

/// What came of a case: the text that each of its files should have.
pub(super) type Actual = BTreeMap<PathBuf, String>;

impl Case {
    /// Reads a case's settings and input.
    ///
    /// # Errors
    ///
    /// Files that are missing or cannot be read, by their names.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let settings = folder.join("settings.yaml");
        let settings = match settings.exists() {
            true => settings::of_file(&settings)?,
            false => json!({}),
        };
        let requests = recording::read(&folder.join("input.json"), Signal::Traces)?;
        let case = Case {
            settings,
            requests,
            expected: expected_files(folder)?,
            folder: folder.to_owned(),
        };
        match case.items()? {
            0 => Err(Failure(format!(
                "error: {}: there is nothing in it; write an OTLP/JSON request with resourceSpans, resourceLogs or resourceMetrics",
                folder.join("input.json").display()
            ))),
            _ => Ok(case),
        }
    }

    /// The items of its requests.
    pub(super) fn items(&self) -> Result<usize, Failure> {
        let items = self.requests.iter().map(|request| {
            let parsed = spanmill_otlp::Request::parse(request.signal, request.bytes.clone())?;
            Ok(parsed.item_count())
        });
        items.sum()
    }

    /// Runs it through pipelines with nothing but the plugin in them.
    ///
    /// # Errors
    ///
    /// Settings that the plugin refuses, a plugin that fails, and files that a router lacks.
    pub(super) fn run(
        &self,
        file: &Path,
        plugin: &Plugin,
        loader: &mut PluginLoader,
    ) -> Result<Actual, Failure> {
        let manifest = self.manifest(file, plugin)?;
        let manifest = self.parse(&manifest)?;
        let mut plugins = loader.load_all(&manifest).map_err(|problems| {
            let mut found = Diagnostics::new(manifest.source.clone());
            problems
                .iter()
                .for_each(|problem| found.push(problem.clone()));
            Failure(found.render(colour()))
        })?;
        let replayed = Offline::new(&manifest, &mut plugins)?.run(&self.requests)?;
        let mut actual: Actual = self
            .expected
            .keys()
            .map(|file| (file.clone(), String::new()))
            .collect();
        for (pipeline, batches) in replayed {
            if pipeline.name.as_deref() == Some(SOURCE)
                && plugin.kinds().iter().all(|kind| kind.is_connector())
            {
                continue;
            }
            let file = match self.file_of(&pipeline) {
                Some(file) => file.clone(),
                None => self.folder.join(EXPECTED),
            };
            let all: Vec<u8> = batches
                .iter()
                .flat_map(|batch| batch.bytes.iter().copied())
                .collect();
            if !all.is_empty() {
                actual
                    .entry(file)
                    .or_default()
                    .push_str(&pretty(&all, pipeline.signal)?);
            }
        }
        for text in actual.values_mut().filter(|text| text.is_empty()) {
            text.push_str("{}\n");
        }
        Ok(actual)
    }

    fn file_of(&self, pipeline: &PipelineId) -> Option<&PathBuf> {
        let mut files = self.expected.iter();
        files
            .find(|(_, of)| of.as_ref() == Some(pipeline))
            .map(|(file, _)| file)
    }

    /// Pipelines with nothing but the plugin in them, for each signal of the input.
    fn manifest(&self, file: &Path, plugin: &Plugin) -> Result<Json, Failure> {
        let file = std::path::absolute(file)?;
        let mut pipelines = serde_json::Map::new();
        let is_processor = plugin.kinds().contains(&Kind::Processor);
        let signals: std::collections::BTreeSet<Signal> =
            self.requests.iter().map(|request| request.signal).collect();
        let mut add = |id: String, receiver: &str, processors: &[&str], exporter: &str| {
            let pipeline =
                json!({"receivers": [receiver], "processors": processors, "exporters": [exporter]});
            pipelines.insert(id, pipeline);
        };
        for signal in &signals {
            if is_processor {
                add(signal.name().to_owned(), "nop", &["plugin"], "nop");
                continue;
            }
            add(format!("{signal}/{SOURCE}"), "nop", &[], "plugin");
        }
        if !is_processor {
            let named: Vec<&PipelineId> = self.expected.values().flatten().collect();
            if plugin.kinds().contains(&Kind::Router) {
                if named.is_empty() {
                    let example = self.folder.join("expected.traces.eu.json");
                    return Err(Failure(format!(
                        "error: {}: the plugin is a router, so the names of its pipelines are needed: an empty {} means the pipeline traces/eu",
                        self.folder.display(),
                        example.display()
                    )));
                }
                named
                    .iter()
                    .for_each(|id| add(id.to_string(), "plugin", &[], "nop"));
            } else {
                let makes = made_of(plugin, &self.settings)?;
                makes
                    .iter()
                    .for_each(|signal| add(signal.name().to_owned(), "plugin", &[], "nop"));
            }
        }
        let section = match is_processor {
            true => "processors",
            false => "connectors",
        };
        Ok(json!({
            "receivers": {"nop": {}},
            "plugins": {"plugin": {"file": file}},
            section: {"plugin": self.settings},
            "exporters": {"nop": {}},
            "service": {"pipelines": pipelines},
        }))
    }

    fn parse(&self, manifest: &Json) -> Result<Manifest, Failure> {
        let name = format!(
            "{}, as a manifest",
            self.folder.join("settings.yaml").display()
        );
        let text = serde_json::to_string_pretty(manifest)?;
        let (manifest, found) = config::examine(Source::new(name, text), Path::new("."), &|_| None);
        match manifest {
            Some(manifest) if !found.has_errors() => Ok(manifest),
            _ => Err(Failure(found.render(colour()))),
        }
    }
}

/// The name of the pipelines that lead to a connector.
const SOURCE: &str = "input";

/// The signals that a connector makes.
fn made_of(plugin: &Plugin, settings: &Json) -> Result<Vec<Signal>, Failure> {
    use spanmill_runtime::{Limits, Role, Slot};
    let mut signals = Vec::new();
    for &kind in plugin.kinds() {
        match kind {
            Kind::Connector => signals.push(Signal::Metrics),
            Kind::RecordConnector => {
                let slot = Slot::in_role(
                    plugin,
                    Role::of(kind),
                    "test",
                    &settings.to_string(),
                    Limits::default(),
                )
                .map_err(|error| Failure(format!("error: settings.yaml: {error}")))?;
                signals.extend(slot.declared().records.as_ref().map(|plan| plan.signal()));
            }
            Kind::Processor | Kind::Router => {}
        }
    }
    signals.sort();
    Ok(signals)
}

/// The settings of the first case in a folder, as JSON; none if there is no case.
pub(super) fn first_settings(cases: &Path) -> Result<String, Failure> {
    let mut files: Vec<PathBuf> = match std::fs::read_dir(cases) {
        Ok(folders) => folders
            .filter_map(|folder| Some(folder.ok()?.path().join("settings.yaml")))
            .collect(),
        Err(_) => Vec::new(),
    };
    files.sort();
    match files.iter().find(|file| file.is_file()) {
        Some(file) => Ok(settings::of_file(file)?.to_string()),
        None => Ok("{}".to_owned()),
    }
}

/// The files that say what is expected, and the pipelines that they name.
fn expected_files(folder: &Path) -> Result<BTreeMap<PathBuf, Option<PipelineId>>, Failure> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name == EXPECTED {
            files.insert(file, None);
        } else if let Some(pipeline) = name
            .strip_prefix("expected.")
            .and_then(|name| name.strip_suffix(".json"))
        {
            let (signal, name) = match pipeline.split_once('.') {
                Some((signal, name)) => (signal, Some(name.to_owned())),
                None => (pipeline, None),
            };
            let Some(signal) = Signal::ALL.into_iter().find(|known| known.name() == signal) else {
                return Err(Failure(format!(
                    "error: {}: name a pipeline between `expected.` and `.json`, such as traces.eu for traces/eu",
                    file.display()
                )));
            };
            files.insert(file, Some(PipelineId { signal, name }));
        }
    }
    Ok(files)
}

/// A request as it is shown and compared.
fn pretty(protobuf: &[u8], signal: Signal) -> Result<String, Failure> {
    let mut line = Vec::new();
    otlp_json::to_json(protobuf, signal, &mut line)?;
    let json: Json = serde_json::from_slice(&line)?;
    Ok(format!("{json:#}\n"))
}

/// What a file expects, written as [`Actual`] is: however it spells numbers and leaves defaults out.
///
/// # Errors
///
/// What is no OTLP/JSON, by file.
pub(super) fn expected_text(file: &Path) -> Result<String, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure(format!("error: {}: {why}", file.display()));
    let text = read_text(file)?;
    let mut out = String::new();
    for request in serde_json::Deserializer::from_str(&text).into_iter::<Json>() {
        let json = request.map_err(|error| wrong(&error))?.to_string();
        if let Some(signal) = otlp_json::signal_of(json.as_bytes()) {
            let protobuf: Bytes =
                otlp_json::to_protobuf(json.as_bytes(), signal).map_err(|error| wrong(&error))?;
            out.push_str(&pretty(&protobuf, signal)?);
        } else if json != "{}" {
            return Err(wrong(
                &"an OTLP request begins with resourceSpans, resourceLogs or resourceMetrics",
            ));
        }
    }
    match out.is_empty() {
        true => Ok("{}\n".to_owned()),
        false => Ok(out),
    }
}
