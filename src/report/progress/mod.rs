//! What a run's events come to: a pure fold of the event stream into what there is to show.

mod service;
mod step;
mod view;
mod wait;

pub use service::ServiceView;
pub use step::{Stage, Step};
pub use view::{Failure, RollbackView, Start, View};
pub use wait::Wait;
