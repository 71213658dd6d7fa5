//! One table of what can be asked, and what answers.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Extension, Json, Router};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use super::glance::Glance;
use super::guard::{Guard, OVERVIEW, guard};
use super::lines::Lines;
use super::query::{PromoteParameters, ShadowParameters, SwapParameters, TapParameters};
use super::{page, upload};
use crate::control::{Control, ControlError};
use crate::manifest::ManifestReport;
use crate::overview::{Access, Overview};
use crate::problem::Problem;
use crate::report::{Event, PluginStatus, ReloadReport, ServiceStatus, ShadowReport, SwapReport};
use crate::trace_report::TraceReport;

const OPENAPI: &str = include_str!("../../openapi.yaml");
/// Uploads in memory at once; further ones are refused before they are read.
const MAX_UPLOADS: usize = 4;

/// What the handlers share.
pub(crate) struct App<C> {
    control: Arc<C>,
    commands: TaskTracker,
    uploads: Arc<Semaphore>,
    glance: Arc<Glance>,
}

impl<C> Clone for App<C> {
    fn clone(&self) -> Self {
        Self {
            control: Arc::clone(&self.control),
            commands: self.commands.clone(),
            uploads: Arc::clone(&self.uploads),
            glance: Arc::clone(&self.glance),
        }
    }
}

impl<C: Control> App<C> {
    pub fn new(control: Arc<C>, commands: TaskTracker) -> Self {
        Self {
            control,
            commands,
            uploads: Arc::new(Semaphore::new(MAX_UPLOADS)),
            glance: Arc::default(),
        }
    }

    /// Room for one more upload; without any, the body is not waited for.
    fn upload(&self, request: Request) -> Result<(OwnedSemaphorePermit, Request), Problem> {
        match Arc::clone(&self.uploads).try_acquire_owned() {
            Ok(permit) => Ok((permit, request)),
            Err(_) => {
                upload::discard(request.into_body());
                Err(Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("{MAX_UPLOADS} uploads are under way; try again when one has ended"),
                ))
            }
        }
    }

    /// Carries a command out to its end, whether or not the client waits for it.
    async fn carry_out<T, F>(&self, command: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ControlError>> + Send + 'static,
    {
        match self.commands.spawn(command).await {
            Ok(outcome) => outcome.map_err(Problem::from),
            Err(_) => Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the command failed for a reason of the service's own; see its log",
            )),
        }
    }
}

/// What can be asked, by the names of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Delete,
}

impl Verb {
    fn filter(self) -> MethodFilter {
        match self {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Delete => MethodFilter::DELETE,
        }
    }
}

/// A method of a path, and what answers it.
pub(crate) struct Route<C> {
    pub verb: Verb,
    pub path: &'static str,
    handler: fn(MethodFilter) -> MethodRouter<App<C>>,
}

/// Everything that can be asked; `openapi.yaml` has the same.
pub(crate) fn table<C: Control>() -> Vec<Route<C>> {
    use Verb::{Delete, Get, Post};
    let route = |verb, path, handler| Route {
        verb,
        path,
        handler,
    };
    const SHADOW: &str = "/v1/plugins/{component}/shadow";
    vec![
        route(Get, OVERVIEW, |f| on(f, overview::<C>)),
        route(Get, "/v1/manifest", |f| on(f, manifest::<C>)),
        route(Get, "/v1/status", |f| on(f, status::<C>)),
        route(Get, "/v1/plugins", |f| on(f, plugins::<C>)),
        route(Get, "/v1/plugins/{component}", |f| on(f, plugin::<C>)),
        route(Post, "/v1/plugins/{component}/swap", |f| on(f, swap::<C>)),
        route(Post, SHADOW, |f| on(f, shadow::<C>)),
        route(Get, SHADOW, |f| on(f, shadow_report::<C>)),
        route(Delete, SHADOW, |f| on(f, end_shadow::<C>)),
        route(Post, "/v1/plugins/{component}/promote", |f| {
            on(f, promote::<C>)
        }),
        route(Get, "/v1/tap", |f| on(f, tap::<C>)),
        route(Post, "/v1/reload", |f| on(f, reload::<C>)),
        route(Get, "/v1/traces/{trace_id}", |f| on(f, trace::<C>)),
        route(Get, "/v1/events", |f| on(f, events::<C>)),
        route(Get, "/v1/openapi.yaml", |f| on(f, openapi)),
    ]
}

pub(super) fn router<C: Control>(app: App<C>, keeper: Guard) -> Router {
    let mut router = Router::new();
    for route in table::<C>() {
        router = router.route(route.path, (route.handler)(route.verb.filter()));
    }
    page::add(router)
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        // Last, so that it stands before everything else.
        .layer(from_fn_with_state(keeper, guard))
        .with_state(app)
}

async fn no_such_path(request: Request) -> Problem {
    upload::discard(request.into_body());
    Problem::new(
        StatusCode::NOT_FOUND,
        "there is no such path; GET /v1/openapi.yaml lists what there is, and a `/` inside a component id is written %2F",
    )
}

async fn no_such_method(request: Request) -> Problem {
    upload::discard(request.into_body());
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "the path does not take this method; the Allow header has those that it takes",
    )
}

/// The component id in a path.
struct Component(String);

impl<S: Send + Sync> FromRequestParts<S> for Component {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<String>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        match path {
            Ok(Path(id)) => Ok(Self(id)),
            // Not UTF-8: no component is called that.
            Err(_) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "there is no such component; ids are UTF-8, such as filter/health, written filter%2Fhealth",
            )),
        }
    }
}

/// The trace id in a path.
struct TraceId(u128);

impl<S: Send + Sync> FromRequestParts<S> for TraceId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<String>, PathRejection> =
            Path::from_request_parts(parts, state).await;
        let is_hex = |id: &str| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let id = path.ok().filter(|Path(id)| is_hex(id));
        let id = id.and_then(|Path(id)| u128::from_str_radix(&id, 16).ok());
        match id.filter(|id| *id != 0) {
            Some(id) => Ok(Self(id)),
            None => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "a trace id has 32 hexadecimal digits, and is not 0",
            )),
        }
    }
}

/// Lists are objects on the wire, so that there is room for more.
#[derive(Serialize, Deserialize)]
pub(crate) struct PluginList {
    pub plugins: Vec<PluginStatus>,
}

/// As [`PluginList`].
#[derive(Serialize, Deserialize)]
pub(crate) struct EventList {
    pub events: Vec<Event>,
}

async fn plugins<C: Control>(State(app): State<App<C>>) -> Json<PluginList> {
    let plugins = app.control.plugins();
    Json(PluginList { plugins })
}

async fn plugin<C: Control>(
    State(app): State<App<C>>,
    Component(id): Component,
) -> Result<Json<PluginStatus>, Problem> {
    let mut plugins = app.control.plugins();
    match plugins.iter().position(|plugin| plugin.component == id) {
        Some(at) => Ok(Json(plugins.swap_remove(at))),
        None => {
            let known: Vec<&str> = plugins.iter().map(|one| one.component.as_str()).collect();
            Err(Problem::new(
                StatusCode::NOT_FOUND,
                format!(
                    "no plugin runs as component {id:?}; these do: {}",
                    known.join(", ")
                ),
            ))
        }
    }
}

async fn swap<C: Control>(
    State(app): State<App<C>>,
    Component(id): Component,
    parameters: Result<SwapParameters, Problem>,
    request: Request,
) -> Result<Json<SwapReport>, Problem> {
    let (permit, request) = app.upload(request)?;
    let (SwapParameters { name, options }, wasm) = upload::read(parameters, request).await?;
    let control = Arc::clone(&app.control);
    let command = async move {
        let outcome = control.swap(id, name, wasm, options).await;
        drop(permit);
        outcome
    };
    app.carry_out(command).await.map(Json)
}

async fn shadow<C: Control>(
    State(app): State<App<C>>,
    Component(id): Component,
    parameters: Result<ShadowParameters, Problem>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let (permit, request) = app.upload(request)?;
    let (parameters, wasm) = upload::read(parameters, request).await?;
    let control = Arc::clone(&app.control);
    let command = async move {
        let ShadowParameters {
            name,
            duration,
            allow_more,
        } = parameters;
        let outcome = control.shadow(id, name, wasm, duration, allow_more).await;
        drop(permit);
        outcome
    };
    let report: ShadowReport = app.carry_out(command).await?;
    Ok((StatusCode::CREATED, Json(report)))
}

async fn shadow_report<C: Control>(
    State(app): State<App<C>>,
    Component(id): Component,
) -> Result<Json<ShadowReport>, Problem> {
    Ok(Json(app.control.shadow_report(&id)?))
}

async fn end_shadow<C: Control>(
    State(app): State<App<C>>,
    Component(id): Component,
) -> Result<Json<ShadowReport>, Problem> {
    let control = Arc::clone(&app.control);
    let command = async move { control.end_shadow(id).await };
    app.carry_out(command).await.map(Json)
}

async fn promote<C: Control>(
    State(app): State<App<C>>,
    Component(id): Component,
    PromoteParameters(options): PromoteParameters,
) -> Result<Json<SwapReport>, Problem> {
    let control = Arc::clone(&app.control);
    let command = async move { control.promote(id, options).await };
    app.carry_out(command).await.map(Json)
}

async fn trace<C: Control>(
    State(app): State<App<C>>,
    TraceId(id): TraceId,
) -> Result<Json<TraceReport>, Problem> {
    Ok(Json(app.control.trace(id)?))
}

async fn reload<C: Control>(State(app): State<App<C>>) -> Result<Json<ReloadReport>, Problem> {
    let control = Arc::clone(&app.control);
    let command = async move { control.reload().await };
    app.carry_out(command).await.map(Json)
}

async fn tap<C: Control>(
    State(app): State<App<C>>,
    TapParameters(request): TapParameters,
) -> Result<impl IntoResponse, Problem> {
    let lines = app.control.tap(request).await?;
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::new(Lines(lines))))
}

async fn overview<C: Control>(
    State(app): State<App<C>>,
    Extension(access): Extension<Access>,
) -> impl IntoResponse {
    let control = &app.control;
    let overview = || {
        Overview::new(
            access,
            control.layout(),
            control.status(),
            control.plugins(),
        )
    };
    match access {
        Access::Full => Json(overview()).into_response(),
        Access::Overview => (
            [(CONTENT_TYPE, "application/json")],
            app.glance.of(overview),
        )
            .into_response(),
    }
}

async fn manifest<C: Control>(State(app): State<App<C>>) -> Result<Json<ManifestReport>, Problem> {
    Ok(Json(app.control.manifest().await?))
}

async fn status<C: Control>(State(app): State<App<C>>) -> Json<ServiceStatus> {
    Json(app.control.status())
}

async fn events<C: Control>(State(app): State<App<C>>) -> Json<EventList> {
    let events = app.control.events();
    Json(EventList { events })
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/yaml")], OPENAPI)
}
