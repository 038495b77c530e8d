//! What `plan check` prints.
