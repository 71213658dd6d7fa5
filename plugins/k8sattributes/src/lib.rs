//! The k8sattributes processor in its pass-through form: notes the address of the pod that telemetry comes from, as the
//! resource's `k8s.pod.ip`, for a Collector behind this one that knows pods by their addresses.

mod settings;

use std::net::IpAddr;

use spanmill_sdk::{
    ABSENT, AttributeField, Batch, Cell, ConfigError, Context, Contract, Outcome, PluginError,
    Processor, Signal, TextField, Value, WriteField,
};

pub use settings::Settings;
use settings::SourceConfig;

const POD_IP: &str = "k8s.pod.ip";
const HOST_NAME: &str = "host.name";

/// The k8sattributes processor.
#[derive(Debug)]
pub struct K8sAttributes {
    associations: Vec<Vec<Source>>,
    /// `k8s.pod.ip` as it is.
    known: AttributeField,
    connection: TextField,
    pod_ip: WriteField,
}

/// A part of what identifies a pod.
#[derive(Debug)]
enum Source {
    Connection,
    Attribute {
        field: AttributeField,
        /// Whether only an address counts.
        must_be_address: bool,
        /// Whether the value is the pod's address.
        is_address: bool,
    },
}

impl Source {
    fn attribute(key: &str, is_address: bool, contract: &mut Contract) -> Self {
        Source::Attribute {
            field: contract.read_attribute(Context::Resource, key),
            must_be_address: key == HOST_NAME,
            is_address,
        }
    }

    fn new(config: &SourceConfig, contract: &mut Contract) -> Self {
        match config.from.as_str() {
            "connection" => Source::Connection,
            _ => Source::attribute(&config.name, false, contract),
        }
    }

    /// Of a resource, whether the source is there, and the address that it gives.
    fn of(&self, batch: &Batch<'_>, connection: Option<u32>, row: usize) -> Option<Option<u32>> {
        match *self {
            Source::Connection => connection.map(Some),
            Source::Attribute {
                field,
                must_be_address,
                is_address,
            } => {
                let values = batch.attribute(field);
                let Value::Text(text) = values.get(row, &batch.texts) else {
                    return None;
                };
                let counts = match must_be_address {
                    true => text.parse::<IpAddr>().is_ok(),
                    false => !text.is_empty(),
                };
                let (_, index) = values.cell(row);
                counts.then(|| is_address.then_some(index as u32))
            }
        }
    }
}

impl K8sAttributes {
    /// The address of the pod that a resource comes from: that of the first association all of whose sources are there, if it
    /// is one of its sources.
    fn address(&self, batch: &Batch<'_>, connection: Option<u32>, row: usize) -> Option<u32> {
        let identified = self.associations.iter().find_map(|sources| {
            let of = |source: &Source| source.of(batch, connection, row);
            sources.iter().map(of).collect::<Option<Vec<_>>>()
        });
        identified?.into_iter().flatten().next()
    }
}

impl Processor for K8sAttributes {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        settings.check()?;
        contract.take(Signal::ALL);
        let associations = match settings.pod_association.is_empty() {
            true => vec![
                vec![Source::attribute(POD_IP, true, contract)],
                vec![Source::attribute("ip", true, contract)],
                vec![Source::Connection],
                vec![Source::attribute(HOST_NAME, true, contract)],
            ],
            false => {
                let sources = settings.pod_association.iter().map(|association| {
                    let sources = association.sources.iter();
                    sources
                        .map(|source| Source::new(source, contract))
                        .collect()
                });
                sources.collect()
            }
        };
        Ok(K8sAttributes {
            associations,
            known: contract.read_attribute(Context::Resource, POD_IP),
            connection: contract.read_client_address(),
            pod_ip: contract.write_attribute(Context::Resource, POD_IP),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        // The same in every row.
        let connection = batch.text(self.connection).first().copied();
        let connection = connection.filter(|text| *text != ABSENT);
        let known = batch.attribute(self.known);
        for row in 0..batch.rows(Context::Resource) {
            let is_known = match known.get(row, &batch.texts) {
                Value::Absent | Value::Empty => false,
                Value::Text(text) => !text.is_empty(),
                _ => true,
            };
            if is_known {
                continue;
            }
            if let Some(address) = self.address(batch, connection, row) {
                outcome.set(self.pod_ip, row as u32, Cell::Text(address));
            }
        }
        Ok(())
    }
}

impl spanmill_sdk::About for K8sAttributes {
    const NAME: &'static str = "k8sattributes";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(K8sAttributes, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::Settings);
}
