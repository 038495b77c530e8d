//! Notices: who is told what happens in a run, and how that is sent without the run ever waiting for it.
//!
//! Pure: [`Teller`] makes notices of the engine's events, [`Shape::body`] spells them for the one who takes them (`docs/notices.md`).
//! Impure: [`Post`] keeps a short queue for each recipient and works it off beside the run; [`Mail`] sends one notice once.

mod body;
mod mail;
mod notice;
mod post;
mod recipient;
mod teller;
mod vigil;
mod words;

pub use body::{SCHEMA, Shape};
pub use mail::Mail;
pub use notice::{AtFault, Notice};
pub use post::{Carry, Lost, Post, Tally, Undelivered};
pub use recipient::{Recipient, prepare};
pub use teller::Teller;
pub use vigil::VigilTeller;
