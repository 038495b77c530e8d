//! The world's HTTP shell on loopback.
