//! The engine against a platform of closures: every way a run can go, and what holds of all of them.

mod asleep;
mod by_hand;
mod fake;
mod giving_way;
mod locking;
mod model;
mod outlooks;
mod plan;
mod properties;
mod refusals;
mod rollbacks;
mod rollouts;
mod ways_back;
