//! The role that a plugin is looked at in.

use spanmill_otlp::Signal;
use spanmill_runtime::{Kind, Role};

use super::output::Failure;

/// The role of a kind, a router's with the pipelines given; `None` for a router if there are none.
///
/// # Errors
///
/// Pipelines that are not all of one signal.
pub(super) fn role(kind: Kind, pipelines: &[String]) -> Result<Option<Role>, Failure> {
    if kind != Kind::Router {
        return Ok(Some(Role::of(kind)));
    }
    let signal_of = |name: &String| {
        let signal = name.split('/').next();
        Signal::ALL
            .into_iter()
            .find(|known| Some(known.name()) == signal)
    };
    let Some(first) = pipelines.first() else {
        return Ok(None);
    };
    let signal = signal_of(first);
    match signal.filter(|_| pipelines.iter().all(|name| signal_of(name) == signal)) {
        Some(signal) => Ok(Some(Role::Router {
            signal,
            pipelines: pipelines.into(),
        })),
        None => Err(Failure(
            "error: --pipelines: name pipelines of one signal, such as traces/eu,traces/us"
                .to_owned(),
        )),
    }
}
