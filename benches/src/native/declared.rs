//! Plugins as the runtime takes them natively: settings in, declarations and calls out.

use spanmill_runtime::native::Process;
use spanmill_runtime::{
    Answer, ConfigureError, Declared, Fault, Instrument, InstrumentKind, MetricStream, Problem,
    Sharding, Temporality,
};
use spanmill_sdk::{self as sdk, Connector, Contract, Processor};

/// A configured processor.
///
/// # Errors
///
/// If the plugin does not take the settings.
pub fn processor<P: Processor + Send + 'static>(
    settings: &str,
) -> Result<(Process, Declared), ConfigureError> {
    let mut contract = Contract::default();
    let config = sdk::guest::parse_settings(settings).map_err(refused)?;
    let mut plugin = P::configure(config, &mut contract).map_err(refused)?;
    let process: Process = Box::new(move |view| {
        let batch = super::batch(view);
        let mut outcome = sdk::Outcome::new(&batch);
        plugin.process(&batch, &mut outcome).map_err(fault)?;
        Ok(Answer::Outcome(super::outcome(outcome)))
    });
    Ok((process, declared(&contract, None)))
}

/// A configured connector.
///
/// # Errors
///
/// If the plugin does not take the settings.
pub fn connector<P: Connector + Send + 'static>(
    settings: &str,
) -> Result<(Process, Declared), ConfigureError> {
    let mut contract = Contract::default();
    let config = sdk::guest::parse_settings(settings).map_err(refused)?;
    let (mut plugin, stream) = P::configure(config, &mut contract).map_err(refused)?;
    let process: Process = Box::new(move |view| {
        let batch = super::batch(view);
        let mut emission = sdk::Emission::new(&batch);
        plugin.process(&batch, &mut emission).map_err(fault)?;
        Ok(Answer::Emission(super::emission(emission)))
    });
    Ok((process, declared(&contract, Some(metrics(stream)))))
}

fn refused(error: sdk::ConfigError) -> ConfigureError {
    match error {
        sdk::ConfigError::Settings(problems) => ConfigureError::Settings(
            problems
                .into_iter()
                .map(|problem| Problem {
                    path: problem.path,
                    message: problem.message,
                })
                .collect(),
        ),
        sdk::ConfigError::Unavailable(why) => ConfigureError::Unavailable(why),
    }
}

fn fault(error: sdk::PluginError) -> Fault {
    match error {
        sdk::PluginError::Batch(why) => Fault::Batch(why),
        sdk::PluginError::State(why) => Fault::State(why),
    }
}

fn declared(contract: &Contract, metrics: Option<MetricStream>) -> Declared {
    Declared {
        signals: contract.signals().to_vec(),
        reads: contract.reads().to_vec(),
        writes: contract.writes().to_vec(),
        sharding: match contract.sharding() {
            sdk::Sharding::None => Sharding::None,
            sdk::Sharding::ByTrace => Sharding::ByTrace,
            sdk::Sharding::Whole => Sharding::Whole,
        },
        metrics,
        records: None,
    }
}

fn metrics(stream: sdk::MetricStream) -> MetricStream {
    let instrument = |instrument: sdk::Instrument| Instrument {
        name: instrument.name,
        description: instrument.description,
        unit: instrument.unit,
        kind: match instrument.kind {
            sdk::InstrumentKind::Sum => InstrumentKind::Sum,
            sdk::InstrumentKind::Histogram(bounds) => InstrumentKind::Histogram(bounds),
            sdk::InstrumentKind::ExponentialHistogram(buckets) => {
                InstrumentKind::ExponentialHistogram(buckets)
            }
            sdk::InstrumentKind::UpDownSum => InstrumentKind::UpDownSum,
            sdk::InstrumentKind::Gauge => InstrumentKind::Gauge,
        },
        exemplars: instrument.exemplars,
    };
    MetricStream {
        scope: stream.scope,
        instruments: stream.instruments.into_iter().map(instrument).collect(),
        temporality: match stream.temporality {
            sdk::Temporality::Delta => Temporality::Delta,
            sdk::Temporality::Cumulative => Temporality::Cumulative,
        },
        flush_interval_ns: stream.flush_interval_ns,
        expiration_ns: stream.expiration_ns,
        series_limit: stream.series_limit,
        resource_limit: stream.resource_limit,
        total_limit: stream.total_limit,
        resource_key: stream.resource_key,
    }
}
