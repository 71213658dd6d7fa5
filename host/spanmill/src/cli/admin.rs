//! Where the admin API of a service is: opened by `spanmill run`, found by `spanmill plugin`.
//!
//! Unless told otherwise it is a Unix socket in a folder of the user's own, which the commands of the same user find by
//! themselves. An address needs a token; the one that a service makes for an address of this machine's own lies in the
//! same folder.

use std::path::PathBuf;

use spanmill_admin::{
    AdminClient, AdminConfig, AdminFolder, AdminServer, BindError, Endpoint, PublishedToken, Token,
};

use clap::Args;
use spanmill_net::tls::{ClientTls, Identity, Pem, ServerTls};

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
            address @ Endpoint::Address(_) => {
                format!("admin {} {address}", self.server.scheme())
            }
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

#[cfg(feature = "compiler")]
/// Where a service that this process starts is to listen.
pub(super) fn own_endpoint() -> Result<Endpoint, Failure> {
    match folder() {
        Ok(folder) => Ok(folder.endpoint()),
        Err(why) => Err(Failure(format!(
            "error: there is no folder for the admin socket: {why}"
        ))),
    }
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
            Ok(folder) => listen(folder.endpoint(), None, None)
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
    let tls = section.and_then(|admin| admin.tls.clone());
    Ok(Some(listen(Endpoint::new(&asked), token, tls).await?))
}

async fn listen(
    endpoint: Endpoint,
    token: Option<Token>,
    tls: Option<ServerTls>,
) -> Result<BoundAdmin, BindError> {
    let server = AdminServer::bind(&AdminConfig {
        endpoint,
        token,
        tls,
    })
    .await?;
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

/// Which service is meant, and how it is spoken to.
#[derive(Args, Debug)]
pub(super) struct AdminArgs {
    /// The admin API of the running spanmill, `unix:/path`, `host:port` or `https://host:port`; SPANMILL_ADMIN if not given,
    /// else the only one that this user runs.
    #[arg(long, global = true, value_name = "ENDPOINT")]
    admin: Option<String>,
    /// Whom to trust at an https endpoint: certificates in PEM, an authority's or the service's own; SPANMILL_ADMIN_CA if not
    /// given, else the system's authorities.
    #[arg(long, global = true, value_name = "FILE")]
    admin_ca: Option<PathBuf>,
    /// A certificate to show to an https endpoint that asks for one; SPANMILL_ADMIN_CERT if not given.
    #[arg(long, global = true, value_name = "FILE")]
    admin_cert: Option<PathBuf>,
    /// The key of that certificate; SPANMILL_ADMIN_KEY if not given.
    #[arg(long, global = true, value_name = "FILE")]
    admin_key: Option<PathBuf>,
}

impl AdminArgs {
    fn tls(&self) -> Result<ClientTls, Failure> {
        let file = |argument: &Option<PathBuf>, name| {
            let path = argument.clone().or_else(|| set(name).map(PathBuf::from));
            path.map(Pem::file)
        };
        let certificate = file(&self.admin_cert, "SPANMILL_ADMIN_CERT");
        let identity = match (certificate, file(&self.admin_key, "SPANMILL_ADMIN_KEY")) {
            (Some(certificate), Some(key)) => Some(Identity { certificate, key }),
            (None, None) => None,
            _ => {
                return Err(Failure(
                    "error: a certificate and its key go together: name both with --admin-cert and --admin-key".to_owned(),
                ));
            }
        };
        Ok(ClientTls {
            ca: file(&self.admin_ca, "SPANMILL_ADMIN_CA"),
            identity,
            ..ClientTls::default()
        })
    }
}

/// A client of the service that is meant: the one at the endpoint, or the only one that runs.
pub(super) fn client(args: &AdminArgs) -> Result<AdminClient, Failure> {
    let endpoint = match args.admin.clone().or_else(|| set(ADMIN)) {
        Some(endpoint) => Endpoint::new(&endpoint),
        None => only(existing().iter().flat_map(AdminFolder::listening).collect())?,
    };
    let token = match token_of_environment()? {
        Some(token) => Some(token),
        None => existing().iter().find_map(|folder| folder.token(&endpoint)),
    };
    Ok(AdminClient::with_tls(&endpoint, token, &args.tls()?)?)
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
