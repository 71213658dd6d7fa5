//! Which world a module is of.

use wit_parser::{Resolve, SourceMap, WorldId};

use crate::Error;
use crate::exports::Exports;

/// The contract's text.
const CONTRACT: [(&str, &str); 4] = [
    ("plugin.wit", include_str!("../../../wit/plugin.wit")),
    ("telemetry.wit", include_str!("../../../wit/telemetry.wit")),
    (
        "connectors.wit",
        include_str!("../../../wit/connectors.wit"),
    ),
    ("optional.wit", include_str!("../../../wit/optional.wit")),
];
const PACKAGE: &str = "spanmill:plugin/";
const VERSION: &str = "@0.1.0";
const ROLES: [&str; 4] = ["processor", "connector", "record-connector", "router"];
const OPTIONAL: [&str; 3] = ["state", "about", "ticker"];

/// Which world a module is of.
#[derive(Clone, Copy, Debug, Default)]
pub enum World<'a> {
    /// It has the interfaces whose functions the module exports.
    #[default]
    Exported,
    /// A world of a package in a WIT file, which may use the contract's package.
    Named {
        /// The text of the file.
        wit: &'a str,
        /// The world's name.
        name: &'a str,
    },
}

pub(crate) fn resolve(world: &World<'_>, exports: &Exports) -> Result<(Resolve, WorldId), Error> {
    let derived;
    let (wit, name) = match *world {
        World::Exported => {
            derived = text(exports)?;
            (derived.as_str(), "plugin")
        }
        World::Named { wit, name } => (wit, name),
    };
    let wrong = |error: anyhow::Error| Error::World(format!("{error:#}"));
    let mut sources = SourceMap::new();
    for (file, text) in CONTRACT {
        sources.push_str(file, text);
    }
    let contract = sources
        .parse()
        .map_err(|(_, error)| Error::World(error.to_string()))?;
    let mut resolve = Resolve::default();
    resolve
        .push_group(contract)
        .map_err(|error| Error::World(error.to_string()))?;
    let package = resolve.push_source("world.wit", wit);
    let package = package.map_err(wrong)?;
    let id = resolve
        .select_world(&[package], Some(name))
        .map_err(wrong)?;
    Ok((resolve, id))
}

/// A world of the interfaces that a module exports.
fn text(exports: &Exports) -> Result<String, Error> {
    let mut text = format!(
        "package spanmill:built;\nworld plugin {{\nimport {PACKAGE}log{VERSION};\nimport {PACKAGE}counters{VERSION};\n"
    );
    let mut has_role = false;
    for interface in &exports.interfaces {
        let name = interface
            .strip_prefix(PACKAGE)
            .and_then(|rest| rest.strip_suffix(VERSION));
        match name {
            Some(name) if ROLES.contains(&name) => has_role = true,
            Some(name) if OPTIONAL.contains(&name) => {}
            _ => return Err(Error::Unknown(interface.clone())),
        }
        text.push_str(&format!("export {interface};\n"));
    }
    if !has_role {
        return Err(Error::NoRole);
    }
    text.push_str("}\n");
    Ok(text)
}
