//! Any text as a compose file: reading never panics, and what is wrong has its place in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_plan::compose;
use rollout_plan::source::SourceMap;

fuzz_target!(|text: &str| {
    let file = SourceMap::default().add("compose.yml", text);
    for fault in compose::read(file, text).err().into_iter().flatten() {
        if let Some(at) = fault.at {
            assert!(text.get(at.clone()).is_some(), "{at:?}");
        }
    }
});
