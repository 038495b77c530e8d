//! Everything that is shown: the only layer that prints.
