//! Where the admin API of a service is: opened by `spanmill run`, found by `spanmill plugin`.
//!
//! Unless told otherwise it is a Unix socket in a folder of the user's own, which the commands of the same user find by
//! themselves. An address needs a token; the one that a service makes for an address of this machine's own lies in the
//! same folder.

use std::path::PathBuf;

use spanmill_admin::{
    AdminClient, AdminConfig, AdminFolder, AdminServer, BindError, Endpoint, PublishedToken, Token,
};

use super::output::Failure;
use crate::config::Manifest;

/// Where the admin API is, if the command line does not say.
const ADMIN: &str = "SPANMILL_ADMIN";
/// What requests to an address show.
const ADMIN_TOKEN: &str = "SPANMILL_ADMIN_TOKEN";

/// An admin API that listens.
pub(super) struct BoundAdmin {
    pub(super) server: AdminServer,
    /// Held as long as it serves.
    pub(super) token: Option<PublishedToken>,
}

impl BoundAdmin {
    /// What it listens on, for the log.
    pub(super) fn line(&self) -> String {
        match self.server.endpoint() {
            socket @ Endpoint::Socket(_) => format!("admin socket {socket}"),
            address @ Endpoint::Address(_) => format!("admin http {address}"),
        }
    }
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn token_of_environment() -> Result<Option<Token>, Failure> {
    let Some(token) = set(ADMIN_TOKEN) else {
        return Ok(None);
    };
    match Token::new(token.trim()) {
        Ok(token) => Ok(Some(token)),
        Err(error) => Err(Failure(format!("error: {ADMIN_TOKEN}: {error}"))),
    }
}

/// Folders of the user's own for sockets and tokens, the best one first.
fn folders() -> Vec<PathBuf> {
    let absolute = |name: &str| {
        set(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
    let user = spanmill_private::own_user();
    let last = std::env::temp_dir().join(format!("spanmill-{user}"));
    let named = absolute("XDG_RUNTIME_DIR").into_iter().chain(state);
    let named = named.map(|folder| folder.join("spanmill"));
    named.chain([last]).collect()
}

/// The first folder that can be used.
fn folder() -> Result<AdminFolder, String> {
    let mut why = Vec::new();
    for path in folders() {
        match AdminFolder::open(&path) {
            Ok(folder) => return Ok(folder),
            Err(error) => why.push(format!("{}: {error}", path.display())),
        }
    }
    Err(why.join("; "))
}

/// The folders that are there.
fn existing() -> Vec<AdminFolder> {
    let there = folders().into_iter().filter(|path| path.is_dir());
    there
        .filter_map(|path| AdminFolder::open(&path).ok())
        .collect()
}

/// Opens the admin API of a service. Only where nobody asked for an endpoint, one that cannot be had is no error.
pub(super) async fn bind(
    manifest: &Manifest,
    argument: Option<String>,
) -> Result<Option<BoundAdmin>, Failure> {
    let section = manifest.admin.as_ref();
    let asked = argument
        .or_else(|| set(ADMIN))
        .or_else(|| section.and_then(|admin| admin.endpoint.clone()));
    if asked.as_deref() == Some("off") || section.is_some_and(|admin| !admin.enabled) {
        return Ok(None);
    }
    let Some(asked) = asked else {
        let bound = match folder() {
            Ok(folder) => listen(folder.endpoint(), None)
                .await
                .map_err(|error| error.to_string()),
            Err(why) => Err(format!(
                "admin API: there is no folder for its socket: {why}"
            )),
        };
        return match bound {
            Ok(bound) => Ok(Some(bound)),
            Err(error) => {
                tracing::warn!(%error, "no admin API: `spanmill plugin` cannot reach this process");
                Ok(None)
            }
        };
    };
    let token = match section.and_then(|admin| admin.token.as_ref()) {
        Some(secret) => Some(
            Token::new(secret.reveal())
                .map_err(|error| Failure(format!("error: admin: token: {error}")))?,
        ),
        None => token_of_environment()?,
    };
    Ok(Some(listen(Endpoint::new(&asked), token).await?))
}

async fn listen(endpoint: Endpoint, token: Option<Token>) -> Result<BoundAdmin, BindError> {
    let server = AdminServer::bind(&AdminConfig { endpoint, token }).await?;
    let mut published = None;
    if let (Some(token), Some(address)) = (server.made_token(), server.address()) {
        let publish = folder().and_then(|folder| {
            folder
                .publish(address, token)
                .map_err(|error| error.to_string())
        });
        match publish {
            Ok(token) => published = Some(token),
            Err(error) => {
                tracing::warn!(%error, "admin API: its token cannot be left for `spanmill plugin`; set `admin.token` or SPANMILL_ADMIN_TOKEN");
            }
        }
    }
    Ok(BoundAdmin {
        server,
        token: published,
    })
}

/// A client of the service that is meant: the one at the endpoint, or the only one that runs.
pub(super) fn client(argument: Option<String>) -> Result<AdminClient, Failure> {
    let endpoint = match argument.or_else(|| set(ADMIN)) {
        Some(endpoint) => Endpoint::new(&endpoint),
        None => only(existing().iter().flat_map(AdminFolder::listening).collect())?,
    };
    let token = match token_of_environment()? {
        Some(token) => Some(token),
        None => existing().iter().find_map(|folder| folder.token(&endpoint)),
    };
    Ok(AdminClient::new(&endpoint, token)?)
}

fn only(mut listening: Vec<Endpoint>) -> Result<Endpoint, Failure> {
    match (listening.pop(), listening.is_empty()) {
        (Some(endpoint), true) => Ok(endpoint),
        (Some(last), false) => {
            listening.push(last);
            let all: Vec<String> = listening.iter().map(Endpoint::to_string).collect();
            Err(Failure(format!(
                "error: several services of this user run; say which with --admin or {ADMIN}, by its process number: {}",
                all.join(", ")
            )))
        }
        (None, _) => {
            let folders = folders();
            let folders: Vec<String> = folders
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            Err(Failure(format!(
                "error: no `spanmill run` of this user has an admin socket in {}; is it running? name another endpoint with --admin or {ADMIN}",
                folders.join(", ")
            )))
        }
    }
}
