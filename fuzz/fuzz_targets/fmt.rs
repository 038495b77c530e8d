//! Any text laid out: what comes out is laid out already.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_plan::fmt::format;

fuzz_target!(|text: &str| {
    if let Ok(once) = format(text) {
        assert_eq!(format(&once).expect("it was read before"), once);
    }
});
