//! Runs that were, from their records: what a run came to in a few words, a run shown again, the list of runs, and where an app stands.

mod history;
mod now;
mod now_table;
mod recall;
mod replay;
mod status;
mod summary;

pub use history::{Listed, history, history_json};
pub use now::{Now, PhaseNow, Probed, Seen, ServiceNow, row_word};
pub(super) use recall::outline;
pub use recall::recall;
pub(super) use replay::complete;
pub use replay::{replay, replayed};
pub use status::{Live, Status, status, status_json};
pub(super) use summary::so_far;
pub use summary::{End, Left, Summary};
