//! What the end-to-end tests stand on: the real binary on free ports, senders that speak to it, and a
//! backend that takes what it exports. Every wait has a deadline, and every address is a loopback one.

mod arrivals;
pub mod attack;
mod backend;
pub mod browser;
mod client;
mod codec;
mod collector;
mod command;
mod configuration;
mod counting;
mod jaeger;
mod metrics;
mod program;
pub mod prometheus;
mod received;
mod registry;
mod sdk;
mod spans;
pub mod tls;
mod versions;
mod wait;

pub use arrivals::{Arrivals, attribute};
pub use backend::{Answer, Backend, Refusal};
pub use client::{GrpcSender, HttpReply, admin, get, http, post};
pub use collector::{Ended, Spanmill};
pub use command::{Output, admin_token, binary, run_program, spanmill, spanmill_with};
pub use configuration::Configuration;
pub use counting::CountingBackend;
pub use jaeger::Jaeger;
pub use metrics::Measured;
pub use program::{Program, tool};
pub use received::Received;
pub use registry::{DockerRegistry, LOGIN};
pub use sdk::{App, admin_api, node, python, python_over_tls};
pub use spans::{Found, attributes, flatten, request, service, span, span_id, text};
pub use versions::{built_in, guest, version};
pub use wait::{DEADLINE, within};
