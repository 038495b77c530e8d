//! Static checks, one rule a file.
