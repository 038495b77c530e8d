//! What must not be lost: the journal, the snapshots and the evidence of each run, as files that only their owner can read.
//!
//! Everything is on disk, synced, when a function here returns.

mod answer;
pub mod bundle;
mod error;
pub mod evidence;
mod files;
mod holder;
mod journal;
mod lock;
mod mailbox;
mod past;
mod phases_took;
mod remembered;
mod request;
mod run;
pub mod times;

pub use answer::{Answer, Delivered};
pub use bundle::{Bundle, BundlePhase};
pub use error::StoreError;
pub use holder::{Answered, Holder, Note, Question, this_user};
pub use journal::{Entry, Journal, decode, encode, read};
pub use lock::{Attempt, Key, Lock, LockFolder, Shared};
pub use past::{Archive, Condition, Past, Place, SANDBOX};
pub use request::Heard;
pub use run::{Run, Store, default_folder, new_run_id};
