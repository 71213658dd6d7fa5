//! Where nothing is fetched: in a build without the feature `fetch`.

use std::path::PathBuf;

use spanmill_distribution::{DistributionError, Location, LockFile, PublicKey};

use super::access::Access;
use super::own_file::Resolved;
use super::problem::Problem;
use crate::config::PluginSpec;

/// Plugins from elsewhere, which are not to be had.
#[derive(Clone, Debug)]
pub(super) struct Elsewhere;

impl Elsewhere {
    pub(super) fn new(_: Option<PathBuf>, _: PathBuf) -> Self {
        Elsewhere
    }

    pub(super) fn stop(&self) {}

    pub(super) fn try_again(&self) {}

    /// Refuses it.
    pub(super) fn resolve(
        &self,
        _: &PluginSpec,
        location: &Location,
        _: &[PublicKey],
        _: &Result<LockFile, DistributionError>,
        _: Access,
    ) -> Result<Resolved, Problem> {
        let help = "`spanmill bundle` puts it into the executable, or `spanmill plugin compile --key` makes a file of it for `file:`";
        Err(Problem {
            help: Some(help.to_owned()),
            ..Problem::from(format!("{location}: this spanmill fetches no plugins"))
        })
    }
}
