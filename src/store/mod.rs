//! What must not be lost: the journal, the snapshots and the evidence of each run, as files that only their owner can read.
//!
//! Everything is on disk, synced, when a function here returns.

pub mod bundle;
mod error;
pub mod evidence;
mod files;
mod journal;
mod lock;
mod mailbox;
mod past;
mod phases_took;
mod remembered;
mod run;
pub mod times;

pub use bundle::{Bundle, BundlePhase};
pub use error::StoreError;
pub use journal::{Entry, Journal, decode, encode, read};
pub use lock::{Attempt, Holder, Key, Lock, LockFolder, Note, Shared};
pub use mailbox::Heard;
pub use past::{Archive, Condition, Past, Place, SANDBOX};
pub use run::{Run, Store, default_folder, new_run_id};
