//! Journal and snapshots.
