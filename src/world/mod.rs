//! A model of Dokploy, its engine host and the services on it, pure and on virtual time.
//!
//! It is the only stand-in there is: rehearsal calls it directly, and the sandbox is its HTTP shell. It knows nothing of the client
//! (`engine`, `dokploy`, `wire`): what it answers comes from what was recorded of a real server (FACTS). The same calls at the same times give
//! the same bytes.
//!
//! [`World::api`] answers Dokploy's API, [`World::service`] the deployed services, [`World::next_change`] says when something happens by itself.

mod api;
mod bodies;
mod config;
mod container;
mod container_log;
mod database;
mod definition;
mod deploy;
mod deploy_log;
mod fault;
mod fault_text;
mod fault_words;
mod faults;
mod git;
mod host;
mod inspect;
mod mutations;
mod names;
mod queries;
mod queue;
mod request;
mod request_log;
mod scope;
mod service;
mod stamp;
mod state;
mod store;
mod truth;
mod variables;
mod version;
mod window;

pub use config::{Compose, Config, Environment, External, Key, MemberRights, OtherContainer, OtherJob, Project, Role, Speaks};
pub use database::{Cell, RedisReply, is_without_rows, redis, selected};
pub use fault::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target, When};
pub use fault_words::{FaultError, FaultWords, Part, Whom};
pub use request::{ApiRequest, ApiResponse, Content, Verb};
pub use request_log::LoggedCall;
pub use service::ServiceAnswer;
pub use state::World;
pub use truth::Truth;
