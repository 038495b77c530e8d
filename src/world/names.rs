//! Ids that look random and never are: the same world gives the same ones.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const NANOID: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const SUFFIX: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().into()
}

/// 64 hex characters, as Docker's ids and digests.
pub(super) fn hex64(parts: &[&str]) -> String {
    hash(parts).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// 40 hex characters, as git's commits.
pub(super) fn hex40(parts: &[&str]) -> String {
    let mut hex = hex64(parts);
    hex.truncate(40);
    hex
}

/// 21 characters, as Dokploy's ids.
pub(super) fn nanoid(parts: &[&str]) -> String {
    hash(parts).iter().take(21).map(|byte| char::from(NANOID[usize::from(*byte) % NANOID.len()])).collect()
}

/// The six characters that Dokploy puts behind an app's name (FACTS §4).
pub(super) fn suffix(parts: &[&str]) -> String {
    hash(parts).iter().take(6).map(|byte| char::from(SUFFIX[usize::from(*byte) % SUFFIX.len()])).collect()
}

/// A number to fill in what nobody compares.
pub(super) fn number(parts: &[&str]) -> u64 {
    let bytes = hash(parts);
    u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_their_parts_and_on_nothing_else() {
        assert_eq!(nanoid(&["compose", "1"]), nanoid(&["compose", "1"]));
        assert_ne!(nanoid(&["compose", "1"]), nanoid(&["compose1"]), "parts are kept apart");
        assert_eq!(hex64(&["x"]).len(), 64);
        assert_eq!(hex40(&["x"]).len(), 40);
        assert_eq!(suffix(&["x"]).len(), 6);
    }
}
