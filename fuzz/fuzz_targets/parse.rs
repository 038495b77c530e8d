//! Any text as a plan: reading never panics, and every span lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollout_plan::model::load;
use rollout_plan::source::SourceMap;

fuzz_target!(|text: &str| {
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text);
    for diagnostic in load(file, text).diagnostics {
        for label in std::iter::once(&diagnostic.primary).chain(&diagnostic.labels) {
            assert!(text.get(label.span.range()).is_some(), "{diagnostic:?}");
        }
    }
});
