//! The loop's own rules, with a scripted engine.
