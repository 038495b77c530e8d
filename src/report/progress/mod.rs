//! What a run's events come to: a pure fold of the event stream into what there is to show.

mod parts;
mod service;
mod step;
mod view;
mod wait;

pub use parts::{Failure, RollbackView, Start, TargetView};
pub use service::ServiceView;
pub use step::{Stage, Step};
pub use view::View;
pub use wait::Wait;
